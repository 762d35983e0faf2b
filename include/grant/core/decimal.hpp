#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grant {

template <class T>
concept CharacterType = std::same_as<T, char> || std::same_as<T, wchar_t> ||
    std::same_as<T, char8_t> || std::same_as<T, char16_t> || std::same_as<T, char32_t>;

/// The integers: neither bool nor characters, which C++ counts among them, nor any of 128 bits.
template <class T>
concept IntegerType = std::integral<T> && !std::same_as<T, bool> && !CharacterType<T> &&
                      sizeof(T) <= sizeof(std::int64_t);

/// An exact decimal number of any length, as a numeric column carries it. For storing and
/// comparing; give its text() to a library of your choice to calculate.
///
///     item.price = grant::Decimal("12.50");
class Decimal {
 public:
  /// 0.
  Decimal() = default;

  // Implicit on purpose: a whole number is a decimal.
  template <IntegerType T>
  Decimal(T number)  // NOLINT(google-explicit-constructor)
      : text_(std::to_string(number)) {}

  /// What a double holds is not what stands in the source: write Decimal("12.50").
  template <std::floating_point T>
  Decimal(T number) = delete;  // write Decimal("12.50")
  Decimal(std::nullptr_t) = delete;

  /// Reads what parse() reads. Errors: invalid_argument, for other text.
  explicit Decimal(std::string_view text);

  /// Reads digits with an optional sign and point, such as "-12.50". Empty when `text` is not that:
  /// no exponent, no NaN, no infinity.
  [[nodiscard]] static std::optional<Decimal> parse(std::string_view text);

  /// Without leading zeros, a plus sign or the sign of zero; decimals as they were given: "12.50".
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// The same for all that are equal: text() without zeros at the end of the decimals.
  [[nodiscard]] std::string canonical() const;

  /// By value: 1.5 equals 1.50.
  friend std::weak_ordering operator<=>(const Decimal& a, const Decimal& b) noexcept;
  friend bool operator==(const Decimal& a, const Decimal& b) noexcept { return (a <=> b) == 0; }

 private:
  std::string text_ = "0";
};

}  // namespace grant
