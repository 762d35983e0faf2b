#include "grant/core/value.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace grant {
namespace {

TEST(ValueView, IsNullUnlessMadeOtherwise) {
  EXPECT_TRUE(ValueView{}.is_null());
  EXPECT_EQ(ValueView{}.kind(), ValueKind::null);
  EXPECT_FALSE(ValueView::text("").is_null());
}

TEST(ValueView, KeepsEachKind) {
  EXPECT_TRUE(ValueView::boolean(true).as_boolean());
  EXPECT_EQ(ValueView::integer(-5).as_integer(), -5);
  EXPECT_EQ(ValueView::real(0.5).as_real(), 0.5);
  EXPECT_EQ(ValueView::text("abc").as_characters(), "abc");
  EXPECT_EQ(ValueView::json("{}").kind(), ValueKind::json);
  const Timestamp time(std::chrono::microseconds(-1));
  EXPECT_EQ(ValueView::timestamp(time).as_timestamp(), time);
}

TEST(ValueView, StaysSmallEnoughToPassByValue) { EXPECT_LE(sizeof(ValueView), 24U); }

TEST(Value, OwnsItsCharacters) {
  Value value;
  {
    const std::string text(1'000, 'x');
    value = Value(ValueView::text(text));
  }
  EXPECT_EQ(value.view().as_characters(), std::string(1'000, 'x'));
}

TEST(Value, KeepsKindAndNulCharactersOfBytes) {
  const std::string_view raw("a\0b", 3);
  const Value value(ValueView::bytes(std::as_bytes(std::span(raw.data(), raw.size()))));
  EXPECT_EQ(value.view().kind(), ValueKind::bytes);
  EXPECT_EQ(value.view().as_characters(), raw);
}

TEST(Value, LooksAtItsOwnCharactersAfterACopyAndAMove) {
  Value original(ValueView::text("short"));
  const Value copy = original;
  const Value moved = std::move(original);
  original = Value();
  EXPECT_EQ(copy.view().as_characters(), "short");
  EXPECT_EQ(moved.view().as_characters(), "short");
  EXPECT_TRUE(Value().view().is_null());
}

TEST(Params, KeepViewsValidWhileMoreAreAdded) {
  Params params;
  for (int i = 0; i < 100; ++i) params.add(Value(ValueView::text(std::to_string(i))));
  ASSERT_EQ(params.size(), 100U);
  const Params moved = std::move(params);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(moved.views()[i].as_characters(), std::to_string(i));
  }
}

TEST(Params, KeepTheOrderOfViewsAndValues) {
  Params params;
  params.add(ValueView::integer(1));
  params.add(Value(ValueView::integer(2)));
  params.add(ValueView{});
  EXPECT_EQ(params.views()[0].as_integer(), 1);
  EXPECT_EQ(params.views()[1].as_integer(), 2);
  EXPECT_TRUE(params.views()[2].is_null());
}

TEST(ValueKind, HasNames) {
  EXPECT_EQ(to_string(ValueKind::null), "null");
  EXPECT_EQ(to_string(ValueKind::timestamp), "timestamp");
}

}  // namespace
}  // namespace grant
