#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

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

// Each takes whatever kinds convert without loss and throws invalid_argument otherwise.
[[nodiscard]] bool decode_boolean(ValueView value);
[[nodiscard]] std::int64_t decode_integer(ValueView value, std::int64_t least, std::int64_t most);
[[nodiscard]] double decode_real(ValueView value);
[[nodiscard]] std::string_view decode_text(ValueView value);
[[nodiscard]] std::string_view decode_bytes(ValueView value);
[[nodiscard]] Timestamp decode_timestamp(ValueView value);
[[nodiscard]] std::string_view decode_json(ValueView value);

}  // namespace detail

template <>
struct Codec<bool> {
  static constexpr ValueKind kind = ValueKind::boolean;
  static ValueView encode(bool v) noexcept { return ValueView::boolean(v); }
  static bool decode(ValueView v) { return detail::decode_boolean(v); }
};

/// Integers up to 64 bits signed, and up to 32 bits unsigned.
template <class T>
requires(std::integral<T> && !std::same_as<T, bool> &&
         (std::signed_integral<T> || sizeof(T) < 8)) struct Codec<T> {
  static constexpr ValueKind kind = ValueKind::integer;
  static ValueView encode(T v) noexcept { return ValueView::integer(v); }
  static T decode(ValueView v) {
    return static_cast<T>(
        detail::decode_integer(v, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
};

template <std::floating_point T>
struct Codec<T> {
  static constexpr ValueKind kind = ValueKind::real;
  static ValueView encode(T v) noexcept { return ValueView::real(static_cast<double>(v)); }
  static T decode(ValueView v) { return static_cast<T>(detail::decode_real(v)); }
};

template <>
struct Codec<std::string> {
  static constexpr ValueKind kind = ValueKind::text;
  static ValueView encode(const std::string& v) noexcept { return ValueView::text(v); }
  static std::string decode(ValueView v) { return std::string(detail::decode_text(v)); }
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
struct Codec<Timestamp> {
  static constexpr ValueKind kind = ValueKind::timestamp;
  static ValueView encode(Timestamp v) noexcept { return ValueView::timestamp(v); }
  static Timestamp decode(ValueView v) { return detail::decode_timestamp(v); }
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

template <class T>
concept Storable = requires(const T& object, ValueView view) {
  Codec<T>::encode(object);
  { Codec<T>::decode(view) } -> std::same_as<T>;
};

}  // namespace grant
