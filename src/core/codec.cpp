#include "grant/core/codec.hpp"

#include <fmt/format.h>

#include <charconv>

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
              fmt::format("a {} value cannot be read as {}", to_string(value.kind()), wanted));
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
  if (value.kind() == ValueKind::integer) {
    number = value.as_integer();
  } else if (value.kind() == ValueKind::boolean) {
    number = value.as_boolean() ? 1 : 0;
  } else if (value.kind() == ValueKind::text) {
    // Exact decimals arrive as text: PostgreSQL's sum(bigint) is one.
    const auto text = value.as_characters();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) refuse(value, "an integer");
  } else {
    refuse(value, "an integer");
  }
  if (number < least || number > most) {
    throw_error(Errc::invalid_argument,
                fmt::format("an integer does not fit: the type holds {} to {}", least, most));
  }
  return number;
}

double decode_real(ValueView value) {
  if (value.kind() == ValueKind::real) return value.as_real();
  if (value.kind() == ValueKind::integer) {
    constexpr std::int64_t exact = std::int64_t{1} << 53;
    const auto number = value.as_integer();
    if (number >= -exact && number <= exact) return static_cast<double>(number);
  }
  if (value.kind() == ValueKind::text) {
    const auto text = value.as_characters();
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  refuse(value, "a floating-point number");
}

std::string_view decode_text(ValueView value) {
  if (value.kind() == ValueKind::text || value.kind() == ValueKind::json) {
    return value.as_characters();
  }
  refuse(value, "text");
}

std::string_view decode_bytes(ValueView value) {
  if (value.kind() == ValueKind::bytes || value.kind() == ValueKind::text) {
    return value.as_characters();
  }
  refuse(value, "bytes");
}

Timestamp decode_timestamp(ValueView value) {
  if (value.kind() == ValueKind::timestamp) return value.as_timestamp();
  if (value.kind() == ValueKind::text) {
    if (const auto time = parse_timestamp(value.as_characters())) return *time;
  }
  refuse(value, "a timestamp");
}

std::string_view decode_json(ValueView value) {
  if (value.kind() == ValueKind::json || value.kind() == ValueKind::text) {
    return value.as_characters();
  }
  refuse(value, "JSON");
}

}  // namespace grant::detail
