#include "grant/core/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "grant/core/error.hpp"

namespace grant {
namespace test_types {
enum class Colour { red, green };
}  // namespace test_types

template <>
struct EnumNames<test_types::Colour> {
  static constexpr std::pair<test_types::Colour, std::string_view> all[] = {
      {test_types::Colour::red, "red"}, {test_types::Colour::green, "green"}};
};

namespace {

using test_types::Colour;

using ::testing::HasSubstr;
using ::testing::Not;

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid_argument);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

template <class T>
T decode(ValueView view) {
  return Codec<T>::decode(view);
}

template <class T>
std::string refusal_of(ValueView view) {
  return refusal([view] { static_cast<void>(decode<T>(view)); });
}

template <class T>
void expect_round_trip(const T& value) {
  const auto stored = Codec<T>::encode(value);
  EXPECT_EQ(decode<T>(stored), value);
}

static_assert(Storable<bool> && Storable<int> && Storable<std::int64_t> && Storable<double>);
static_assert(Storable<std::string> && Storable<Bytes> && Storable<Timestamp> && Storable<Json>);
static_assert(Storable<std::optional<int>>);
static_assert(Storable<std::uint64_t> && Storable<Decimal> && Storable<Uuid>);
static_assert(Storable<Date> && Storable<TimeOfDay> && Storable<Colour>);
static_assert(Storable<std::vector<int>> && Storable<std::vector<std::optional<std::string>>>);
static_assert(!Storable<void*>);

TEST(Codec, EveryTypeComesBack) {
  expect_round_trip(true);
  expect_round_trip(std::int8_t{-128});
  expect_round_trip(std::uint32_t{4'294'967'295U});
  expect_round_trip(std::numeric_limits<std::int64_t>::min());
  expect_round_trip(0.1);
  expect_round_trip(0.1F);
  expect_round_trip(std::string("text"));
  expect_round_trip(Bytes{std::byte{0}, std::byte{255}});
  expect_round_trip(Timestamp(std::chrono::microseconds(-1)));
  expect_round_trip(Json::from_text(R"({"a":1})"));
  expect_round_trip(std::optional<std::string>("x"));
  expect_round_trip(std::optional<std::string>());
  expect_round_trip(std::numeric_limits<std::uint64_t>::max());
  expect_round_trip(std::uint64_t{7});
  expect_round_trip(Decimal::parse("-12.50").value());
  expect_round_trip(Date(std::chrono::year(2026) / 11 / 23));
  expect_round_trip(TimeOfDay{std::chrono::hours(24)});
  expect_round_trip(Uuid::parse("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11").value());
  expect_round_trip(Colour::green);
}

TEST(Codec, ArraysOwnWhatTheyEncode) {
  using Texts = std::vector<std::optional<std::string>>;
  const Texts texts{"a text that is long enough not to fit inside a string object", std::nullopt};
  const auto encoded = std::make_unique<Value>(Codec<Texts>::encode(texts));
  const Value copy = *encoded;
  EXPECT_EQ(decode<Texts>(copy.view()), texts);
  EXPECT_EQ(decode<Texts>(Value(copy.view()).view()), texts);
  EXPECT_EQ(decode<std::vector<bool>>(Codec<std::vector<bool>>::encode({true, false}).view()),
            (std::vector<bool>{true, false}));
  EXPECT_TRUE(decode<std::vector<int>>(ValueView::array({})).empty());
  refusal_of<std::vector<int>>(ValueView::integer(1));
  refusal_of<std::vector<std::string>>(copy.view());  // the null
}

TEST(Codec, EnumsGoByTheirNames) {
  EXPECT_EQ(Codec<Colour>::encode(Colour::red).as_characters(), "red");
  EXPECT_THAT(refusal_of<Colour>(ValueView::text("secret")), Not(HasSubstr("secret")));
  refusal_of<Colour>(ValueView::integer(0));
  EXPECT_THAT(refusal([] { static_cast<void>(Codec<Colour>::encode(Colour{7})); }),
              HasSubstr("EnumNames"));
}

TEST(Codec, UnsignedIntegersBeyondTheSignedOnesFitOnlyThere) {
  const auto large = ValueView::unsigned_integer(std::uint64_t{1} << 63U);
  EXPECT_EQ(large.kind(), ValueKind::unsigned_integer);
  EXPECT_EQ(ValueView::unsigned_integer(1).kind(), ValueKind::integer);
  EXPECT_EQ(decode<std::uint64_t>(large), std::uint64_t{1} << 63U);
  refusal_of<std::int64_t>(large);
  refusal_of<std::uint32_t>(large);
  refusal_of<double>(large);
  refusal_of<std::uint64_t>(ValueView::integer(-1));
  EXPECT_EQ(decode<std::uint64_t>(ValueView::decimal("18446744073709551615")),
            std::numeric_limits<std::uint64_t>::max());
  refusal_of<std::uint64_t>(ValueView::decimal("18446744073709551616"));
}

TEST(Codec, DecimalsAreWholeNumbersWhenNothingIsBehindThePoint) {
  EXPECT_EQ(decode<int>(ValueView::decimal("12.00")), 12);
  refusal_of<int>(ValueView::decimal("12.01"));
  EXPECT_EQ(decode<double>(ValueView::decimal("12.5")), 12.5);
  EXPECT_EQ(decode<Decimal>(ValueView::integer(-3)).text(), "-3");
  EXPECT_EQ(decode<Decimal>(ValueView::text("1.50")).text(), "1.50");
  refusal_of<Decimal>(ValueView::real(1.5));
  refusal_of<Decimal>(ValueView::text("1e5"));
}

TEST(Codec, FloatRefusesWhatIsBeyondIt) {
  EXPECT_THAT(refusal_of<float>(ValueView::real(1e39)), HasSubstr("3.4e38"));
  EXPECT_EQ(decode<float>(ValueView::real(std::numeric_limits<double>::infinity())),
            std::numeric_limits<float>::infinity());
}

TEST(Codec, FloatRefusesWhatItWouldRound) {
  EXPECT_EQ(decode<float>(ValueView::real(static_cast<double>(0.1F))), 0.1F);
  EXPECT_THAT(refusal_of<float>(ValueView::real(0.1)), HasSubstr("use double"));
  refusal_of<float>(ValueView::real(16'777'217.0));
  refusal_of<float>(ValueView::real(1e-50));
  EXPECT_THAT(refusal_of<float>(ValueView::integer(16'777'217)), HasSubstr("float would round it"));
  EXPECT_EQ(decode<float>(ValueView::integer(16'777'216)), 16'777'216.0F);
  EXPECT_EQ(decode<float>(ValueView::decimal("0.1")), 0.1F);
  refusal_of<float>(ValueView::decimal("1" + std::string(39, '0')));
  EXPECT_TRUE(std::isnan(decode<float>(ValueView::real(std::nan("")))));
}

TEST(Codec, ExactIntegersOfADoubleAreThoseWithFewEnoughDigits) {
  EXPECT_EQ(decode<double>(ValueView::integer(std::int64_t{1} << 62)), 4611686018427387904.0);
  EXPECT_EQ(decode<double>(ValueView::integer(std::numeric_limits<std::int64_t>::min())), -0x1p63);
  refusal_of<double>(ValueView::integer(std::numeric_limits<std::int64_t>::max()));
  refusal_of<double>(ValueView::integer(-(std::int64_t{1} << 53) - 1));
}

TEST(Codec, RefusalsHaveTheirArticle) {
  EXPECT_THAT(refusal_of<Date>(ValueView::integer(1)), HasSubstr("an integer value"));
  EXPECT_THAT(refusal_of<Date>(ValueView::array({})), HasSubstr("an array value"));
  EXPECT_THAT(refusal_of<Date>(ValueView::unsigned_integer(~std::uint64_t{0})),
              HasSubstr("an unsigned integer value"));
  EXPECT_THAT(refusal_of<Date>(ValueView::real(1)), HasSubstr("a real value"));
}

TEST(Codec, TextStandsInForKindsThatAnEngineLacks) {
  EXPECT_EQ(decode<Date>(ValueView::text("2026-11-23")), Date(std::chrono::year(2026) / 11 / 23));
  EXPECT_EQ(decode<TimeOfDay>(ValueView::text("00:00:01")).since_midnight, std::chrono::seconds(1));
  const std::string uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
  EXPECT_EQ(decode<Uuid>(ValueView::text(uuid)).to_string(), uuid);
  EXPECT_EQ(decode<std::string>(ValueView::uuid(Uuid::parse(uuid).value())), uuid);
  EXPECT_EQ(decode<std::string>(ValueView::decimal("1.0")), "1.0");
  EXPECT_EQ(decode<std::string>(ValueView::date(Date())), "1970-01-01");
  EXPECT_EQ(decode<Timestamp>(ValueView::date(Date())), Timestamp());
  const auto far_away = ValueView::date(Date(std::chrono::days(842'294'525)));
  refusal_of<Timestamp>(far_away);
  refusal_of<std::string>(far_away);
  refusal_of<Date>(ValueView::text("2026-11-31"));
  refusal_of<TimeOfDay>(ValueView::text("24:00:01"));
  refusal_of<Uuid>(ValueView::text("a0eebc99"));
}

TEST(Codec, EmptyOptionalIsNullAndBack) {
  EXPECT_TRUE(Codec<std::optional<int>>::encode(std::nullopt).is_null());
  EXPECT_EQ(decode<std::optional<int>>(ValueView{}), std::nullopt);
}

TEST(Codec, NullNeedsAnOptional) {
  EXPECT_THAT(refusal_of<int>({}), HasSubstr("std::optional"));
  EXPECT_THAT(refusal_of<std::string>({}), HasSubstr("std::optional"));
  EXPECT_THAT(refusal_of<bool>({}), HasSubstr("std::optional"));
}

TEST(Codec, IntegersThatDoNotFitAreRefusedWithoutTheValue) {
  EXPECT_THAT(refusal_of<std::int8_t>(ValueView::integer(128)),
              ::testing::AllOf(HasSubstr("-128 to 127"), Not(HasSubstr(" 128"))));
  refusal_of<std::uint32_t>(ValueView::integer(-1));
  refusal_of<std::int32_t>(ValueView::integer(std::int64_t{1} << 31));
  EXPECT_EQ(decode<std::int8_t>(ValueView::integer(127)), 127);
}

TEST(Codec, ConvertsOnlyWithoutLoss) {
  EXPECT_TRUE(decode<bool>(ValueView::integer(1)));
  refusal_of<bool>(ValueView::integer(2));
  EXPECT_EQ(decode<int>(ValueView::boolean(true)), 1);
  EXPECT_EQ(decode<int>(ValueView::text("42")), 42);
  for (const std::string_view bad : {"", "4x", " 4", "4.0", "99999999999999999999"}) {
    refusal_of<int>(ValueView::text(bad));
  }
  refusal_of<int>(ValueView::real(1.0));
  EXPECT_EQ(decode<double>(ValueView::integer(std::int64_t{1} << 53)), 9007199254740992.0);
  refusal_of<double>(ValueView::integer((std::int64_t{1} << 53) + 1));
  EXPECT_EQ(decode<double>(ValueView::text("2.5")), 2.5);
  refusal_of<double>(ValueView::text("2.5 "));
  EXPECT_EQ(decode<std::string>(ValueView::json("{}")), "{}");
  refusal_of<std::string>(ValueView::integer(1));
  refusal_of<std::string>(ValueView::bytes({}));
  EXPECT_EQ(decode<Bytes>(ValueView::text("a")).size(), 1U);
  EXPECT_EQ(decode<Timestamp>(ValueView::text("1970-01-01 00:00:01")),
            Timestamp(std::chrono::seconds(1)));
  refusal_of<Timestamp>(ValueView::text("soon"));
  EXPECT_EQ(decode<Json>(ValueView::text("[]")).text(), "[]");
  refusal_of<Json>(ValueView::integer(1));
}

TEST(Codec, RefusalsNeverQuoteTheValue) {
  EXPECT_THAT(refusal_of<int>(ValueView::text("secret")), Not(HasSubstr("secret")));
  EXPECT_THAT(refusal_of<double>(ValueView::text("secret")), Not(HasSubstr("secret")));
  EXPECT_THAT(refusal_of<Timestamp>(ValueView::text("secret")), Not(HasSubstr("secret")));
}

TEST(Codec, TextIsEncodedWithoutACopy) {
  const std::string text = "a text that is long enough not to fit inside a string object";
  EXPECT_EQ(Codec<std::string>::encode(text).as_characters().data(), text.data());
}

}  // namespace
}  // namespace grant
