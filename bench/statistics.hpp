#pragma once

#include <vector>

namespace grant::bench {

/// What several measurements of one thing come to.
struct Summary {
  double median{};
  double min{};
  double max{};
};

/// `samples` must not be empty. The median of an even number is the mean of the middle two.
[[nodiscard]] Summary summarise(std::vector<double> samples);

/// The sample that the fraction `q` (0 to 1) of `samples` does not exceed, by the nearest rank.
/// `samples` must not be empty.
[[nodiscard]] double quantile(std::vector<double> samples, double q);

/// The median of values[i] / baseline[i]: pairs measured close together, so that what slows the
/// machine for a while slows both. Equally long, not empty, no baseline of 0.
[[nodiscard]] double paired_ratio(const std::vector<double>& values,
                                  const std::vector<double>& baseline);

/// Jain's index of how evenly `shares` are dealt out: 1 when all are equal, down to 1 / n when one
/// has everything. Not empty, and not all 0.
[[nodiscard]] double jain_fairness(const std::vector<double>& shares);

}  // namespace grant::bench
