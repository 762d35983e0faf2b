#include "bind.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/utf8.hpp"
#include "grant/core/error.hpp"

namespace grant::mariadb {
namespace {

[[noreturn]] void refuse(std::size_t index, std::string_view why) {
  throw_error(Errc::invalid_argument, fmt::format("parameter ${}: {}", index + 1, why));
}

void check_text(std::size_t index, std::string_view text) {
  const auto bad = first_bad_byte(text);
  if (bad == std::string_view::npos) return;
  // MariaDB's text could hold NUL, but no other engine's can.
  refuse(index, text[bad] == '\0'
                    ? fmt::format("the text has a NUL character at byte {}: bind it as bytes", bad)
                    : fmt::format("the text is not UTF-8 at byte {}", bad));
}

MYSQL_TIME broken_down(std::size_t index, Timestamp value) {
  using namespace std::chrono;
  const auto day = floor<days>(value);
  const year_month_day date(day);
  const hh_mm_ss time(value - day);
  if (date.year() < year{1} || date.year() > year{9999}) {
    refuse(index, "the time does not fit: a datetime holds the years 1 to 9999");
  }
  MYSQL_TIME out{};
  out.year = static_cast<unsigned>(static_cast<int>(date.year()));
  out.month = static_cast<unsigned>(date.month());
  out.day = static_cast<unsigned>(date.day());
  out.hour = static_cast<unsigned>(time.hours().count());
  out.minute = static_cast<unsigned>(time.minutes().count());
  out.second = static_cast<unsigned>(time.seconds().count());
  out.second_part = static_cast<unsigned long>(time.subseconds().count());
  out.time_type = MYSQL_TIMESTAMP_DATETIME;
  return out;
}

}  // namespace

void Binder::encode(std::size_t place, std::size_t index, ValueView value) {
  MYSQL_BIND& bind = binds_[place];
  Scalar& scalar = scalars_[place];
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
      if (!std::isfinite(value.as_real())) refuse(index, "MariaDB holds no NaN and no infinity");
      bind.buffer_type = MYSQL_TYPE_DOUBLE;
      scalar.real = value.as_real();
      return;
    case ValueKind::timestamp:
      bind.buffer_type = MYSQL_TYPE_DATETIME;
      scalar.time = broken_down(index, value.as_timestamp());
      return;
    case ValueKind::text:
    case ValueKind::json:
    case ValueKind::bytes: break;
    default: refuse(index, fmt::format("a {} value cannot be bound", to_string(value.kind())));
  }
  const auto characters = value.as_characters();
  const bool binary = value.kind() == ValueKind::bytes;
  if (!binary) check_text(index, characters);
  bind.buffer_type = binary ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
  // libmariadb only reads what it sends, and takes a null pointer for null.
  if (!characters.empty()) bind.buffer = const_cast<char*>(characters.data());
  bind.buffer_length = characters.size();
  bind.length_value = characters.size();
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
  for (std::size_t place = 0; place < order.size(); ++place) {
    encode(place, order[place], values[order[place]]);
  }
}

}  // namespace grant::mariadb
