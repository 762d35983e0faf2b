// What SQLite makes of the kinds of values that it has no type of its own for.

#include <string>

#include "grant/core/date.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/uuid.hpp"
#include "integration/driver/sqlite_fixture.hpp"

namespace grant::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

Date date(int year, unsigned month, unsigned day) {
  return Date(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day));
}

const Uuid kUuid = Uuid::parse("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f").value();

TEST_F(SqliteTest, DeclaredTypesGiveTheirKindsBack) {
  const auto connection = connect(url("a.db"));
  run(*connection,
      "CREATE TABLE t (d DATE TEXT, h TIME TEXT, u UUID TEXT, x DECIMAL TEXT, plain DATE)");
  run(*connection, "INSERT INTO t VALUES ($1, $2, $3, $4, $1)",
      {ValueView::date(date(2026, 11, 23)), ValueView::time(TimeOfDay{24h}), ValueView::uuid(kUuid),
       ValueView::decimal("-12345678901234567890.1230")});
  const auto rows = run(*connection, "SELECT d, h, u, x, plain FROM t");
  ASSERT_EQ(rows->row_count(), 1U);
  ASSERT_EQ(rows->cell(0, 0).kind(), ValueKind::date);
  EXPECT_EQ(rows->cell(0, 0).as_date(), date(2026, 11, 23));
  ASSERT_EQ(rows->cell(0, 1).kind(), ValueKind::time);
  EXPECT_EQ(rows->cell(0, 1).as_time(), TimeOfDay{24h});
  ASSERT_EQ(rows->cell(0, 2).kind(), ValueKind::uuid);
  EXPECT_EQ(rows->cell(0, 2).as_uuid(), kUuid);
  ASSERT_EQ(rows->cell(0, 3).kind(), ValueKind::decimal);
  EXPECT_EQ(rows->cell(0, 3).as_characters(), "-12345678901234567890.123");
  EXPECT_EQ(rows->cell(0, 4).kind(), ValueKind::date);
}

TEST_F(SqliteTest, ValuesAreStoredAsTextThatSqliteItselfUnderstands) {
  const auto connection = connect(url("a.db"));
  const auto rows =
      run(*connection, "SELECT $1 || ' ' || $2 || ' ' || $3 || ' ' || $4, julianday($1) NOT NULL",
          {ValueView::date(date(999, 1, 2)), ValueView::time(TimeOfDay{3h + 42us}),
           ValueView::uuid(kUuid), ValueView::decimal("1.50")});
  EXPECT_EQ(rows->cell(0, 0).as_characters(),
            "0999-01-02 03:00:00.000042 0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f 1.5");
  EXPECT_EQ(rows->cell(0, 1).as_integer(), 1);
}

TEST_F(SqliteTest, ForeignTextInADeclaredColumnStaysText) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (d DATE TEXT, h TIME TEXT, u UUID TEXT, x DECIMAL TEXT)");
  run(*connection, "INSERT INTO t VALUES ('2026-02-30', '25:00', 'no', '1e5')");
  run(*connection, "INSERT INTO t VALUES ('', '', '', '')");
  const auto rows = run(*connection, "SELECT d, h, u, x FROM t");
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 4; ++column) {
      EXPECT_EQ(rows->cell(row, column).kind(), ValueKind::text) << row << ' ' << column;
    }
  }
  EXPECT_EQ(rows->cell(0, 0).as_characters(), "2026-02-30");
}

TEST_F(SqliteTest, UuidMayBeStoredAsItsBytes) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (u UUID)");
  run(*connection, "INSERT INTO t VALUES ($1)", {ValueView::bytes(kUuid.bytes)});
  const auto rows = run(*connection, "SELECT u FROM t");
  ASSERT_EQ(only_cell(*rows).kind(), ValueKind::uuid);
  EXPECT_EQ(only_cell(*rows).as_uuid(), kUuid);
}

TEST_F(SqliteTest, WhatSqliteCannotHoldIsRefusedByPlaceAndNotShown) {
  const auto connection = connect(url("a.db"));
  const ValueView elements[] = {ValueView::integer(4711)};
  const std::pair<ValueView, std::string> refused[] = {
      {ValueView::unsigned_integer(9'223'372'036'854'775'808U), "9223372036854775807"},
      {ValueView::array(elements), "array, which SQLite does not have"},
      {ValueView::date(date(10'000, 1, 1)), "years 0 to 9999"},
      {ValueView::date(date(-1, 12, 31)), "years 0 to 9999"},
      {ValueView::timestamp(Timestamp(date(10'000, 1, 1))), "years 0 to 9999"},
  };
  for (const auto& each : refused) {
    const auto error = error_of([&] { run(*connection, "SELECT $1", {each.first}); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr("$1"));
    EXPECT_THAT(error.message, HasSubstr(each.second));
    EXPECT_THAT(error.message, Not(HasSubstr("4711")));
  }
  const auto rows =
      run(*connection, "SELECT $1", {ValueView::unsigned_integer(9'223'372'036'854'775'807U)});
  EXPECT_EQ(only_cell(*rows).as_integer(), 9'223'372'036'854'775'807);
}

TEST_F(SqliteTest, RowGivesTheCellsOfARow) {
  const auto connection = connect(url("a.db"));
  const auto rows = run(*connection, "SELECT 1, 'a' UNION ALL SELECT 2, 'b'");
  std::array<ValueView, 2> cells;
  rows->row(1, cells);
  EXPECT_EQ(cells[0].as_integer(), 2);
  EXPECT_EQ(cells[1].as_characters(), "b");
}

}  // namespace
}  // namespace grant::test
