#include "bind.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <string_view>

#include "grant/core/error.hpp"

namespace grant::mariadb {
namespace {

[[noreturn]] void refuse(std::size_t index, std::string_view why) {
  throw_error(Errc::invalid_argument, fmt::format("parameter ${}: {}", index + 1, why));
}

/// The length of the UTF-8 sequence at the start of `text`; 0 when it is none, or NUL.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second > 0x9F;
  const bool beyond = lead == 0xF4 && second > 0x8F;
  return overlong || surrogate || beyond ? 0 : length;
}

void check_text(std::size_t index, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = sequence_length(text.substr(at));
    if (length == 0) {
      // MariaDB's text could hold NUL, but no other engine's can.
      refuse(index, text[at] == '\0' ? fmt::format("the text has a NUL character at byte {}: bind "
                                                   "it as bytes",
                                                   at)
                                     : fmt::format("the text is not UTF-8 at byte {}", at));
    }
    at += length;
  }
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
