#include "grant/core/duration.hpp"

#include <charconv>
#include <cstdint>
#include <limits>

namespace grant {

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;

  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::int64_t scale = 0;
  if (unit == "ms") scale = 1;
  if (unit == "s") scale = 1'000;
  if (unit == "m") scale = 60'000;
  if (unit == "h") scale = 3'600'000;
  // Kept far from where adding to a point in time would overflow.
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 4'000'000;
  if (scale == 0 || number > most / scale) return std::nullopt;
  return std::chrono::milliseconds(number * scale);
}

}  // namespace grant
