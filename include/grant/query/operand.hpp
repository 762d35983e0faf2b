#pragma once

#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "grant/core/codec.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/error.hpp"
#include "grant/query/expression.hpp"

// How what the user writes becomes a value of a column: unchanged, or not at all.
namespace grant::detail {

/// Where a value goes, for messages: a column, or a placeholder of raw SQL counted from 1.
struct ValuePlace {
  ColumnName column{};
  std::size_t placeholder = 0;
};

[[noreturn]] void refuse_value(const ValuePlace& place, std::string_view why);

/// Throws `error` again, with the place named.
[[noreturn]] void refuse_value(const ValuePlace& place, const Error& error);

template <class T>
inline constexpr bool kFalse = false;

inline constexpr std::string_view kNoValue = "there is no value, and the column is never null";

/// The arithmetic type that a class converts to; void where there is none, or several would do.
struct ArithmeticConversions {
  static bool to(bool);
  static char to(char);
  static wchar_t to(wchar_t);
  static char8_t to(char8_t);
  static char16_t to(char16_t);
  static char32_t to(char32_t);
  static signed char to(signed char);
  static unsigned char to(unsigned char);
  static short to(short);
  static unsigned short to(unsigned short);
  static int to(int);
  static unsigned to(unsigned);
  static long to(long);
  static unsigned long to(unsigned long);
  static long long to(long long);
  static unsigned long long to(unsigned long long);
  static float to(float);
  static double to(double);
  static long double to(long double);
};

template <class T>
[[nodiscard]] consteval auto arithmetic_of() {
  if constexpr (std::is_arithmetic_v<T>) {
    return std::type_identity<T>();
  } else if constexpr (std::is_enum_v<T>) {
    // Unscoped ones are numbers where a number is wanted.
    using Underlying = std::underlying_type_t<T>;
    return std::type_identity<
        std::conditional_t<std::is_convertible_v<T, Underlying>, Underlying, void>>();
  } else if constexpr (requires(const T& operand) { ArithmeticConversions::to(operand); }) {
    using To = decltype(ArithmeticConversions::to(std::declval<const T&>()));
    return std::type_identity<std::conditional_t<std::is_class_v<T>, To, void>>();
  } else {
    return std::type_identity<void>();
  }
}

template <class T>
using ArithmeticOf = typename decltype(arithmetic_of<T>())::type;

/// Whether a class makes a `Plain` of `Operand` by itself, without a number being cut on the way.
template <class Plain, class Operand>
concept ConvertsUnchanged = std::convertible_to<const Operand&, Plain> &&
    (!std::is_arithmetic_v<Operand> || requires(const Operand& operand) { Plain{operand}; });

template <class Operand>
concept TextLike = std::is_convertible_v<const Operand&, const char*> ||
    std::is_convertible_v<const Operand&, std::string_view> ||
    std::is_convertible_v<const Operand&, std::string>;

/// A null pointer gives nothing.
template <TextLike Operand>
[[nodiscard]] std::optional<Value> text_value(const Operand& operand) {
  if constexpr (std::is_bounded_array_v<Operand>) {
    const std::string_view all(operand, std::extent_v<Operand>);  // perhaps without a NUL
    return Value(ValueView::text(all.substr(0, all.find('\0'))));
  } else if constexpr (std::is_convertible_v<const Operand&, std::string_view> &&
                       !std::is_convertible_v<const Operand&, const char*>) {
    return Value(ValueView::text(operand));
  } else if constexpr (std::is_convertible_v<const Operand&, const char*>) {
    const char* const characters = operand;
    if (characters == nullptr) return std::nullopt;
    return Value(ValueView::text(characters));
  } else {
    const std::string text = operand;
    return Value(ValueView::text(text));
  }
}

template <IntegerType Number>
[[nodiscard]] constexpr bool is_exactly(Number number, int digits) noexcept {
  if constexpr (std::signed_integral<Number>) {
    return is_exact(static_cast<std::int64_t>(number), digits);
  } else {
    return is_exact(static_cast<std::uint64_t>(number), digits);
  }
}

/// Says in words why a number cannot be taken.
template <class Plain, class Number>
consteval void forbid_number() {
  if constexpr (std::same_as<Plain, Decimal> && std::floating_point<Number>) {
    static_assert(kFalse<Number>,
                  "grant: the value's type does not match the type of the column: a floating-point "
                  "number is no exact decimal; write grant::Decimal(\"12.50\")");
  } else if constexpr (IntegerType<Plain> && std::floating_point<Number>) {
    static_assert(kFalse<Number>,
                  "grant: the value's type does not match the type of the column: a fraction would "
                  "be cut off; write an integer, or round it with std::llround()");
  } else if constexpr (CharacterType<Number>) {
    static_assert(kFalse<Number>,
                  "grant: the value's type does not match the type of the column: a character is "
                  "no number; write 65, not 'A'");
  } else if constexpr (std::same_as<Number, bool>) {
    static_assert(kFalse<Number>,
                  "grant: the value's type does not match the type of the column: true and false "
                  "are no numbers; write 1 or 0");
  } else if constexpr (std::same_as<Number, long double>) {
    static_assert(kFalse<Number>,
                  "grant: the value's type does not match the type of the column: a long double "
                  "would be rounded; write a double");
  } else {
    static_assert(kFalse<Number>,
                  "grant: the value's type does not match the type of the column: true or false is "
                  "wanted");
  }
}

template <class Plain, class Number>
[[nodiscard]] Plain number_for(const ValuePlace& place, Number number) {
  constexpr bool integral = IntegerType<Plain>;
  if constexpr (std::same_as<Plain, Number>) {
    return number;
  } else if constexpr (integral && IntegerType<Number>) {
    if (!std::in_range<Plain>(number)) refuse_value(place, "an integer does not fit its type");
    return static_cast<Plain>(number);
  } else if constexpr (std::same_as<Plain, Decimal> && IntegerType<Number>) {
    return Decimal(number);
  } else if constexpr (std::floating_point<Plain> && IntegerType<Number>) {
    if (!is_exactly(number, std::numeric_limits<Plain>::digits)) {
      refuse_value(place, "an integer does not fit its type, which would round it");
    }
    return static_cast<Plain>(number);
  } else if constexpr (std::same_as<Plain, double> && std::same_as<Number, float>) {
    return static_cast<double>(number);
  } else if constexpr (std::same_as<Plain, float> && std::same_as<Number, double>) {
    // Rounding is what a float is for; becoming zero or infinite is not.
    const auto nearest = static_cast<float>(number);
    if (std::isfinite(number) && (!std::isfinite(nearest) || (nearest == 0 && number != 0))) {
      refuse_value(place,
                   "a number does not fit its type: float holds magnitudes from 1.4e-45 to 3.4e38");
    }
    return nearest;
  } else {
    forbid_number<Plain, Number>();
    return Plain();
  }
}

/// Microseconds since 1970, of a time that may have finer or much coarser units. What is finer than
/// a column keeps is dropped, towards the past.
template <class Span>
[[nodiscard]] Timestamp timestamp_of(const ValuePlace& place, std::chrono::sys_time<Span> time) {
  using Rep = typename Span::rep;
  using Ratio = std::ratio_divide<typename Span::period, std::micro>;
  static_assert(std::integral<Rep> && (Ratio::num == 1 || Ratio::den == 1),
                "grant: write std::chrono::floor<std::chrono::microseconds>(time)");
  constexpr auto kFar = "a time does not fit: timestamps reach about 292,000 years from 1970";
  if (!std::in_range<std::int64_t>(time.time_since_epoch().count())) refuse_value(place, kFar);
  auto count = static_cast<std::int64_t>(time.time_since_epoch().count());
  if constexpr (Ratio::den > 1) {
    count = count / Ratio::den - (count % Ratio::den < 0 ? 1 : 0);
  } else if (__builtin_mul_overflow(count, std::int64_t{Ratio::num}, &count)) {
    refuse_value(place, kFar);
  }
  return Timestamp(std::chrono::microseconds(count));
}

/// A day that is written as year, month and day; one like February 31 is refused.
template <class Operand>
concept CalendarDay = requires(const Operand& operand) {
  { operand.ok() } -> std::same_as<bool>;
  static_cast<Date>(operand);
}
&&!kIsSystemTime<Operand>;

template <class Plain, class Operand>
[[nodiscard]] Plain time_for(const ValuePlace& place, const Operand& operand) {
  if constexpr (CalendarDay<Operand>) {
    if (!operand.ok()) refuse_value(place, "the calendar has no such day");
    return time_for<Plain>(place, static_cast<Date>(operand));
  } else if constexpr (!kIsSystemTime<Operand>) {
    static_assert(ConvertsUnchanged<Plain, Operand>,
                  "grant: the value's type does not match the type of the column: a time of "
                  "std::chrono::system_clock is wanted");
    return operand;
  } else if constexpr (std::same_as<Plain, Timestamp>) {
    return timestamp_of(place, operand);
  } else {
    using Span = typename Operand::duration;
    using Days = std::ratio_divide<typename Span::period, std::chrono::days::period>;
    static_assert(Days::den == 1 && std::integral<typename Span::rep>,
                  "grant: the value's type does not match the type of the column: a date has no "
                  "time of day; write std::chrono::floor<std::chrono::days>(time)");
    std::int64_t count = 0;
    if (!std::in_range<std::int64_t>(operand.time_since_epoch().count()) ||
        __builtin_mul_overflow(static_cast<std::int64_t>(operand.time_since_epoch().count()),
                               std::int64_t{Days::num}, &count) ||
        !std::in_range<Date::rep>(count)) {
      refuse_value(place, "a date does not fit its type");
    }
    return Date(std::chrono::days(static_cast<Date::rep>(count)));
  }
}

template <class Plain>
[[nodiscard]] Value encoded(const ValuePlace& place, const Plain& stored) {
  if constexpr (noexcept(Codec<Plain>::encode(stored))) {
    return Value(Codec<Plain>::encode(stored));
  } else {
    try {
      return Value(Codec<Plain>::encode(stored));
    } catch (const Error& error) {
      refuse_value(place, error);
    }
  }
}

/// An operand as a value of the column's own type, so that what is bound is what is stored. What
/// could only be taken with a change does not compile. Errors: invalid_argument, where the value
/// alone tells: a number or time that the type cannot hold, no value for a column that is never
/// null, an enum value without a name.
template <class Type, class Operand>
[[nodiscard]] Value operand_value(const ValuePlace& place, const Operand& operand) {
  using Plain = typename WithoutOptional<Type>::Type;
  static_assert(StorableCheck<Type>::checked);
  if constexpr (!Storable<Plain>) {
    return Value();  // said above
  } else if constexpr (std::is_same_v<Operand, std::nullopt_t>) {
    static_assert(WithoutOptional<Type>::optional,
                  "grant: this column is never null; its member is not a std::optional");
    return Value();
  } else if constexpr (std::is_same_v<Operand, std::nullptr_t>) {
    static_assert(kFalse<Type>,
                  "grant: the value's type does not match the type of the column: write "
                  "std::nullopt for null");
    return Value();
  } else if constexpr (WithoutOptional<Operand>::optional) {
    if (operand) return operand_value<Type>(place, *operand);
    if (!WithoutOptional<Type>::optional) refuse_value(place, kNoValue);
    return Value();
  } else if constexpr (std::same_as<Plain, Operand>) {
    return encoded<Plain>(place, operand);
  } else if constexpr (std::same_as<Plain, std::string>) {
    static_assert(TextLike<Operand>,
                  "grant: the value's type does not match the type of the column: text is wanted");
    if constexpr (TextLike<Operand>) {
      if (auto value = text_value(operand)) return *std::move(value);
      if (!WithoutOptional<Type>::optional) refuse_value(place, kNoValue);
    }
    return Value();
  } else if constexpr (std::is_arithmetic_v<Plain> || std::same_as<Plain, Decimal>) {
    using Number = ArithmeticOf<Operand>;
    static_assert(!std::is_void_v<Number> || ConvertsUnchanged<Plain, Operand>,
                  "grant: the value's type does not match the type of the column");
    if constexpr (!std::is_void_v<Number>) {
      return encoded<Plain>(place, number_for<Plain>(place, static_cast<Number>(operand)));
    } else if constexpr (std::same_as<Plain, Decimal> && ConvertsUnchanged<Plain, Operand>) {
      return encoded<Plain>(place, operand);
    } else {
      static_assert(kFalse<Operand>,
                    "grant: the value's type does not match the type of the column");
      return Value();
    }
  } else if constexpr (std::same_as<Plain, Timestamp> || std::same_as<Plain, Date>) {
    return encoded<Plain>(place, time_for<Plain>(place, operand));
  } else {
    static_assert(ConvertsUnchanged<Plain, Operand>,
                  "grant: the value's type does not match the type of the column");
    if constexpr (ConvertsUnchanged<Plain, Operand>) return encoded<Plain>(place, Plain(operand));
    return Value();
  }
}

/// A value of raw SQL, with the kind of its own type. Null pointers, std::nullopt and an empty
/// std::optional are null. Errors: invalid_argument, for a time that no timestamp reaches and an
/// enum value without a name.
template <class Operand>
[[nodiscard]] Value bound_value(const ValuePlace& place, const Operand& operand) {
  if constexpr (std::is_same_v<Operand, std::nullopt_t> ||
                std::is_same_v<Operand, std::nullptr_t>) {
    return Value();
  } else if constexpr (WithoutOptional<Operand>::optional) {
    return operand ? bound_value(place, *operand) : Value();
  } else if constexpr (CharacterType<Operand>) {
    static_assert(kFalse<Operand>,
                  "grant: a character is neither text nor a number here; write \"A\" or 65");
    return Value();
  } else if constexpr (Storable<Operand>) {
    return encoded<Operand>(place, operand);
  } else if constexpr (std::convertible_to<const Operand&, Json>) {
    return encoded<Json>(place, operand);
  } else if constexpr (TextLike<Operand>) {
    return text_value(operand).value_or(Value());
  } else if constexpr (CalendarDay<Operand>) {
    return encoded<Date>(place, time_for<Date>(place, operand));
  } else if constexpr (kIsSystemTime<Operand>) {
    return encoded<Timestamp>(place, timestamp_of(place, operand));
  } else if constexpr (std::is_enum_v<Operand>) {
    static_assert(kFalse<Operand>,
                  "grant: this enum cannot be bound without names; specialise grant::EnumNames for "
                  "it, or cast it to a number");
    return Value();
  } else {
    static_assert(kFalse<Operand>,
                  "grant: a value of this type cannot be bound; specialise grant::Codec for it");
    return Value();
  }
}

[[noreturn]] void refuse_row_number(std::string_view what);

/// A number of rows for a limit or an offset, as every engine takes it.
template <class Number>
[[nodiscard]] std::uint64_t row_number(std::string_view what, Number rows) {
  static_assert(IntegerType<Number>, "grant: a number of rows is an integer");
  if (!std::in_range<std::int64_t>(rows) || rows < Number{}) refuse_row_number(what);
  return static_cast<std::uint64_t>(rows);
}

}  // namespace grant::detail
