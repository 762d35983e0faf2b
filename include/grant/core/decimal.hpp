#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grant {

/// An exact decimal number of any length, as a numeric column carries it. For storing and
/// comparing; give its text() to a library of your choice to calculate.
///
///     item.price = grant::Decimal::parse("12.50").value();
class Decimal {
 public:
  /// 0.
  Decimal() = default;

  // Implicit on purpose: a whole number is a decimal.
  Decimal(std::int64_t number);  // NOLINT(google-explicit-constructor)

  /// Reads digits with an optional sign and point, such as "-12.50". Empty when `text` is not that:
  /// no exponent, no NaN, no infinity.
  [[nodiscard]] static std::optional<Decimal> parse(std::string_view text);

  /// Without leading zeros, a plus sign or the sign of zero; decimals as they were given: "12.50".
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// By value: 1.5 equals 1.50.
  friend std::weak_ordering operator<=>(const Decimal& a, const Decimal& b) noexcept;
  friend bool operator==(const Decimal& a, const Decimal& b) noexcept { return (a <=> b) == 0; }

 private:
  std::string text_ = "0";
};

}  // namespace grant
