#include "grant/core/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "grant/core/error.hpp"

namespace grant {
namespace {

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
static_assert(!Storable<std::uint64_t>, "its upper half has no column to go to");
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
