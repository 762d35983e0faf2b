#include "grant/core/codec.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>

#include "grant/core/error.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::detail {
namespace {

[[noreturn]] void refuse(ValueView value, std::string_view wanted) {
  if (value.is_null()) {
    throw_error(Errc::invalid_argument,
                fmt::format("null cannot be read as {}: use std::optional", wanted));
  }
  throw_error(Errc::invalid_argument,
              fmt::format("{} {} value cannot be read as {}", article_of(value.kind()),
                          to_string(value.kind()), wanted));
}

[[noreturn]] void refuse_integer(std::int64_t least, std::int64_t most) {
  throw_error(Errc::invalid_argument,
              fmt::format("an integer does not fit: the type holds {} to {}", least, most));
}

/// Exact decimals are whole numbers when nothing but zeros is behind the point: PostgreSQL's
/// sum(bigint) is one.
template <class T>
std::optional<T> whole_number(ValueView value) {
  const auto text = value.as_characters();
  T number{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(last - end));
  if (rest.empty()) return number;
  if (value.kind() != ValueKind::decimal || rest[0] != '.') return std::nullopt;
  return rest.find_first_not_of('0', 1) == std::string_view::npos ? std::optional(number)
                                                                  : std::nullopt;
}

/// Decimals become the nearest number, integers the same one.
template <class T>
T decode_floating(ValueView value) {
  if (value.kind() == ValueKind::real) return static_cast<T>(value.as_real());
  if (value.kind() == ValueKind::integer) {
    if (is_exact(value.as_integer(), std::numeric_limits<T>::digits)) {
      return static_cast<T>(value.as_integer());
    }
    throw_error(Errc::invalid_argument, fmt::format("an integer does not fit: {} would round it",
                                                    std::same_as<T, float> ? "float" : "double"));
  }
  if (value.kind() == ValueKind::text || value.kind() == ValueKind::decimal) {
    const auto text = value.as_characters();
    T number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  refuse(value, "a floating-point number");
}

}  // namespace

bool decode_boolean(ValueView value) {
  if (value.kind() == ValueKind::boolean) return value.as_boolean();
  if (value.kind() == ValueKind::integer && (value.as_integer() == 0 || value.as_integer() == 1)) {
    return value.as_integer() == 1;
  }
  refuse(value, "a boolean");
}

std::int64_t decode_integer(ValueView value, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  switch (value.kind()) {
    case ValueKind::integer: number = value.as_integer(); break;
    case ValueKind::boolean: number = value.as_boolean() ? 1 : 0; break;
    case ValueKind::unsigned_integer: refuse_integer(least, most);
    case ValueKind::text:
    case ValueKind::decimal: {
      const auto parsed = whole_number<std::int64_t>(value);
      if (!parsed) refuse(value, "an integer");
      number = *parsed;
      break;
    }
    default: refuse(value, "an integer");
  }
  if (number < least || number > most) refuse_integer(least, most);
  return number;
}

std::uint64_t decode_unsigned_integer(ValueView value) {
  if (value.kind() == ValueKind::unsigned_integer) return value.as_unsigned_integer();
  if (value.kind() == ValueKind::text || value.kind() == ValueKind::decimal) {
    const auto parsed = whole_number<std::uint64_t>(value);
    if (!parsed) refuse(value, "an unsigned integer");
    return *parsed;
  }
  return static_cast<std::uint64_t>(
      decode_integer(value, 0, std::numeric_limits<std::int64_t>::max()));
}

bool is_exact(std::int64_t number, int digits) noexcept {
  const auto magnitude =
      number < 0 ? -static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  return is_exact(magnitude, digits);
}

bool is_exact(std::uint64_t number, int digits) noexcept {
  return number == 0 ||
         static_cast<int>(std::bit_width(number >> std::countr_zero(number))) <= digits;
}

double decode_real(ValueView value) { return decode_floating<double>(value); }

float decode_single(ValueView value) {
  if (value.kind() != ValueKind::real) return decode_floating<float>(value);
  const double number = value.as_real();
  const auto nearest = static_cast<float>(number);
  if (std::isfinite(number) && !std::isfinite(nearest)) {
    throw_error(Errc::invalid_argument,
                "a floating-point number does not fit: float holds magnitudes up to 3.4e38");
  }
  if (!std::isnan(number) && static_cast<double>(nearest) != number) {
    throw_error(Errc::invalid_argument,
                "a floating-point number does not fit: float would round it; use double");
  }
  return nearest;
}

Decimal decode_decimal(ValueView value) {
  switch (value.kind()) {
    case ValueKind::integer: return value.as_integer();
    case ValueKind::unsigned_integer:
      return Decimal::parse(fmt::format_int(value.as_unsigned_integer()).c_str()).value();
    case ValueKind::text:
    case ValueKind::decimal:
      if (auto number = Decimal::parse(value.as_characters())) return *std::move(number);
      [[fallthrough]];
    default: refuse(value, "an exact decimal");
  }
}

std::string decode_text(ValueView value) {
  switch (value.kind()) {
    case ValueKind::text:
    case ValueKind::json:
    case ValueKind::decimal: return std::string(value.as_characters());
    case ValueKind::date:
      if (!is_in_written_years(value.as_date())) refuse(value, "text");
      return format_date(value.as_date());
    case ValueKind::time: return format_time(value.as_time());
    case ValueKind::uuid: return value.as_uuid().to_string();
    default: refuse(value, "text");
  }
}

std::string_view decode_bytes(ValueView value) {
  if (value.kind() == ValueKind::bytes || value.kind() == ValueKind::text) {
    return value.as_characters();
  }
  refuse(value, "bytes");
}

Date decode_date(ValueView value) {
  if (value.kind() == ValueKind::date) return value.as_date();
  if (value.kind() == ValueKind::text) {
    if (const auto date = parse_date(value.as_characters())) return *date;
  }
  refuse(value, "a date");
}

TimeOfDay decode_time(ValueView value) {
  if (value.kind() == ValueKind::time) return value.as_time();
  if (value.kind() == ValueKind::text) {
    if (const auto time = parse_time(value.as_characters())) return *time;
  }
  refuse(value, "a time of day");
}

Timestamp decode_timestamp(ValueView value) {
  if (value.kind() == ValueKind::timestamp) return value.as_timestamp();
  if (value.kind() == ValueKind::date) {
    if (const auto start = midnight_of(value.as_date())) return *start;
  }
  if (value.kind() == ValueKind::text) {
    if (const auto time = parse_timestamp(value.as_characters())) return *time;
  }
  refuse(value, "a timestamp");
}

Uuid decode_uuid(ValueView value) {
  if (value.kind() == ValueKind::uuid) return value.as_uuid();
  if (value.kind() == ValueKind::text) {
    if (const auto uuid = Uuid::parse(value.as_characters())) return *uuid;
  }
  refuse(value, "a UUID");
}

std::string_view decode_json(ValueView value) {
  if (value.kind() == ValueKind::json || value.kind() == ValueKind::text) {
    return value.as_characters();
  }
  refuse(value, "JSON");
}

std::span<const ValueView> decode_array(ValueView value) {
  if (value.kind() == ValueKind::array) return value.as_array();
  refuse(value, "an array");
}

void refuse_enum(ValueView value) {
  if (value.kind() != ValueKind::text) refuse(value, "an enum");
  throw_error(Errc::invalid_argument,
              "a text value cannot be read as an enum: its EnumNames do not have it");
}

void refuse_unnamed_enum() {
  throw_error(Errc::invalid_argument, "an enum value cannot be stored: its EnumNames lack it");
}

}  // namespace grant::detail
