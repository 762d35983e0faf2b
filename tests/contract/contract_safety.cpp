// Names and values that want to be something else, sizes beyond what fits, and foreign time zones.

#include <chrono>

#include "contract/contract.hpp"
#include "grant/core/timestamp.hpp"
#include "support/zeros.hpp"

namespace grant::contract {
namespace {

using namespace std::chrono_literals;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_P(Contract, QuotedIdentifiersMayHoldAnything) {
  const auto quoted = [&](std::string_view name) { return backend().quoted(name); };
  for (const std::string_view column :
       {"select", "With Space", "quote\"inside", "\"quoted\"", "back`tick", "it's", "a;b--c", "/*",
        "100%", "$1", "?", "back\\slash", "\xC3\xA9t\xC3\xA9", "x) VALUES (1); DROP TABLE y; --"}) {
    SCOPED_TRACE(column);
    const auto name = table(quoted(column) + " {integer}");
    run("INSERT INTO " + name + " (" + quoted(column) + ") VALUES ($1)", {ValueView::integer(7)});
    const auto rows =
        run("SELECT " + quoted(column) + " FROM " + name + " WHERE " + quoted(column) + " = $1",
            {ValueView::integer(7)});
    ASSERT_EQ(rows->row_count(), 1U);
    EXPECT_EQ(rows->column_name(0), column);
  }
}

TEST_P(Contract, TextLongerThanItsColumnIsRefusedAndNotCutOff) {
  if (!backend().traits().limits_widths) GTEST_SKIP() << "the engine's columns have no width";
  const auto name = table("v VARCHAR(3)");
  run("INSERT INTO " + name + " VALUES ($1)", {ValueView::text("\xC3\xA9\xC3\xA9\xC3\xA9")});
  const auto error =
      error_of([&] { run("INSERT INTO " + name + " VALUES ($1)", {ValueView::text("secret")}); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, Not(HasSubstr("secret")));
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
  expect_usable();
}

TEST_P(Contract, ValuesOfManyMebibytesComeBackOrAreRefused) {
  const auto name = table("v {text}");
  const std::string large(24U << 20U, 'x');
  try {
    run("INSERT INTO " + name + " VALUES ($1)", {ValueView::text(large)});
    EXPECT_EQ(run("SELECT v FROM " + name)->cell(0, 0).as_characters().size(), large.size());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid_argument) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("bytes"));
    EXPECT_LT(std::string_view(error.what()).size(), 1'000U);
    EXPECT_EQ(number_on(*connect(), "SELECT count(*) FROM " + name), 0);
  }
  expect_usable();
}

TEST_P(Contract, ValueBeyondEveryLimitIsRefusedWithItsSizeAndTheLimitBeforeAnythingIsDone) {
  const auto name = table("v {bytes}");
  const test::Zeros zeros((std::size_t{1} << 30U) + 7);
  begin();
  run("INSERT INTO " + name + " VALUES ($1)", {ValueView::bytes({})});
  const auto error = error_of(
      [&] { run("INSERT INTO " + name + " VALUES ($1)", {ValueView::bytes(zeros.bytes())}); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("10737418"));  // of one value, or of the whole message
  EXPECT_THAT(error.message, ContainsRegex("no more than [0-9]+|less than [0-9]+"));
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  commit();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
}

TEST_P(Contract, TimestampsAreTheSameInEveryZoneOfTheSession) {
  const auto elsewhere = backend().leave_utc();
  const auto name = table("id {integer}, v {timestamp}, beside {decimal}");
  // In the hours that a zone with summer time has twice or not at all.
  const auto times = {parse_timestamp("2026-03-29 01:30:00").value(),
                      parse_timestamp("2026-10-25 01:30:00.000001").value()};
  for (const bool moved : {false, true}) {
    if (moved && !elsewhere.empty()) run(elsewhere);
    for (const auto time : times) {
      run("INSERT INTO " + name + " (id, v) VALUES ($1, $2)",
          {ValueView::integer(moved ? 1 : 0), ValueView::timestamp(time)});
      EXPECT_EQ(
          number("SELECT count(*) FROM " + name + " WHERE v = $1", {ValueView::timestamp(time)}),
          moved ? 2 : 1);
    }
    const auto rows = run("SELECT v FROM " + name + " ORDER BY id, v");
    ASSERT_EQ(rows->row_count(), moved ? 4U : 2U);
    for (std::size_t i = 0; i < rows->row_count(); ++i) {
      EXPECT_EQ(rows->cell(i, 0).as_timestamp(), times.begin()[i % 2]);
    }
  }
}

TEST_P(Contract, TheEnginesClockIsWrittenInUtc) {
  const auto name = table("v {timestamp}");
  run("INSERT INTO " + name + " VALUES (CURRENT_TIMESTAMP)");
  const auto apart = Codec<Timestamp>::decode(run("SELECT v FROM " + name)->cell(0, 0)) -
                     Clock::system().wall_time();
  EXPECT_LT(apart, 10min);
  EXPECT_GT(apart, -10min);
}

}  // namespace
}  // namespace grant::contract
