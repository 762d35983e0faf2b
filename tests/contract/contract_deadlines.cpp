// A deadline ends whatever runs, and the error says what may have happened.

#include <chrono>

#include "contract/contract.hpp"

namespace grant::contract {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;

TimePoint now() { return Clock::system().now(); }

io::Call call_for(Duration span) { return io::Call(io::blocking_waiter(), after(now(), span)); }

Statement statement(std::string_view sql, Effect effect) {
  Statement made;
  made.sql = sql;
  made.effect = effect;
  return made;
}

TEST_P(Contract, NothingRunsAfterItsDeadline) {
  const auto name = table("id {integer}");
  const auto sql = "INSERT INTO " + name + " VALUES (1)";
  const auto error = error_of(
      [&] { grant::run(connection().execute(call_for(-1ms), statement(sql, Effect::write))); });
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_EQ(number_on(*connect(), "SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, NoTransactionBeginsAfterItsDeadline) {
  const auto error =
      error_of([&] { grant::run(connection().begin(call_for(-1ms), TransactionOptions{})); });
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_NE(connection().transaction_state(), TransactionState::open);
}

TEST_P(Contract, LongQueryEndsAtItsDeadline) {
  const auto started = now();
  const auto sql = backend().slow_query();
  const auto error = error_of(
      [&] { grant::run(connection().execute(call_for(100ms), statement(sql, Effect::read))); });
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_GE(now() - started, 100ms);
  EXPECT_LT(now() - started, 5s);
}

TEST_P(Contract, RowsThatComeFasterThanTheyAreReadEndAtTheDeadline) {
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " " + numbers(1'000) + "SELECT i FROM n");
  const auto all = "SELECT a.id, b.id, c.id FROM " + name + " a CROSS JOIN " + name +
                   " b CROSS JOIN " + name + " c";
  for (int i = 0; i < 3; ++i) {
    const auto connection = connect();
    const auto started = now();
    const auto error = error_of(
        [&] { grant::run(connection->execute(call_for(200ms), statement(all, Effect::read))); });
    const auto took = now() - started;
    EXPECT_EQ(error.code, Errc::timeout) << error.message;
    EXPECT_GE(took, 200ms);
    EXPECT_LT(took, 3s);
  }
  // The server has noticed, and keeps the table for nobody.
  const auto change = with_types("ALTER TABLE " + name + " ADD COLUMN more {integer}");
  grant::run(connection().execute(call_for(20s), statement(change, Effect::write)));
}

TEST_P(Contract, AfterAPassedDeadlineTheConnectionWorksOrIsClosed) {
  const auto sql = backend().slow_query();
  EXPECT_THROW(grant::run(connection().execute(call_for(50ms), statement(sql, Effect::read))),
               Error);
  if (connection().is_open()) {
    expect_usable();
  } else {
    EXPECT_EQ(error_of([&] { run("SELECT 1"); }).code, Errc::unavailable);
  }
}

TEST_P(Contract, LongWriteEndsAtItsDeadlineAndSaysWhetherItMayHaveHappened) {
  const auto name = table("id {integer}");
  const auto sql =
      "INSERT INTO " + name + " SELECT 1 FROM (" + backend().slow_query() + ") AS slow";
  const auto started = now();
  const auto error = error_of(
      [&] { grant::run(connection().execute(call_for(100ms), statement(sql, Effect::write))); });
  EXPECT_LT(now() - started, 5s);
  EXPECT_THAT(error.code, AnyOf(Errc::timeout, Errc::outcome_unknown));
  if (error.code == Errc::timeout) {
    EXPECT_EQ(number_on(*connect(), "SELECT count(*) FROM " + name), 0);
  }
}

TEST_P(Contract, WaitForALockEndsAtItsDeadline) {
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " VALUES (1)");
  const auto update = "UPDATE " + name + " SET id = id + 1";
  const auto other = connect();
  begin();
  run(update);
  const auto started = now();
  const auto error = error_of(
      [&] { grant::run(other->execute(call_for(100ms), statement(update, Effect::write))); });
  EXPECT_THAT(error.code, AnyOf(Errc::timeout, Errc::outcome_unknown));
  EXPECT_GE(now() - started, 100ms);
  EXPECT_LT(now() - started, 5s);
  commit();
}

TEST_P(Contract, DeadlineOfOneCallDoesNotTouchTheNext) {
  const auto sql = std::string("SELECT 1");
  grant::run(connection().execute(call_for(30s), statement(sql, Effect::read)));
  const auto forever = io::Call(io::blocking_waiter());
  EXPECT_EQ(grant::run(connection().execute(forever, statement(sql, Effect::read)))->row_count(),
            1U);
}

}  // namespace
}  // namespace grant::contract
