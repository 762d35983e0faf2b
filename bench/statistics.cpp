#include "bench/statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

namespace grant::bench {

Summary summarise(std::vector<double> samples) {
  assert(!samples.empty());
  std::sort(samples.begin(), samples.end());
  const std::size_t middle = samples.size() / 2;
  const double median =
      samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
  return {.median = median, .min = samples.front(), .max = samples.back()};
}

double quantile(std::vector<double> samples, double q) {
  assert(!samples.empty() && q >= 0 && q <= 1);
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(samples.size())));
  const auto nth = samples.begin() + static_cast<std::ptrdiff_t>(rank == 0 ? 0 : rank - 1);
  std::nth_element(samples.begin(), nth, samples.end());
  return *nth;
}

double paired_ratio(const std::vector<double>& values, const std::vector<double>& baseline) {
  assert(values.size() == baseline.size());
  std::vector<double> ratios(values.size());
  std::transform(values.begin(), values.end(), baseline.begin(), ratios.begin(),
                 [](double value, double base) { return value / base; });
  return summarise(std::move(ratios)).median;
}

double jain_fairness(const std::vector<double>& shares) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  const double squares = std::inner_product(shares.begin(), shares.end(), shares.begin(), 0.0);
  assert(squares > 0);
  return sum * sum / (static_cast<double>(shares.size()) * squares);
}

}  // namespace grant::bench
