#include "bind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>

#include "core/utf8.hpp"
#include "grant/core/error.hpp"

namespace grant::mariadb {
namespace {

void check_text(Place place, std::string_view text) {
  const auto bad = first_bad_byte(text);
  if (bad == std::string_view::npos) return;
  // MariaDB's text could hold NUL, but no other engine's can.
  refuse(place, text[bad] == '\0'
                    ? fmt::format("the text has a NUL character at byte {}: bind it as bytes", bad)
                    : fmt::format("the text is not UTF-8 at byte {}", bad));
}

void set_date(Place place, Date day, MYSQL_TIME& out) {
  using namespace std::chrono;
  const year_month_day date(day);
  if (!is_in_written_years(day) || date.year() < year{1}) {
    refuse(place, "the date does not fit: MariaDB holds the years 1 to 9999");
  }
  out.year = static_cast<unsigned>(static_cast<int>(date.year()));
  out.month = static_cast<unsigned>(date.month());
  out.day = static_cast<unsigned>(date.day());
}

void set_time(std::chrono::microseconds since_midnight, MYSQL_TIME& out) {
  const std::chrono::hh_mm_ss time(since_midnight);
  out.hour = static_cast<unsigned>(time.hours().count());
  out.minute = static_cast<unsigned>(time.minutes().count());
  out.second = static_cast<unsigned>(time.seconds().count());
  out.second_part = static_cast<unsigned long>(time.subseconds().count());
}

MYSQL_TIME broken_down(Place place, ValueView value) {
  MYSQL_TIME out{};
  switch (value.kind()) {
    case ValueKind::date:
      out.time_type = MYSQL_TIMESTAMP_DATE;
      set_date(place, value.as_date(), out);
      return out;
    case ValueKind::time: {
      const auto time = value.as_time().since_midnight;
      if (time < std::chrono::hours(0) || time > std::chrono::hours(24)) {
        refuse(place, "the time is not between 0 and 24 hours");
      }
      out.time_type = MYSQL_TIMESTAMP_TIME;
      set_time(time, out);
      return out;
    }
    default: {
      const auto timestamp = value.as_timestamp();
      const auto day = std::chrono::floor<std::chrono::days>(timestamp);
      out.time_type = MYSQL_TIMESTAMP_DATETIME;
      set_date(place, day, out);
      set_time(timestamp - day, out);
      return out;
    }
  }
}

// The server would take the largest number that it holds instead of a larger one, and say nothing.
void check_decimal(Place place, std::string_view text) {
  constexpr std::size_t most_digits = 65;
  constexpr std::size_t most_decimals = 38;
  const auto point = text.find('.');
  const auto decimals = point == std::string_view::npos ? 0 : text.size() - point - 1;
  const auto first = text.find_first_not_of("+-0.");
  const auto digits =
      first == std::string_view::npos
          ? 0
          : std::ranges::count_if(text.substr(first), [](char c) { return c != '.'; });
  if (static_cast<std::size_t>(digits) > most_digits || decimals > most_decimals) {
    refuse(place, "the decimal does not fit: MariaDB holds 65 digits, up to 38 of them decimals");
  }
}

}  // namespace

void Binder::encode(std::size_t slot, Place place, ValueView value) {
  MYSQL_BIND& bind = binds_[slot];
  Scalar& scalar = scalars_[slot];
  bind = {};
  bind.buffer = &scalar;
  switch (value.kind()) {
    case ValueKind::null: bind.buffer_type = MYSQL_TYPE_NULL; return;
    case ValueKind::boolean:
      bind.buffer_type = MYSQL_TYPE_TINY;
      scalar.boolean = value.as_boolean() ? 1 : 0;
      return;
    case ValueKind::integer:
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      scalar.integer = value.as_integer();
      return;
    case ValueKind::real:
      if (!std::isfinite(value.as_real())) refuse(place, "MariaDB holds no NaN and no infinity");
      bind.buffer_type = MYSQL_TYPE_DOUBLE;
      scalar.real = value.as_real();
      return;
    case ValueKind::unsigned_integer:
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.is_unsigned = 1;
      scalar.integer = static_cast<long long>(value.as_unsigned_integer());
      return;
    case ValueKind::date:
    case ValueKind::time:
    case ValueKind::timestamp:
      bind.buffer_type = value.kind() == ValueKind::date   ? MYSQL_TYPE_DATE
                         : value.kind() == ValueKind::time ? MYSQL_TYPE_TIME
                                                           : MYSQL_TYPE_DATETIME;
      scalar.time = broken_down(place, value);
      return;
    case ValueKind::uuid: {
      const auto text = value.as_uuid().to_string();
      scalar.uuid = {};
      std::ranges::copy(text, scalar.uuid.begin());
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer_length = text.size();
      bind.length_value = text.size();
      return;
    }
    case ValueKind::array: refuse(place, "MariaDB has no arrays");
    case ValueKind::decimal:
    case ValueKind::text:
    case ValueKind::json:
    case ValueKind::bytes: break;
  }
  const auto characters = value.as_characters();
  const bool binary = value.kind() == ValueKind::bytes;
  if (value.kind() == ValueKind::decimal) check_decimal(place, characters);
  if (!binary) check_text(place, characters);
  bind.buffer_type = binary                               ? MYSQL_TYPE_BLOB
                     : value.kind() == ValueKind::decimal ? MYSQL_TYPE_NEWDECIMAL
                                                          : MYSQL_TYPE_STRING;
  // libmariadb only reads what it sends, and takes a null pointer for null.
  if (!characters.empty()) bind.buffer = const_cast<char*>(characters.data());
  bind.buffer_length = characters.size();
  bind.length_value = characters.size();
}

void Binder::trim() {
  constexpr std::size_t most = 512;
  if (binds_.size() <= most) return;
  binds_ = {};
  scalars_ = {};
}

// COM_STMT_EXECUTE: the command, the statement, flags, a count; nulls, a mark that types follow,
// and the types; and each value, with its length before it where it is not of one size.
std::size_t Binder::message_size() const noexcept {
  std::size_t size = 10 + (binds_.size() + 7) / 8 + 1 + 2 * binds_.size();
  for (const MYSQL_BIND& bind : binds_) {
    const std::size_t length = bind.buffer_length;
    if (bind.buffer_type == MYSQL_TYPE_NULL) continue;
    size += 1 + length + (length > 250 ? 2 : 0) + (length > 0xFFFF ? 1 : 0) +
            (length > 0xFF'FFFF ? 5 : 0);
  }
  return size;
}

void Binder::bind_row(std::span<const ValueView> row, std::size_t number,
                      std::span<const std::string_view> columns) {
  binds_.resize(row.size());
  scalars_.resize(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) encode(i, {number, columns[i]}, row[i]);
}

void Binder::bind(std::span<const ValueView> values, std::span<const std::size_t> order,
                  std::size_t parameters) {
  if (values.size() != parameters) {
    throw_error(Errc::invalid_argument,
                fmt::format("the statement has {} placeholders, but {} values were given",
                            parameters, values.size()));
  }
  binds_.resize(order.size());
  scalars_.resize(order.size());
  for (std::size_t slot = 0; slot < order.size(); ++slot) {
    encode(slot, {order[slot], {}}, values[order[slot]]);
  }
}

}  // namespace grant::mariadb
