#include "grant/query/rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error_of.hpp"
#include "support/memory_driver.hpp"

namespace grant {
namespace {

using test::error_of;

Value integer(std::int64_t number) { return Value(ValueView::integer(number)); }
Value text(std::string_view characters) { return Value(ValueView::text(characters)); }

/// Two rows: (1, "Ada") and (2, null).
Rows people() {
  std::vector<std::vector<Value>> cells(2);
  cells[0].push_back(integer(1));
  cells[0].push_back(text("Ada"));
  cells[1].push_back(integer(2));
  cells[1].emplace_back();
  return Rows(test::rows({"id", "name"}, std::move(cells), 5));
}

TEST(Rows, AreCountedAndGoneThrough) {
  const auto rows = people();
  EXPECT_EQ(rows.size(), 2U);
  EXPECT_FALSE(rows.empty());
  EXPECT_EQ(rows.affected_rows(), 5U);
  std::vector<int> ids;
  for (const auto row : rows) ids.push_back(row.get<int>("id"));
  EXPECT_THAT(ids, ::testing::ElementsAre(1, 2));
  EXPECT_TRUE(Rows(test::rows({"id"}, {})).empty());
}

TEST(Row, GivesCellsByPlaceAndByName) {
  const auto rows = people();
  EXPECT_EQ(rows[0].get<std::string>(1), "Ada");
  EXPECT_EQ(rows[0].get<std::string>("name"), "Ada");
  EXPECT_EQ(rows[1].get<std::optional<std::string>>("name"), std::nullopt);
  EXPECT_TRUE(rows[1].cell("name").is_null());
}

TEST(Row, NamesTheColumnsThereAreWhenOneIsMissing) {
  const auto rows = people();
  const auto by_name = error_of([&] { return rows[0].get<int>("nmae"); });
  EXPECT_EQ(by_name.code, Errc::invalid_argument);
  EXPECT_EQ(by_name.message, "no column \"nmae\": the result has id, name");
  EXPECT_EQ(error_of([&] { return rows[0].get<int>(2); }).message,
            "no column 2: the result has 2, counted from 0");
}

TEST(Row, RefusesAValueThatDoesNotFit) {
  const auto rows = people();
  EXPECT_EQ(error_of([&] { return rows[0].get<int>("name"); }).code, Errc::invalid_argument);
  EXPECT_EQ(error_of([&] { return rows[1].get<std::string>("name"); }).message,
            "null cannot be read as text: use std::optional");
}

TEST(Rows, RefuseARowThatIsNotThere) {
  const auto rows = people();
  EXPECT_EQ(error_of([&] { return rows[2].get<int>(0); }).message,
            "no row 2: the result has 2, counted from 0");
  EXPECT_EQ(error_of([&] { return rows.at(7).get<int>(0); }).code, Errc::invalid_argument);
  const Rows none(test::rows({"id"}, {}));
  EXPECT_EQ(error_of([&] { return none[0].get<int>(0); }).code, Errc::invalid_argument);
  EXPECT_FALSE(none.first().has_value());
  EXPECT_EQ(rows.first()->get<int>("id"), 1);
}

TEST(Rows, MayGoBeforeTheirRow) {
  const auto second = people()[1];
  EXPECT_EQ(second.get<int>("id"), 2);
  const auto first = *people().begin();
  EXPECT_EQ(first.get<std::string>("name"), "Ada");
  auto rows = people();
  const auto moved = std::move(rows);
  EXPECT_EQ(moved.size(), 2U);
  EXPECT_TRUE(rows.empty());  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
}

TEST(Row, RefusesANameThatTwoColumnsHave) {
  std::vector<std::vector<Value>> cells(1);
  cells[0].push_back(integer(1));
  cells[0].push_back(integer(2));
  const Rows rows(test::rows({"id", "id"}, std::move(cells)));
  EXPECT_THAT(error_of([&] { return rows[0].get<int>("id"); }).message,
              ::testing::HasSubstr("two columns are called \"id\": ask for 0 or 1"));
  EXPECT_EQ(rows[0].get<int>(1), 2);
}

}  // namespace
}  // namespace grant
