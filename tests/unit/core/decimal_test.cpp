#include "grant/core/decimal.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include "support/error_of.hpp"

namespace grant {
namespace {

std::string text_of(std::string_view text) {
  const auto decimal = Decimal::parse(text);
  return decimal ? decimal->text() : "refused";
}

TEST(Decimal, TextIsKeptButForWhatMeansNothing) {
  EXPECT_EQ(text_of("12.50"), "12.50");
  EXPECT_EQ(text_of("-0012.5"), "-12.5");
  EXPECT_EQ(text_of("+7"), "7");
  EXPECT_EQ(text_of("-0.00"), "0.00");
  EXPECT_EQ(text_of(".5"), "0.5");
  EXPECT_EQ(text_of("5."), "5");
  EXPECT_EQ(text_of("123456789012345678901234567890.000000000000000000001"),
            "123456789012345678901234567890.000000000000000000001");
  EXPECT_EQ(Decimal(-42).text(), "-42");
  EXPECT_EQ(Decimal().text(), "0");
}

TEST(Decimal, OtherTextIsRefused) {
  for (const std::string_view text :
       {"", ".", "-", "+.", "1e5", "NaN", "Infinity", "1,5", " 1", "1 ", "--1", "1.2.3", "0x1"}) {
    EXPECT_EQ(text_of(text), "refused") << text;
  }
}

TEST(Decimal, ComparesByValue) {
  const auto decimal = [](std::string_view text) { return Decimal::parse(text).value(); };
  EXPECT_EQ(decimal("1.50"), decimal("1.5"));
  EXPECT_EQ(decimal("-0"), decimal("0.00"));
  EXPECT_LT(decimal("9"), decimal("10"));
  EXPECT_LT(decimal("-10"), decimal("-9"));
  EXPECT_LT(decimal("-1"), decimal("0.1"));
  EXPECT_LT(decimal("0.09"), decimal("0.1"));
  EXPECT_GT(decimal("0.11"), decimal("0.1"));
  EXPECT_GT(decimal("-0.1"), decimal("-0.11"));
}

TEST(Decimal, IsMadeOfTextAndOfIntegersOfAnyWidth) {
  EXPECT_EQ(Decimal("12.50").text(), "12.50");
  EXPECT_EQ(Decimal(std::string("-0.5")).text(), "-0.5");
  EXPECT_EQ(Decimal(std::numeric_limits<std::uint64_t>::max()).text(), "18446744073709551615");
  EXPECT_EQ(Decimal(std::numeric_limits<std::int64_t>::min()).text(), "-9223372036854775808");
  EXPECT_EQ(Decimal(std::uint8_t{65}).text(), "65");
  EXPECT_EQ(test::error_of([] { return Decimal("1e5").text(); }).code, Errc::invalid_argument);
  EXPECT_EQ(test::error_of([] { return Decimal("").text(); }).code, Errc::invalid_argument);
}

static_assert(!std::is_convertible_v<double, Decimal> && !std::is_constructible_v<Decimal, float>);
static_assert(!std::is_constructible_v<Decimal, long double>);
static_assert(!std::is_constructible_v<Decimal, bool> && !std::is_constructible_v<Decimal, char>);
static_assert(!std::is_constructible_v<Decimal, std::nullptr_t>);
static_assert(!std::is_assignable_v<std::optional<Decimal>&, double>);
static_assert(std::is_convertible_v<int, Decimal> && !std::is_convertible_v<const char*, Decimal>);

}  // namespace
}  // namespace grant
