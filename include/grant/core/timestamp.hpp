#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "grant/core/clock.hpp"
#include "grant/core/date.hpp"

namespace grant {

/// `2026-11-23 11:26:41.000042`: UTC, always six decimals, so that text sorts as time does. For
/// years 0 to 9999.
[[nodiscard]] std::string format_timestamp(Timestamp time);

/// Reads what format_timestamp() writes, with `T` for the space, fewer decimals or none, a time
/// left out, and a closing `Z` or `+hh[:mm]` offset. Empty when `text` is none of these, or a time
/// outside those years.
[[nodiscard]] std::optional<Timestamp> parse_timestamp(std::string_view text) noexcept;

/// The start of `date`. Empty for one that timestamps do not reach, about 292,000 years away.
[[nodiscard]] std::optional<Timestamp> midnight_of(Date date) noexcept;

}  // namespace grant
