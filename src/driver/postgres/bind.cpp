#include "bind.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "grant/core/error.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::postgres {
namespace {

std::string type_name(Oid type) {
  switch (type) {
    case oid::boolean: return "boolean";
    case oid::bytea: return "bytea";
    case oid::name: return "name";
    case oid::int8: return "bigint";
    case oid::int2: return "smallint";
    case oid::int4: return "integer";
    case oid::text: return "text";
    case oid::object_id: return "oid";
    case oid::json: return "json";
    case oid::float4: return "real";
    case oid::float8: return "double precision";
    case oid::bpchar: return "character";
    case oid::varchar: return "character varying";
    case oid::date: return "date";
    case oid::timestamp: return "timestamp";
    case oid::timestamptz: return "timestamp with time zone";
    case oid::jsonb: return "jsonb";
    default: return fmt::format("the type with oid {}", type);
  }
}

[[noreturn]] void refuse(std::size_t index, std::string_view why) {
  throw_error(Errc::invalid_argument, fmt::format("parameter ${}: {}", index + 1, why));
}

[[noreturn]] void refuse_kind(std::size_t index, ValueKind kind, Oid type) {
  refuse(index, fmt::format("a {} value cannot be bound to {}", to_string(kind), type_name(type)));
}

/// True for the types that have an encoding of their own here; text is sent to all others.
bool is_native(Oid type) { return kind_of(type) != ValueKind::null; }

std::size_t utf8_length(const unsigned char* at, std::size_t left) {
  const auto continues = [&](std::size_t i) { return i < left && (at[i] & 0xC0U) == 0x80U; };
  const unsigned char lead = at[0];
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && at[1] < 0xA0) return 0;  // longer than needed
    if (lead == 0xED && at[1] > 0x9F) return 0;  // a surrogate
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && at[1] < 0x90) return 0;  // longer than needed
    if (lead == 0xF4 && at[1] > 0x8F) return 0;  // beyond U+10FFFF
    return 4;
  }
  return 0;
}

/// Where `text` stops being UTF-8 without NUL; npos when it does not.
std::size_t first_bad_byte(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = 0x8080808080808080;
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + i, sizeof word);
      // Eight plain characters: no high bit, and no byte that a subtraction borrows for.
      if (((word | (word - ones)) & highs) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const auto* at = reinterpret_cast<const unsigned char*>(text.data() + i);
    if (*at != 0 && *at < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = *at == 0 ? 0 : utf8_length(at, text.size() - i);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

void check_text(std::size_t index, std::string_view text) {
  const auto bad = first_bad_byte(text);
  if (bad == std::string_view::npos) return;
  refuse(index, text[bad] == '\0'
                    ? fmt::format("PostgreSQL's text cannot hold the NUL character at byte {}", bad)
                    : fmt::format("the text is not UTF-8 at byte {}", bad));
}

/// Two's complement of `T`, so that any number can be stored byte by byte.
template <class T>
auto bits_of(T number) {
  if constexpr (std::same_as<T, float>) {
    return std::bit_cast<std::uint32_t>(number);
  } else if constexpr (std::same_as<T, double>) {
    return std::bit_cast<std::uint64_t>(number);
  } else {
    return static_cast<std::make_unsigned_t<T>>(number);
  }
}

template <class T>
T narrow(std::size_t index, std::int64_t value, Oid type) {
  constexpr auto least = std::numeric_limits<T>::min();
  constexpr auto most = std::numeric_limits<T>::max();
  if (value < least || value > most) {
    refuse(index, fmt::format("the integer does not fit: {} holds {} to {}", type_name(type), least,
                              most));
  }
  return static_cast<T>(value);
}

void check_exact(std::size_t index, std::int64_t value, int digits, Oid type) {
  const std::int64_t most = std::int64_t{1} << digits;
  if (value < -most || value > most) {
    refuse(index, fmt::format("the integer does not fit: {} holds integers to {} exactly",
                              type_name(type), most));
  }
}

}  // namespace

void Binder::put(std::size_t index, const char* data, std::size_t size, Format format) {
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    refuse(index, "the value is longer than 2147483647 bytes");
  }
  // An empty view may point nowhere, which libpq would take for null.
  values_[index] = data != nullptr ? data : "";
  lengths_[index] = static_cast<int>(size);
  formats_[index] = static_cast<int>(format);
}

template <class T>
void Binder::put_number(std::size_t index, T number) {
  auto& bytes = slots_[index].number;
  store(bits_of(number), bytes.data());
  put(index, bytes.data(), sizeof(T), Format::binary);
}

void Binder::put_text(std::size_t index, std::string_view text) {
  // libpq reads a text parameter up to its NUL, which a view does not have.
  auto& copy = slots_[index].text;
  copy.assign(text);
  put(index, copy.c_str(), copy.size(), Format::text);
}

