#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace grant {

/// A day of the Gregorian calendar.
using Date = std::chrono::sys_days;

/// A time of day without a date or zone: 00:00:00 to 24:00:00.
struct TimeOfDay {
  std::chrono::microseconds since_midnight{};

  friend auto operator<=>(const TimeOfDay&, const TimeOfDay&) = default;
};

/// `2026-11-23`. For years 0 to 9999.
[[nodiscard]] std::string format_date(Date date);

/// Whether format_date() can write `date`: it is of the years 0 to 9999.
[[nodiscard]] bool is_in_written_years(Date date) noexcept;

/// Reads what format_date() writes. Empty when `text` is not that, or names no day.
[[nodiscard]] std::optional<Date> parse_date(std::string_view text) noexcept;

/// `11:26:41.000042`: always six decimals, so that text sorts as time does.
[[nodiscard]] std::string format_time(TimeOfDay time);

/// Reads what format_time() writes, with fewer decimals or without seconds. Empty when `text` is
/// not that, or is later than 24:00:00.
[[nodiscard]] std::optional<TimeOfDay> parse_time(std::string_view text) noexcept;

}  // namespace grant
