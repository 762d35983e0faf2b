#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace grant {

/// Reads `250ms`, `5s`, `2m` or `1h`: a whole number and a unit. Empty when `text` is none of these
/// or too large.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(
    std::string_view text) noexcept;

}  // namespace grant
