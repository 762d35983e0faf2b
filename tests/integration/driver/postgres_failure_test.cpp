#include <future>

#include "grant/io/poll_loop.hpp"
#include "integration/driver/postgres_fixture.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// Ends every session of `node` and waits until they are gone.
void end_sessions(int node) {
  cluster().sql(node,
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
                "where usename = 'app'");
}

TEST(PostgresFailures, HungServerEndsAReadAtItsDeadline) {
  const auto connection = connect_to(1);
  exec(*connection, "select 1");
  const Hung hung(cluster(), 1);
  const auto error = exec_error(*connection, "select 1", Effect::read, 150ms);
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_THAT(error.message,
              ::testing::MatchesRegex("node \"primary/test\": no answer within [0-9]+ ms; "
                                      "the connection was closed"));
  EXPECT_FALSE(connection->is_open());
  EXPECT_EQ(exec_error(*connection, "select 1", Effect::write).code, Errc::unavailable);
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);
  EXPECT_EQ(connection->kind_hint(), NodeKind::unknown);
}

TEST(PostgresFailures, HungServerKeepsNoOtherFromCancelling) {
  const auto other = connect_to(0);
  std::vector<std::unique_ptr<Connection>> connections(12);
  for (auto& connection : connections) {
    connection = connect_to(1);
    exec(*connection, "select 1");
  }
  const Hung hung(cluster(), 1);
  for (const auto& connection : connections) {
    EXPECT_EQ(exec_error(*connection, "select 1", Effect::read, 20ms).code, Errc::timeout);
  }
  const auto error = exec_error(*other, "select pg_sleep(30)", Effect::read, 100ms);
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_TRUE(other->is_open()) << error.message;
}

TEST(PostgresFailures, HungServerLeavesAWriteUnknown) {
  const auto connection = connect_to(1);
  exec(*connection, "select 1");
  const Hung hung(cluster(), 1);
  EXPECT_EQ(exec_error(*connection, "select 1", Effect::write, 100ms).code, Errc::outcome_unknown);
  EXPECT_FALSE(connection->is_open());
}

TEST(PostgresFailures, HungServerBeforeAWriteWasPreparedLeavesNothingUnknown) {
  const auto connection = connect_to(1);
  const Hung hung(cluster(), 1);
  EXPECT_EQ(exec_error(*connection, "select 1", Effect::write, 100ms).code, Errc::timeout);
}

TEST(PostgresFailures, HungServerLeavesACommitUnknownUnlessItOnlyRead) {
  const auto writing = connect_to(1);
  const auto reading = connect_to(1);
  run(writing->begin(within(kPatience), {}));
  TransactionOptions options;
  options.effect = Effect::read;
  run(reading->begin(within(kPatience), options));
  // What an earlier one was begun for says nothing of one that the caller began.
  const auto own = connect_to(1);
  run(own->begin(within(kPatience), options));
  run(own->commit(within(kPatience)));
  exec(*own, "begin");
  const Hung hung(cluster(), 1);
  EXPECT_EQ(error_of([&] { run(writing->commit(within(100ms))); }).code, Errc::outcome_unknown);
  EXPECT_EQ(error_of([&] { run(own->commit(within(100ms))); }).code, Errc::outcome_unknown);
  EXPECT_EQ(error_of([&] { run(reading->commit(within(100ms))); }).code, Errc::timeout);
  run(writing->rollback(within(100ms)));
}

TEST(PostgresFailures, HungServerLeavesATransactionUnknownThatAStatementWasEnding) {
  for (const std::string_view sql : {"commit", "select 1"}) {
    const auto connection = connect_to(1);
    run(connection->begin(within(kPatience), {}));
    exec(*connection, sql);  // prepared from now on
    run(connection->rollback(within(kPatience)));
    run(connection->begin(within(kPatience), {}));
    const Hung hung(cluster(), 1);
    const bool ends = sql == "commit";
    EXPECT_EQ(exec_error(*connection, sql, Effect::write, 100ms).code,
              ends ? Errc::outcome_unknown : Errc::timeout);
    EXPECT_EQ(connection->ended_underneath(),
              ends ? TransactionEnd::unknown : TransactionEnd::none);
  }
}

