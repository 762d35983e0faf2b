#include "pause.hpp"

#include <algorithm>
#include <chrono>

namespace grant::detail {

Duration pause_after(std::size_t failures, std::uint64_t random_bits) noexcept {
  using std::chrono::microseconds;
  constexpr std::size_t most_doublings = 6;
  constexpr microseconds longest = std::chrono::milliseconds(500);
  const auto doublings = std::min(failures - std::min<std::size_t>(failures, 1), most_doublings);
  const auto whole = std::min(microseconds(std::int64_t{10'000} << doublings), longest);
  const auto half = whole / 2;
  const auto span = static_cast<std::uint64_t>(half.count()) + 1;
  return half + microseconds(static_cast<std::int64_t>(random_bits % span));
}

}  // namespace grant::detail