void Binder::encode_integer(std::size_t index, std::int64_t value, Oid type) {
  switch (type) {
    case oid::int2: return put_number(index, narrow<std::int16_t>(index, value, type));
    case oid::int4: return put_number(index, narrow<std::int32_t>(index, value, type));
    case oid::int8: return put_number(index, value);
    case oid::object_id: return put_number(index, narrow<std::uint32_t>(index, value, type));
    case oid::float4:
      check_exact(index, value, std::numeric_limits<float>::digits, type);
      return put_number(index, static_cast<float>(value));
    case oid::float8:
      check_exact(index, value, std::numeric_limits<double>::digits, type);
      return put_number(index, static_cast<double>(value));
    default: break;
  }
  if (is_native(type) || type == oid::date) refuse_kind(index, ValueKind::integer, type);
  put_text(index, fmt::format_int(value).c_str());
}

void Binder::encode_real(std::size_t index, double value, Oid type) {
  if (type == oid::float8) return put_number(index, value);
  if (type == oid::float4) {
    if (std::isfinite(value) && std::abs(value) > std::numeric_limits<float>::max()) {
      refuse(index, "the number does not fit: real holds magnitudes up to 3.4e38");
    }
    return put_number(index, static_cast<float>(value));
  }
  if (is_native(type) || type == oid::date) refuse_kind(index, ValueKind::real, type);
  put_text(index, fmt::format("{}", value));
}

void Binder::encode_characters(std::size_t index, ValueView value, Oid type) {
  const auto text = value.as_characters();
  if (value.kind() == ValueKind::bytes) {
    if (type == oid::bytea) return put(index, text.data(), text.size(), Format::binary);
    if (is_native(type) || type == oid::date) refuse_kind(index, value.kind(), type);
    std::string hex = "\\x";
    for (const char c : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return put_text(index, hex);
  }
  check_text(index, text);
  const auto kind = kind_of(type);
  if (type == oid::jsonb) {
    auto& copy = slots_[index].text;
    copy.assign(1, '\1');  // the version of jsonb's binary form
    copy.append(text);
    return put(index, copy.data(), copy.size(), Format::binary);
  }
  if (kind == ValueKind::text || kind == ValueKind::json) {
    return put(index, text.data(), text.size(), Format::binary);
  }
  if (is_native(type)) refuse_kind(index, value.kind(), type);
  put_text(index, text);
}

void Binder::encode_timestamp(std::size_t index, Timestamp value, Oid type) {
  // 4714-11-24 BC to 294276-12-31, in microseconds from 2000.
  constexpr std::int64_t least = -211'813'488'000'000'000;
  const std::int64_t micros = value.time_since_epoch().count();
  if (type == oid::timestamp || type == oid::timestamptz) {
    if (micros < least + kEpochShift) {
      refuse(index,
             fmt::format("the time does not fit: {} starts at 4714-11-24 BC", type_name(type)));
    }
    return put_number(index, micros - kEpochShift);
  }
  if (type == oid::date) {
    const auto day = std::chrono::floor<std::chrono::days>(value);
    if (day != value) refuse(index, "a date holds no time of day: round the timestamp to a day");
    const auto days = (day - std::chrono::sys_days(std::chrono::year{2000} / 1 / 1)).count();
    return put_number(index, static_cast<std::int32_t>(days));
  }
  if (is_native(type)) refuse_kind(index, ValueKind::timestamp, type);
  put_text(index, format_timestamp(value) + "+00");
}

void Binder::encode(std::size_t index, ValueView value, Oid type) {
  switch (value.kind()) {
    case ValueKind::null:
      values_[index] = nullptr;
      lengths_[index] = 0;
      formats_[index] = static_cast<int>(Format::binary);
      return;
    case ValueKind::boolean:
      if (type == oid::boolean) {
        return put_number(index, static_cast<std::uint8_t>(value.as_boolean() ? 1 : 0));
      }
      if (is_native(type) || type == oid::date) refuse_kind(index, value.kind(), type);
      return put_text(index, value.as_boolean() ? "t" : "f");
    case ValueKind::integer: return encode_integer(index, value.as_integer(), type);
    case ValueKind::real: return encode_real(index, value.as_real(), type);
    case ValueKind::text:
    case ValueKind::json:
    case ValueKind::bytes: return encode_characters(index, value, type);
    case ValueKind::timestamp: return encode_timestamp(index, value.as_timestamp(), type);
  }
}

void Binder::bind(std::span<const ValueView> values, std::span<const Oid> types) {
  if (values.size() != types.size()) {
    throw_error(Errc::invalid_argument,
                fmt::format("the statement has {} placeholders, but {} values were given",
                            types.size(), values.size()));
  }
  count_ = values.size();
  if (values_.size() < count_) {
    values_.resize(count_);
    lengths_.resize(count_);
    formats_.resize(count_);
    slots_.resize(count_);
  }
  for (std::size_t i = 0; i < count_; ++i) encode(i, values[i], types[i]);
}

}  // namespace grant::postgres
