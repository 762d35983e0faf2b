#include "grant/core/date.hpp"

#include <fmt/format.h>

#include "text_scanner.hpp"

namespace grant {

using namespace std::chrono_literals;

std::string format_date(Date date) {
  const std::chrono::year_month_day day(date);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

bool is_in_written_years(Date date) noexcept {
  // By days: the year of one that is far away does not fit into a std::chrono::year.
  using std::chrono::year;
  return date >= Date(year(0) / 1 / 1) && date <= Date(year(9999) / 12 / 31);
}

std::optional<Date> parse_date(std::string_view text) noexcept {
  TextScanner in(text);
  const std::chrono::year year(in.digits(4));
  in.expect('-');
  const std::chrono::month month(static_cast<unsigned>(in.digits(2)));
  in.expect('-');
  const std::chrono::day day(static_cast<unsigned>(in.digits(2)));
  const std::chrono::year_month_day date(year, month, day);
  if (in.failed() || !in.done() || !date.ok()) return std::nullopt;
  return Date(date);
}

std::string format_time(TimeOfDay time) {
  const std::chrono::hh_mm_ss clock(time.since_midnight);
  return fmt::format("{:02}:{:02}:{:02}.{:06}", clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count(), clock.subseconds().count());
}

std::optional<TimeOfDay> parse_time(std::string_view text) noexcept {
  TextScanner in(text);
  const int hour = in.digits(2);
  in.expect(':');
  const int minute = in.digits(2);
  int second = 0;
  std::chrono::microseconds fraction{0};
  if (in.take(':')) {
    second = in.digits(2);
    if (in.take('.')) fraction = in.decimals();
  }
  if (in.failed() || !in.done() || minute > 59 || second > 59) return std::nullopt;
  const TimeOfDay time{std::chrono::hours(hour) + std::chrono::minutes(minute) +
                       std::chrono::seconds(second) + fraction};
  if (time.since_midnight > 24h) return std::nullopt;
  return time;
}

}  // namespace grant
