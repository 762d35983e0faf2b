#include "encode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/utf8.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/error.hpp"
#include "grant/core/timestamp.hpp"
#include "numeric.hpp"

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
    case oid::time: return "time";
    case oid::timestamp: return "timestamp";
    case oid::timestamptz: return "timestamp with time zone";
    case oid::numeric: return "numeric";
    case oid::uuid: return "uuid";
    case oid::jsonb: return "jsonb";
    default: break;
  }
  if (const Oid element = element_of(type)) return type_name(element) + "[]";
  return fmt::format("the type with oid {}", type);
}

[[noreturn]] void refuse_kind(Place place, ValueKind kind, Oid type) {
  refuse(place, fmt::format("{} {} value cannot be bound to {}", article_of(kind), to_string(kind),
                            type_name(type)));
}

/// True for the types that have an encoding of their own here; text is sent to all others.
bool is_native(Oid type) { return kind_of(type) != ValueKind::null; }

/// True for those of them that the server reads more forms of than are known here.
bool takes_text(Oid type) {
  return type == oid::numeric || type == oid::date || type == oid::time || type == oid::uuid ||
         element_of(type) != 0;
}

void check_size(std::size_t size, Place place) {
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    refuse(place, "the value is longer than 2147483647 bytes");
  }
}

void check_text(Place place, std::string_view text) {
  const auto bad = first_bad_byte(text);
  if (bad == std::string_view::npos) return;
  refuse(place, text[bad] == '\0'
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
T narrow(Place place, std::int64_t value, Oid type) {
  constexpr auto least = std::numeric_limits<T>::min();
  constexpr auto most = std::numeric_limits<T>::max();
  if (value < least || value > most) {
    refuse(place, fmt::format("the integer does not fit: {} holds {} to {}", type_name(type), least,
                              most));
  }
  return static_cast<T>(value);
}

void check_exact(Place place, std::int64_t value, int digits, Oid type) {
  const std::int64_t most = std::int64_t{1} << digits;
  if (value < -most || value > most) {
    refuse(place, fmt::format("the integer does not fit: {} holds integers to {} exactly",
                              type_name(type), most));
  }
}

/// No type that is known here.
constexpr Oid kUnknown = 0;

/// Encodes one value; see encode().
class Encoder {
 public:
  Encoder(Oid type, Place place, Scratch& scratch)
      : type_(type), place_(place), scratch_(scratch) {}

  Encoded encode(ValueView value) {
    switch (value.kind()) {
      case ValueKind::null: return {};
      case ValueKind::boolean:
        if (type_ == oid::boolean) {
          return number(static_cast<std::uint8_t>(value.as_boolean() ? 1 : 0));
        }
        return text(value, value.as_boolean() ? "t" : "f");
      case ValueKind::integer: return integer(value);
      case ValueKind::unsigned_integer:
        if (type_ == oid::numeric) {
          return numeric(fmt::format_int(value.as_unsigned_integer()).c_str());
        }
        if (kind_of(type_) == ValueKind::integer) {
          refuse(place_, fmt::format("the integer does not fit: {} holds integers to {}",
                                     type_name(type_), std::numeric_limits<std::int64_t>::max()));
        }
        return text(value, fmt::format_int(value.as_unsigned_integer()).c_str());
      case ValueKind::real: return real(value);
      case ValueKind::decimal:
        if (type_ == oid::numeric) return numeric(value.as_characters());
        return text(value, value.as_characters());
      case ValueKind::text:
      case ValueKind::json:
      case ValueKind::bytes: return characters(value);
      case ValueKind::date: return date(value);
      case ValueKind::time:
        if (type_ == oid::time) return number(value.as_time().since_midnight.count());
        return text(value, format_time(value.as_time()));
      case ValueKind::timestamp: return timestamp(value);
      case ValueKind::uuid:
        if (type_ == oid::uuid) return bytes(value.as_characters());
        return text(value, value.as_uuid().to_string());
      case ValueKind::array: return array(value);
    }
    refuse_kind(place_, value.kind(), type_);
  }

 private:
  [[nodiscard]] Encoded bytes(std::string_view all) const {
    check_size(all.size(), place_);
    // An empty view may point nowhere, which would be null.
    return {all.data() != nullptr ? all.data() : "", all.size(), Format::binary};
  }

  /// What scratch_.text holds.
  [[nodiscard]] Encoded kept(Format format) const {
    check_size(scratch_.text.size(), place_);
    // libpq reads a text parameter up to its NUL, which a view does not have.
    return {scratch_.text.c_str(), scratch_.text.size(), format};
  }

  template <class T>
  [[nodiscard]] Encoded number(T value) const {
    store(bits_of(value), scratch_.number.data());
    return {scratch_.number.data(), sizeof(T), Format::binary};
  }

  /// For types without an encoding here. Errors: all others, which `value` does not suit.
  [[nodiscard]] Encoded text(ValueView value, std::string_view form) const {
    if (is_native(type_)) refuse_kind(place_, value.kind(), type_);
    scratch_.text.assign(form);
    return kept(Format::text);
  }

  [[nodiscard]] Encoded numeric(std::string_view decimal) const {
    scratch_.text.clear();
    if (!append_numeric(decimal, scratch_.text)) {
      refuse(place_,
             "the number does not fit: numeric holds 131072 digits before the point, 16383 "
             "after it");
    }
    return kept(Format::binary);
  }

  [[nodiscard]] Encoded integer(ValueView value) const {
    const auto wide = value.as_integer();
    switch (type_) {
      case oid::int2: return number(narrow<std::int16_t>(place_, wide, type_));
      case oid::int4: return number(narrow<std::int32_t>(place_, wide, type_));
      case oid::int8: return number(wide);
      case oid::object_id: return number(narrow<std::uint32_t>(place_, wide, type_));
      case oid::float4:
        check_exact(place_, wide, std::numeric_limits<float>::digits, type_);
        return number(static_cast<float>(wide));
      case oid::float8:
        check_exact(place_, wide, std::numeric_limits<double>::digits, type_);
        return number(static_cast<double>(wide));
      case oid::numeric: return numeric(fmt::format_int(wide).c_str());
      default: return text(value, fmt::format_int(wide).c_str());
    }
  }

  [[nodiscard]] Encoded real(ValueView value) const {
    const double wide = value.as_real();
    if (type_ == oid::float8) return number(wide);
    if (type_ == oid::float4) {
      if (std::isfinite(wide) && std::abs(wide) > std::numeric_limits<float>::max()) {
        refuse(place_, "the number does not fit: real holds magnitudes up to 3.4e38");
      }
      return number(static_cast<float>(wide));
    }
    if (type_ == oid::numeric) {
      if (!std::isfinite(wide)) {
        refuse(place_, "NaN and infinity are no exact decimals");
      }
      // The shortest digits that are this number, without an exponent.
      std::array<char, 1'100> digits;
      const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), wide,
                                              std::chars_format::fixed);
      return numeric({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    return text(value, fmt::format("{}", wide));
  }

  [[nodiscard]] Encoded characters(ValueView value) const {
    const auto all = value.as_characters();
    if (value.kind() == ValueKind::bytes) {
      if (type_ == oid::bytea) return bytes(all);
      std::string hex = "\\x";
      for (const char c : all) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
      return text(value, hex);
    }
    check_text(place_, all);
    const auto kind = kind_of(type_);
    if (type_ == oid::jsonb) {
      scratch_.text.assign(1, '\1');  // the version of jsonb's binary form
      scratch_.text.append(all);
      return kept(Format::binary);
    }
    if (kind == ValueKind::text || kind == ValueKind::json) return bytes(all);
    if (type_ == oid::numeric) {
      if (const auto decimal = Decimal::parse(all)) return numeric(decimal->text());
    }
    if (is_native(type_) && !takes_text(type_)) refuse_kind(place_, value.kind(), type_);
    scratch_.text.assign(all);
    return kept(Format::text);
  }

  [[nodiscard]] Encoded date(ValueView value) const {
    // 4714-11-24 BC to 5874897-12-31, in days from 2000.
    constexpr std::int64_t least = -2'451'545;
    constexpr std::int64_t most = 2'145'031'948;
    const auto days = value.as_date().time_since_epoch().count() - kEpochShiftDays;
    if (type_ == oid::date) {
      if (days < least || days > most) {
        refuse(place_, "the date does not fit: date holds 4714-11-24 BC to 5874897-12-31");
      }
      return number(static_cast<std::int32_t>(days));
    }
    if (type_ == oid::timestamp || type_ == oid::timestamptz) {
      const auto start = midnight_of(value.as_date());
      if (!start) refuse(place_, "the date does not fit: no timestamp is so far away");
      return timestamp(ValueView::timestamp(*start));
    }
    return text(value, format_date(value.as_date()));
  }

  [[nodiscard]] Encoded timestamp(ValueView value) const {
    // 4714-11-24 BC, in microseconds from 2000.
    constexpr std::int64_t least = -211'813'488'000'000'000;
    const auto at = value.as_timestamp();
    const std::int64_t micros = at.time_since_epoch().count();
    if (type_ == oid::timestamp || type_ == oid::timestamptz) {
      if (micros < least + kEpochShift) {
        refuse(place_,
               fmt::format("the time does not fit: {} starts at 4714-11-24 BC", type_name(type_)));
      }
      return number(micros - kEpochShift);
    }
    if (type_ == oid::date) {
      const auto day = std::chrono::floor<std::chrono::days>(at);
      if (day != at) refuse(place_, "a date holds no time of day: round the timestamp to a day");
      return date(ValueView::date(day));
    }
    return text(value, format_timestamp(at) + "+00");
  }

  /// One dimension: a header of five 32-bit numbers, and each element behind its length (array_send
  /// in src/backend/utils/adt/arrayfuncs.c of PostgreSQL).
  [[nodiscard]] Encoded array(ValueView value) const {
    const Oid element_type = element_of(type_);
    if (element_type == 0) return array_literal(value);
    const auto elements = value.as_array();
    auto& out = scratch_.text;
    out.clear();
    const auto append = [&out](std::uint32_t number) {
      char four[4];
      store(number, four);
      out.append(four, sizeof four);
    };
    const bool nulls = std::ranges::any_of(elements, &ValueView::is_null);
    append(elements.empty() ? 0 : 1);
    append(nulls ? 1 : 0);
    append(element_type);
    if (!elements.empty()) {
      append(static_cast<std::uint32_t>(elements.size()));
      append(1);  // where its subscripts start
    }
    Scratch scratch;
    for (const auto& element : elements) {
      const auto one = encode_binary(element, element_type, place_, scratch);
      append(one.data == nullptr ? ~std::uint32_t{0} : static_cast<std::uint32_t>(one.size));
      out.append(one.data == nullptr ? "" : one.data, one.size);
    }
    return kept(Format::binary);
  }

  /// The server's own form of an array, for elements of a type that is not known here, such as an
  /// enum or a domain: "8.15.6. Array Input and Output Syntax" in PostgreSQL's manual.
  [[nodiscard]] Encoded array_literal(ValueView value) const {
    if (is_native(type_)) refuse_kind(place_, value.kind(), type_);
    auto& out = scratch_.text;
    out.assign(1, '{');
    Scratch scratch;
    for (const auto& element : value.as_array()) {
      if (out.size() > 1) out += ',';
      if (element.is_null()) {
        out += "NULL";
        continue;
      }
      if (element.kind() == ValueKind::array) refuse_kind(place_, element.kind(), type_);
      const auto one = Encoder(kUnknown, place_, scratch).encode(element);
      out += '"';
      for (const char c : std::string_view(one.data, one.size)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
      }
      out += '"';
    }
    out += '}';
    return kept(Format::text);
  }

  const Oid type_;
  const Place place_;
  Scratch& scratch_;
};

}  // namespace

Encoded encode(ValueView value, Oid type, Place place, Scratch& scratch) {
  if (value.has_characters() && value.as_characters().size() > kLargestMessage) {
    refuse(place, fmt::format("the value takes {} bytes, and PostgreSQL takes no more than {}",
                              value.as_characters().size(), kLargestMessage));
  }
  return Encoder(type, place, scratch).encode(value);
}

Encoded encode_binary(ValueView value, Oid type, Place place, Scratch& scratch) {
  auto encoded = encode(value, type, place, scratch);
  if (encoded.data == nullptr || encoded.format == Format::binary) return encoded;
  if (value.kind() == ValueKind::array) refuse_kind(place, value.kind(), type);
  const auto parsed = [&]() -> ValueView {
    switch (type) {
      case oid::date:
        if (const auto date = parse_date(value.as_characters())) return ValueView::date(*date);
        break;
      case oid::time:
        if (const auto time = parse_time(value.as_characters())) return ValueView::time(*time);
        break;
      case oid::uuid:
        if (const auto uuid = Uuid::parse(value.as_characters())) {
          scratch.text.assign(ValueView::uuid(*uuid).as_characters());
          return ValueView::uuid(scratch.text);
        }
        break;
      default: return {};
    }
    refuse(place, fmt::format("the text is not what {} holds", type_name(type)));
  }();
  if (!parsed.is_null()) return encode(parsed, type, place, scratch);
  constexpr Oid first_of_users = 16'384;
  if (type < first_of_users) {
    refuse(place, fmt::format("{} has no binary form here", type_name(type)));
  }
  encoded.format = Format::binary;
  return encoded;
}

}  // namespace grant::postgres