TEST(PostgresFailures, PassedDeadlineSendsNothing) {
  const auto connection = connect_to(0);
  EXPECT_EQ(exec_error(*connection, "create table never (a int)", Effect::write, -1ms).code,
            Errc::timeout);
  EXPECT_TRUE(connection->is_open());
  EXPECT_EQ(first(*connection, "select to_regclass('never')::text"), "null");
}

TEST(PostgresFailures, EndedSessionIsNoticedBeforeSending) {
  const auto connection = connect_to(0);
  exec(*connection, "create table untouched (a int)");
  exec(*connection, "insert into untouched values (1)");
  end_sessions(0);
  const auto error = exec_error(*connection, "insert into untouched values (1)", Effect::write);
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.sqlstate, "57P01");
  EXPECT_FALSE(connection->is_open());
  const auto next = connect_to(0);
  EXPECT_EQ(first(*next, "select count(*) from untouched"), "1");
  exec(*next, "drop table untouched");
}

TEST(PostgresFailures, SessionEndedWhileAReadRuns) {
  const auto connection = connect_to(0);
  const auto error =
      error_when(*connection, "select pg_sleep(61)", Effect::read, [] { end_sessions(0); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.sqlstate, "57P01");
  EXPECT_THAT(error.message, HasSubstr("terminating connection"));
  EXPECT_FALSE(connection->is_open());
}

TEST(PostgresFailures, SessionEndedWhileAWriteRuns) {
  const auto connection = connect_to(0);
  const auto error =
      error_when(*connection, "select pg_sleep(62)", Effect::write, [] { end_sessions(0); });
  EXPECT_EQ(error.code, Errc::outcome_unknown);
  EXPECT_FALSE(connection->is_open());
}

TEST(PostgresFailures, ServerKilledWhileAWriteRuns) {
  const auto connection = connect_to(0);
  const auto idle = connect_to(0);
  exec(*idle, "select 1");
  const auto error =
      error_when(*connection, "select pg_sleep(63)", Effect::write, [] { cluster().kill(0); });
  EXPECT_EQ(error.code, Errc::outcome_unknown);
  EXPECT_EQ(error.sqlstate, "");
  EXPECT_EQ(exec_error(*idle, "select 1", Effect::write).code, Errc::unavailable);
  EXPECT_EQ(error_of([] { connect_to(0); }).code, Errc::unavailable);
  cluster().start(0);
  EXPECT_EQ(first(*connect_to(0), "select 1"), "1");
}

TEST(PostgresFailures, StandbyRefusesWrites) {
  const auto connection = connect_to(1);
  const auto error = exec_error(*connection, "create table refused (a int)", Effect::write);
  EXPECT_EQ(error.code, Errc::read_only);
  EXPECT_EQ(error.sqlstate, "25006");
  EXPECT_TRUE(connection->is_open());
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

Task<void> sleep_on_server(io::Call call, Effect effect, Errc& code) {
  ConnectOptions options;
  options.url = Url::parse(cluster().url(0));
  const auto connection = co_await postgres::driver().connect(call, std::move(options));
  Statement statement;
  statement.sql = "select pg_sleep(64)";
  statement.effect = effect;
  try {
    co_await connection->execute(call, statement);
  } catch (const Error& error) {
    code = error.code();
  }
}

TEST(PostgresFailures, CancelledWaitEndsTheStatement) {
  io::PollLoop loop;
  Errc read = Errc::closed;
  Errc write = Errc::closed;
  loop.spawn(sleep_on_server(io::Call(loop), Effect::read, read));
  loop.spawn(sleep_on_server(io::Call(loop), Effect::write, write));
  auto ended = std::async(std::launch::async, [&] { loop.run(); });
  const auto watcher = connect_to(0);
  await(*watcher,
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' "
        "and query = 'select pg_sleep(64)'",
        "2");
  loop.cancel();
  ended.get();
  EXPECT_EQ(read, Errc::cancelled);
  EXPECT_EQ(write, Errc::outcome_unknown);
}

}  // namespace
}  // namespace grant::test
