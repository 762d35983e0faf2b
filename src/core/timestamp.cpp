#include "grant/core/timestamp.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "text_scanner.hpp"

namespace grant {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Leap seconds and offsets reach years that format_timestamp() does not write.
std::optional<Timestamp> in_written_years(Timestamp time) {
  using std::chrono::January;
  using std::chrono::sys_days;
  using std::chrono::year;
  const bool written =
      time >= sys_days(year(0) / January / 1) && time < sys_days(year(10'000) / January / 1);
  return written ? std::optional(time) : std::nullopt;
}

}  // namespace

std::string format_timestamp(Timestamp time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<microseconds> clock(time - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::optional<Timestamp> parse_timestamp(std::string_view text) noexcept {
  TextScanner in(text);
  const std::chrono::year year(in.digits(4));
  in.expect('-');
  const std::chrono::month month(static_cast<unsigned>(in.digits(2)));
  in.expect('-');
  const std::chrono::day day(static_cast<unsigned>(in.digits(2)));
  const std::chrono::year_month_day date(year, month, day);
  if (in.failed() || !date.ok()) return std::nullopt;
  Timestamp time = std::chrono::sys_days(date);
  if (in.done()) return time;

  if (!in.take('T')) in.expect(' ');
  const int hour = in.digits(2);
  in.expect(':');
  const int minute = in.digits(2);
  int second = 0;
  microseconds fraction{0};
  if (in.take(':')) {
    second = in.digits(2);
    if (in.take('.')) fraction = in.decimals();
  }
  // 60: a leap second, which UTC text may carry and sys_time counts as the next second.
  if (in.failed() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  time += hours(hour) + minutes(minute) + seconds(second) + fraction;

  if (in.take('Z')) return in.done() ? in_written_years(time) : std::nullopt;
  const bool ahead = in.take('+');
  if (ahead || in.take('-')) {
    const int offset_hours = in.digits(2);
    int offset_minutes = 0;
    if (in.take(':') || !in.done()) offset_minutes = in.digits(2);
    if (offset_hours > 15 || offset_minutes > 59) return std::nullopt;
    const auto offset = hours(offset_hours) + minutes(offset_minutes);
    time = ahead ? time - offset : time + offset;
  }
  if (in.failed() || !in.done()) return std::nullopt;
  return in_written_years(time);
}

std::optional<Timestamp> midnight_of(Date date) noexcept {
  using std::chrono::days;
  if (date < std::chrono::ceil<days>(Timestamp::min()) ||
      date > std::chrono::floor<days>(Timestamp::max())) {
    return std::nullopt;
  }
  return Timestamp(date);
}

}  // namespace grant
