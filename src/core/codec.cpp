#include "grant/core/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
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

/// The number that a string of bits is; empty beyond 64 of them.
std::optional<std::uint64_t> number_of_bits(ValueView value) {
  const bool is_text = value.kind() == ValueKind::text;
  auto digits = value.as_characters();
  const auto first = digits.find_first_not_of(is_text ? '0' : '\0');
  digits.remove_prefix(std::min(first, digits.size()));
  if (digits.size() > (is_text ? 64U : 8U)) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : digits) {
    number = is_text ? number * 2 + (digit == '1' ? 1 : 0)
                     : number * 256 + static_cast<unsigned char>(digit);
  }
  return number;
}

/// A string of bits as the integer that it is; every other value as it stands.
ValueView without_bits(ValueView value) {
  if (!value.is_bits()) return value;
  const auto number = number_of_bits(value);
  return number ? ValueView::unsigned_integer(*number) : value;
}

/// Whether `number`, which is the nearest one to `text`, may stand for it. A fraction is rounded:
/// an average has more digits than a double. A whole number is not, where it could be another one.
template <class T>
bool keeps_whole_numbers(T number, std::string_view text) {
  const T exact = std::ldexp(T{1}, std::numeric_limits<T>::digits);
  if (!(std::abs(number) >= exact) || !std::isfinite(number)) return true;
  const auto decimal = Decimal::parse(text);
  return !decimal || decimal == Decimal::parse(fmt::format("{:.0f}", number));
}

/// Decimals become the nearest number, integers the same one.
template <class T>
T decode_floating(ValueView value) {
  if (value.kind() == ValueKind::real) return static_cast<T>(value.as_real());
  if (value.kind() == ValueKind::boolean) return value.as_boolean() ? T{1} : T{0};
  if (value.kind() == ValueKind::integer) {
    if (is_exact(value.as_integer(), std::numeric_limits<T>::digits)) {
      return static_cast<T>(value.as_integer());
    }
    throw_error(Errc::invalid_argument, fmt::format("an integer does not fit: {} would round it",
                                                    std::same_as<T, float> ? "float" : "double"));
  }
  if ((value.kind() == ValueKind::text && !value.is_bits()) || value.kind() == ValueKind::decimal) {
    const auto text = value.as_characters();
    T number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) {
      if (keeps_whole_numbers(number, text)) return number;
      throw_error(Errc::invalid_argument,
                  fmt::format("a whole number does not fit: {} would round it",
                              std::same_as<T, float> ? "float" : "double"));
    }
  }
  refuse(value, "a floating-point number");
}

}  // namespace

bool decode_boolean(ValueView value) {
  if (value.kind() == ValueKind::boolean) return value.as_boolean();
  const auto number = without_bits(value);
  if (number.kind() == ValueKind::integer) {
    if (number.as_integer() == 0 || number.as_integer() == 1) return number.as_integer() == 1;
    // A condition on `true` would not find it.
    throw_error(Errc::invalid_argument,
                "an integer other than 0 and 1 cannot be read as a boolean");
  }
  refuse(value, "a boolean");
}

std::int64_t decode_integer(ValueView value, std::int64_t least, std::int64_t most) {
  value = without_bits(value);
  std::int64_t number = 0;
  if (value.is_bits()) refuse_integer(least, most);
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
  value = without_bits(value);
  if (value.kind() == ValueKind::unsigned_integer) return value.as_unsigned_integer();
  if ((value.kind() == ValueKind::text && !value.is_bits()) || value.kind() == ValueKind::decimal) {
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
    case ValueKind::boolean: return value.as_boolean() ? 1 : 0;
    case ValueKind::integer: return value.as_integer();
    case ValueKind::unsigned_integer:
      return Decimal::parse(fmt::format_int(value.as_unsigned_integer()).c_str()).value();
    case ValueKind::text:
    case ValueKind::decimal:
      if (value.is_bits()) refuse(value, "an exact decimal");
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
    case ValueKind::timestamp:
      if (!is_in_written_years(std::chrono::floor<std::chrono::days>(value.as_timestamp()))) {
        refuse(value, "text");
      }
      return format_timestamp(value.as_timestamp());
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
  // Not from its 16 bytes: conditions bind a UUID as text, and would not find them.
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
