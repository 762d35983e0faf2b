#include "grant/query/operand.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "support/error_of.hpp"

namespace grant {
namespace test_types {

enum class Colour { red, green };
enum Size : std::int64_t { small_size = 1, huge_size = std::int64_t{1} << 40 };

/// What a program's own library may have: implicit conversions.
// NOLINTBEGIN(google-explicit-constructor)
struct Percent {
  operator double() const { return 12.5; }
};
struct Count {
  operator std::int64_t() const { return number; }
  std::int64_t number;
};
struct Name {
  operator std::string() const { return "Ada"; }
};
struct Money {
  Money() = default;
  Money(std::int64_t all) : cents(all) {}
  std::int64_t cents = 0;
};
// NOLINTEND(google-explicit-constructor)

}  // namespace test_types

template <>
struct EnumNames<test_types::Colour> {
  static constexpr std::pair<test_types::Colour, std::string_view> all[] = {
      {test_types::Colour::red, "red"}};
};

template <>
struct Codec<test_types::Money> {
  static constexpr ValueKind kind = ValueKind::integer;
  static ValueView encode(const test_types::Money& money) {
    return ValueView::integer(money.cents);
  }
  static test_types::Money decode(ValueView v) { return Codec<std::int64_t>::decode(v); }
};

namespace {

using namespace std::chrono;
using namespace test_types;
using ::testing::HasSubstr;

constexpr detail::ValuePlace kPlace{{"songs", "price"}};

template <class Type, class Operand>
Value stored(const Operand& operand) {
  return detail::operand_value<Type>(kPlace, operand);
}

template <class Operand>
Value bound(const Operand& operand) {
  return detail::bound_value({.placeholder = 3}, operand);
}

/// The message of a refusal, which names the column.
template <class Type, class Operand>
std::string refusal(const Operand& operand) {
  const auto error = test::error_of([&] { return stored<Type>(operand).view().kind(); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("column songs.price: "));
  return error.message;
}

TEST(Operands, IntegersFitTheirTypeOrAreRefused) {
  EXPECT_EQ(stored<std::int8_t>(-128).view().as_integer(), -128);
  EXPECT_EQ(stored<std::uint8_t>(255L).view().as_integer(), 255);
  EXPECT_EQ(stored<std::int64_t>(7U).view().as_integer(), 7);
  EXPECT_EQ(stored<std::uint64_t>(7).view().as_integer(), 7);
  EXPECT_EQ(stored<std::uint64_t>(~std::uint64_t{0}).view().as_unsigned_integer(),
            ~std::uint64_t{0});
  refusal<std::int8_t>(128);
  refusal<std::uint8_t>(-1);
  refusal<std::int32_t>(std::int64_t{1} << 32);
  refusal<std::int64_t>(std::numeric_limits<std::uint64_t>::max());
  refusal<std::uint64_t>(-1);
  refusal<std::optional<std::int16_t>>(std::optional<int>(40'000));
}

TEST(Operands, ClassesAndEnumsGoByTheNumberThatTheyBecome) {
  EXPECT_EQ(stored<std::int32_t>(small_size).view().as_integer(), 1);
  refusal<std::int32_t>(huge_size);
  EXPECT_EQ(stored<std::int32_t>(Count{5}).view().as_integer(), 5);
  refusal<std::int32_t>(Count{std::int64_t{1} << 40});
  EXPECT_EQ(stored<std::int32_t>(std::integral_constant<int, 4>()).view().as_integer(), 4);
  EXPECT_EQ(stored<double>(Percent()).view().as_real(), 12.5);
  EXPECT_EQ(stored<Decimal>(Count{5}).view().as_characters(), "5");
  EXPECT_EQ(stored<Money>(5).view().as_integer(), 5);
  const std::atomic<int> counter{6};
  EXPECT_EQ(stored<std::int64_t>(counter).view().as_integer(), 6);
  const std::vector<bool> flags{true};
  EXPECT_TRUE(stored<bool>(flags[0]).view().as_boolean());
  static_assert(!detail::ConvertsUnchanged<Money, double>);
  static_assert(!detail::ConvertsUnchanged<Money, std::uint64_t>);
  // A document converts to whatever is asked for, and would be cut.
  static_assert(std::is_void_v<detail::ArithmeticOf<nlohmann::json>>);
  static_assert(std::is_void_v<detail::ArithmeticOf<Colour>>);
  static_assert(std::is_void_v<detail::ArithmeticOf<const char*>>);
}

TEST(Operands, IntegersBecomeFloatingPointNumbersOnlyExactly) {
  constexpr auto exact = std::int64_t{1} << 53;
  EXPECT_EQ(stored<double>(exact).view().as_real(), 0x1p53);
  EXPECT_EQ(stored<double>(-exact).view().as_real(), -0x1p53);
  EXPECT_EQ(stored<double>(std::uint64_t{1} << 63U).view().as_real(), 0x1p63);
  refusal<double>(exact + 1);
  refusal<double>(-exact - 1);
  refusal<double>(std::numeric_limits<std::int64_t>::max());
  refusal<double>(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(stored<float>(16'777'216).view().as_real(), 16'777'216.0);
  refusal<float>(16'777'217);
}

TEST(Operands, FloatsTakeDoublesWithinTheirReach) {
  EXPECT_EQ(stored<float>(0.1).view().as_real(), static_cast<double>(0.1F));
  EXPECT_EQ(stored<double>(0.1F).view().as_real(), static_cast<double>(0.1F));
  EXPECT_THAT(refusal<float>(1e39), HasSubstr("3.4e38"));
  refusal<float>(-1e39);
  refusal<float>(1e-60);
  EXPECT_TRUE(std::isinf(stored<float>(std::numeric_limits<double>::infinity()).view().as_real()));
  EXPECT_TRUE(std::isnan(stored<float>(std::nan("")).view().as_real()));
}

TEST(Operands, DecimalsTakeIntegersWhole) {
  EXPECT_EQ(stored<Decimal>(~std::uint64_t{0}).view().as_characters(), "18446744073709551615");
  EXPECT_EQ(stored<Decimal>(Decimal("12.75")).view().as_characters(), "12.75");
  EXPECT_EQ(stored<std::optional<Decimal>>(-3).view().as_characters(), "-3");
}

TEST(Operands, TextComesInManyForms) {
  EXPECT_EQ(stored<std::string>("Ada").view().as_characters(), "Ada");
  EXPECT_EQ(stored<std::string>(std::string_view("Ada")).view().as_characters(), "Ada");
  EXPECT_EQ(stored<std::string>(Name()).view().as_characters(), "Ada");
  EXPECT_EQ(stored<std::string>(std::optional<const char*>("Ada")).view().as_characters(), "Ada");
  const char unfinished[3] = {'A', 'd', 'a'};
  EXPECT_EQ(stored<std::string>(unfinished).view().as_characters(), "Ada");
  using std::string_literals::operator""s;
  EXPECT_EQ(stored<std::string>("a\0b"s).view().as_characters(), "a\0b"s);
}

TEST(Operands, NoValueIsForColumnsThatMayBeNull) {
  const char* const nowhere = nullptr;
  EXPECT_TRUE(stored<std::optional<std::string>>(nowhere).view().is_null());
  EXPECT_TRUE(stored<std::optional<int>>(std::optional<int>()).view().is_null());
  EXPECT_TRUE(stored<std::optional<int>>(std::nullopt).view().is_null());
  EXPECT_THAT(refusal<std::string>(nowhere), HasSubstr("never null"));
  EXPECT_THAT(refusal<int>(std::optional<int>()), HasSubstr("never null"));
}

TEST(Operands, TimesLoseNoMoreThanWhatTheColumnDoesNotKeep) {
  const auto of = [](auto time) { return stored<Timestamp>(time).view().as_timestamp(); };
  EXPECT_EQ(of(sys_time<nanoseconds>(1'999ns)), Timestamp(1us));
  EXPECT_EQ(of(sys_time<nanoseconds>(-1ns)), Timestamp(-1us));
  EXPECT_EQ(of(sys_seconds(2s)), Timestamp(2s));
  EXPECT_EQ(of(sys_days(days(1))), Timestamp(24h));
  EXPECT_EQ(of(year(2026) / 11 / 23), Timestamp(sys_days(year(2026) / 11 / 23)));
  refusal<Timestamp>(sys_days(days(200'000'000)));
  refusal<Timestamp>(sys_seconds::max());
  refusal<Timestamp>(sys_seconds::min());
  refusal<Timestamp>(year(2026) / 2 / 31);
}

TEST(Operands, DatesAreDaysOfTheCalendar) {
  const auto of = [](auto date) { return stored<Date>(date).view().as_date(); };
  EXPECT_EQ(of(year(2024) / 2 / 29), Date(year(2024) / 2 / 29));
  EXPECT_EQ(of(year(2023) / February / last), Date(year(2023) / 2 / 28));
  EXPECT_EQ(of(sys_time<weeks>(weeks(1))), Date(days(7)));
  refusal<Date>(year(2023) / 2 / 29);
  refusal<Date>(sys_time<weeks>::max());
  // As far as the type reaches; the engines refuse what they do not hold.
  const Date far(days(1) * (Date::rep{1} << (sizeof(Date::rep) * 8 - 4)));
  EXPECT_EQ(of(far), far);
}

TEST(Operands, EnumValuesWithoutANameAreRefusedWithTheColumn) {
  EXPECT_EQ(stored<Colour>(Colour::red).view().as_characters(), "red");
  EXPECT_THAT(refusal<Colour>(Colour::green), HasSubstr("EnumNames"));
}

TEST(BoundValues, KeepTheirOwnKind) {
  EXPECT_EQ(bound(~std::uint64_t{0}).view().kind(), ValueKind::unsigned_integer);
  EXPECT_EQ(bound(1.5F).view().as_real(), 1.5);
  EXPECT_EQ(bound("a").view().as_characters(), "a");
  EXPECT_EQ(bound(std::optional<std::string_view>("a")).view().as_characters(), "a");
  EXPECT_EQ(bound(Colour::red).view().as_characters(), "red");
  EXPECT_EQ(bound(nlohmann::json{{"a", 1}}).view().kind(), ValueKind::json);
  EXPECT_EQ(bound(sys_time<nanoseconds>(1'500ns)).view().as_timestamp(), Timestamp(1us));
  EXPECT_EQ(bound(sys_days(days(3))).view().as_date(), Date(days(3)));
  EXPECT_EQ(bound(year(2026) / 11 / 23).view().kind(), ValueKind::date);
}

TEST(BoundValues, OfNothingAreNull) {
  const char* const nowhere = nullptr;
  EXPECT_TRUE(bound(nullptr).view().is_null());
  EXPECT_TRUE(bound(std::nullopt).view().is_null());
  EXPECT_TRUE(bound(nowhere).view().is_null());
  EXPECT_TRUE(bound(std::optional<const char*>()).view().is_null());
  EXPECT_TRUE(bound(std::optional<const char*>(nullptr)).view().is_null());
  EXPECT_TRUE(bound(std::optional<std::string_view>()).view().is_null());
}

TEST(BoundValues, ThatCannotBeAreRefusedByTheirNumber) {
  for (const auto& refused : std::vector<std::function<Value()>>{
           [] { return bound(sys_seconds::max()); }, [] { return bound(year(2026) / 2 / 31); },
           [] { return bound(Colour::green); }}) {
    const auto error = test::error_of([&] { return refused().view().kind(); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr("parameter $3: "));
  }
}

TEST(RowNumbers, AreNeverNegative) {
  EXPECT_EQ(detail::row_number("limit", 7), 7U);
  EXPECT_EQ(detail::row_number("limit", 0U), 0U);
  EXPECT_EQ(test::error_of([] { return detail::row_number("limit", -1); }).message,
            "limit() takes 0 to 9223372036854775807 rows");
  EXPECT_EQ(test::error_of([] { return detail::row_number("offset", ~std::uint64_t{0}); }).code,
            Errc::invalid_argument);
}

}  // namespace
}  // namespace grant
