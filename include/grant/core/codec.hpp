#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "grant/core/decimal.hpp"
#include "grant/core/json.hpp"
#include "grant/core/value.hpp"

namespace grant {

/// How a C++ type is stored and read back. Specialise it for a type of your own:
///
///     template <>
///     struct grant::Codec<Colour> {
///       static constexpr grant::ValueKind kind = grant::ValueKind::text;
///       static grant::Value encode(const Colour& c) {
///         return grant::Value(grant::ValueView::text(c.name()));
///       }
///       static Colour decode(grant::ValueView v) {
///         return Colour::named(grant::Codec<std::string>::decode(v));
///       }
///     };
///
/// `encode` returns a ValueView into its argument where it can, else a Value. `decode` throws
/// invalid_argument for a value that does not fit, null included. Neither names the value itself in
/// a message.
template <class T>
struct Codec;

namespace detail {

template <class T>
struct WithoutOptional {
  static constexpr bool optional = false;
  using Type = T;
};
template <class T>
struct WithoutOptional<std::optional<T>> {
  static constexpr bool optional = true;
  using Type = T;
};

/// Whether a floating-point type of so many binary digits holds `number` as it is.
[[nodiscard]] bool is_exact(std::int64_t number, int digits) noexcept;
[[nodiscard]] bool is_exact(std::uint64_t number, int digits) noexcept;

// Each takes whatever kinds convert without loss and throws invalid_argument otherwise.
[[nodiscard]] bool decode_boolean(ValueView value);
[[nodiscard]] std::int64_t decode_integer(ValueView value, std::int64_t least, std::int64_t most);
[[nodiscard]] std::uint64_t decode_unsigned_integer(ValueView value);
[[nodiscard]] double decode_real(ValueView value);
[[nodiscard]] float decode_single(ValueView value);
[[nodiscard]] Decimal decode_decimal(ValueView value);
[[nodiscard]] std::string decode_text(ValueView value);
[[nodiscard]] std::string_view decode_bytes(ValueView value);
[[nodiscard]] Date decode_date(ValueView value);
[[nodiscard]] TimeOfDay decode_time(ValueView value);
[[nodiscard]] Timestamp decode_timestamp(ValueView value);
[[nodiscard]] Uuid decode_uuid(ValueView value);
[[nodiscard]] std::string_view decode_json(ValueView value);
[[nodiscard]] std::span<const ValueView> decode_array(ValueView value);
[[noreturn]] void refuse_enum(ValueView value);
[[noreturn]] void refuse_unnamed_enum();

}  // namespace detail

/// Read from integers and bits that are 0 or 1 too; others are refused.
template <>
struct Codec<bool> {
  static constexpr ValueKind kind = ValueKind::boolean;
  static ValueView encode(bool v) noexcept { return ValueView::boolean(v); }
  static bool decode(ValueView v) { return detail::decode_boolean(v); }
};

template <class T>
requires(std::integral<T> && !std::same_as<T, bool> && sizeof(T) <= 8 &&
         (std::signed_integral<T> || sizeof(T) < 8)) struct Codec<T> {
  static constexpr ValueKind kind = ValueKind::integer;
  static ValueView encode(T v) noexcept { return ValueView::integer(v); }
  static T decode(ValueView v) {
    return static_cast<T>(
        detail::decode_integer(v, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
};

/// Beyond the signed integers only where the column takes it: PostgreSQL's numeric, MariaDB's
/// bigint unsigned.
template <std::unsigned_integral T>
requires(sizeof(T) == 8) struct Codec<T> {
  static constexpr ValueKind kind = ValueKind::unsigned_integer;
  static ValueView encode(T v) noexcept { return ValueView::unsigned_integer(v); }
  static T decode(ValueView v) { return detail::decode_unsigned_integer(v); }
};

/// Read from decimals too: a fraction is rounded to the nearest double, a whole number beyond 2^53
/// that no double is exactly is refused.
template <>
struct Codec<double> {
  static constexpr ValueKind kind = ValueKind::real;
  static ValueView encode(double v) noexcept { return ValueView::real(v); }
  static double decode(ValueView v) { return detail::decode_real(v); }
};

/// Reads decimals as the nearest float. Refuses other numbers that no float is.
template <>
struct Codec<float> {
  static constexpr ValueKind kind = ValueKind::real;
  static ValueView encode(float v) noexcept { return ValueView::real(static_cast<double>(v)); }
  static float decode(ValueView v) { return detail::decode_single(v); }
};

template <>
struct Codec<Decimal> {
  static constexpr ValueKind kind = ValueKind::decimal;
  static ValueView encode(const Decimal& v) noexcept { return ValueView::decimal(v.text()); }
  static Decimal decode(ValueView v) { return detail::decode_decimal(v); }
};

/// Decimals, dates, times of day, timestamps (in UTC) and UUIDs are read as their text too.
template <>
struct Codec<std::string> {
  static constexpr ValueKind kind = ValueKind::text;
  static ValueView encode(const std::string& v) noexcept { return ValueView::text(v); }
  static std::string decode(ValueView v) {
    if (v.kind() == ValueKind::text) return std::string(v.as_characters());
    return detail::decode_text(v);
  }
};

template <>
struct Codec<Bytes> {
  static constexpr ValueKind kind = ValueKind::bytes;
  static ValueView encode(const Bytes& v) noexcept { return ValueView::bytes(v); }
  static Bytes decode(ValueView v) {
    const auto raw = detail::decode_bytes(v);
    const auto* first = reinterpret_cast<const std::byte*>(raw.data());
    return Bytes(first, first + raw.size());
  }
};

template <>
struct Codec<Date> {
  static constexpr ValueKind kind = ValueKind::date;
  static ValueView encode(Date v) noexcept { return ValueView::date(v); }
  static Date decode(ValueView v) { return detail::decode_date(v); }
};

template <>
struct Codec<TimeOfDay> {
  static constexpr ValueKind kind = ValueKind::time;
  static ValueView encode(TimeOfDay v) noexcept { return ValueView::time(v); }
  static TimeOfDay decode(ValueView v) { return detail::decode_time(v); }
};

template <>
struct Codec<Timestamp> {
  static constexpr ValueKind kind = ValueKind::timestamp;
  static ValueView encode(Timestamp v) noexcept { return ValueView::timestamp(v); }
  static Timestamp decode(ValueView v) { return detail::decode_timestamp(v); }
};

template <>
struct Codec<Uuid> {
  static constexpr ValueKind kind = ValueKind::uuid;
  static ValueView encode(const Uuid& v) noexcept { return ValueView::uuid(v); }
  static Uuid decode(ValueView v) { return detail::decode_uuid(v); }
};

template <>
struct Codec<Json> {
  static constexpr ValueKind kind = ValueKind::json;
  static ValueView encode(const Json& v) noexcept { return ValueView::json(v.text()); }
  static Json decode(ValueView v) { return Json::from_text(std::string(detail::decode_json(v))); }
};

template <class T>
struct Codec<std::optional<T>> {
  static constexpr ValueKind kind = Codec<T>::kind;
  static auto encode(const std::optional<T>& v) -> decltype(Codec<T>::encode(*v)) {
    if (v) return Codec<T>::encode(*v);
    return {};
  }
  static std::optional<T> decode(ValueView v) {
    if (v.is_null()) return std::nullopt;
    return Codec<T>::decode(v);
  }
};

/// How the values of an enum are called in the database, as text or as an enum type of the engine.
/// Specialise it for an enum of your own:
///
///     template <>
///     struct grant::EnumNames<Colour> {
///       static constexpr std::pair<Colour, std::string_view> all[] = {{Colour::red, "red"}};
///     };
template <class T>
struct EnumNames;

/// An enum with EnumNames. Errors: invalid_argument, for a value or a text without a name there.
template <class T>
requires(std::is_enum_v<T>&& requires { EnumNames<T>::all; }) struct Codec<T> {
  static constexpr ValueKind kind = ValueKind::text;
  static ValueView encode(T v) {
    for (const auto& [value, name] : EnumNames<T>::all) {
      if (value == v) return ValueView::text(name);
    }
    detail::refuse_unnamed_enum();
  }
  static T decode(ValueView v) {
    if (v.kind() == ValueKind::text) {
      for (const auto& [value, name] : EnumNames<T>::all) {
        if (name == v.as_characters()) return value;
      }
    }
    detail::refuse_enum(v);
  }
};

/// An array of PostgreSQL, of one dimension. Elements that may be null: std::optional.
template <class T>
requires(!std::same_as<T, std::byte>) struct Codec<std::vector<T>> {
  static constexpr ValueKind kind = ValueKind::array;
  static constexpr ValueKind element_kind = Codec<T>::kind;
  static Value encode(const std::vector<T>& v) {
    std::vector<Value> elements;
    elements.reserve(v.size());
    for (const T& element : v) elements.emplace_back(Codec<T>::encode(element));
    return Value::array(std::move(elements));
  }
  static std::vector<T> decode(ValueView v) {
    std::vector<T> elements;
    for (const auto& element : detail::decode_array(v)) {
      elements.push_back(Codec<T>::decode(element));
    }
    return elements;
  }
};

template <class T>
concept Storable = requires(const T& object, ValueView view) {
  Codec<T>::encode(object);
  { Codec<T>::decode(view) } -> std::same_as<T>;
};

namespace detail {

template <class T>
inline constexpr bool kIsSystemTime = false;
template <class Span>
inline constexpr bool kIsSystemTime<std::chrono::sys_time<Span>> = true;

/// Says in words why T cannot be stored, where it cannot; made complete for that.
template <class T>
struct StorableCheck {
  static_assert(Storable<T> || !std::is_enum_v<T>,
                "grant: this enum cannot be stored without names; specialise grant::EnumNames for "
                "it");
  static_assert(Storable<T> || !kIsSystemTime<T>,
                "grant: the type of this member cannot be stored: write grant::Timestamp, which "
                "has the microseconds that databases keep");
  static_assert(Storable<T> || std::is_enum_v<T> || kIsSystemTime<T>,
                "grant: the type of this member cannot be stored; specialise grant::Codec for it");
  static constexpr bool checked = true;
};
template <class T>
struct StorableCheck<std::optional<T>> : StorableCheck<T> {};

}  // namespace detail

}  // namespace grant
