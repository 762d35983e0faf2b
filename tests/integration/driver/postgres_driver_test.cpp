#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "grant/core/codec.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/io/poll_loop.hpp"
#include "integration/driver/postgres_fixture.hpp"

namespace grant::test {
void await(Connection& connection, std::string_view sql, std::string_view expected) {
  ASSERT_TRUE(eventually([&] { return first(connection, sql) == expected; })) << sql;
}

int running(std::string_view sql) {
  return std::stoi(cluster().sql(
      0, fmt::format("select count(*) from pg_stat_activity where wait_event = 'PgSleep' "
                     "and query = '{}'",
                     sql)));
}

namespace {

TEST(PostgresStatements, EvictedOnesLeaveTheServer) {
  const auto connection = connect_to(cluster().url(0) + "?statement_cache_size=2");
  for (int i = 0; i < 6; ++i) exec(*connection, fmt::format("select {}", i));
  // The last two and this one, less what it has displaced: at most the capacity and one in flight.
  EXPECT_EQ(first(*connection, "select count(*) from pg_prepared_statements"), "3");
  EXPECT_EQ(first(*connection,
                  "select string_agg(statement, ',' order by prepare_time) "
                  "from pg_prepared_statements where statement not like '%pg_p%'"),
            "select 5");
}

TEST(PostgresStatements, EvictionWaitsForTheEndOfATransaction) {
  const auto connection = connect_to(cluster().url(0) + "?statement_cache_size=1");
  run(connection->begin(within(kPatience), {}));
  for (int i = 0; i < 5; ++i) exec(*connection, fmt::format("select {}", i));
  EXPECT_EQ(connection->transaction_state(), TransactionState::open);
  EXPECT_EQ(first(*connection, "select count(*) from pg_prepared_statements"), "6");
  run(connection->commit(within(kPatience)));
  EXPECT_EQ(first(*connection, "select count(*) > 1 from pg_prepared_statements"), "true");
  EXPECT_EQ(first(*connection, "select count(*) from pg_prepared_statements"), "2");
}

TEST(PostgresStatements, CacheOfSizeZeroKeepsNothing) {
  const auto connection = connect_to(cluster().url(0) + "?statement_cache_size=0");
  EXPECT_EQ(first(*connection, "select $1::int + 1", {ValueView::integer(1)}), "2");
  EXPECT_EQ(first(*connection, "select $1::int + 1", {ValueView::integer(2)}), "3");
  EXPECT_EQ(first(*connection, "select count(*) from pg_prepared_statements where name <> ''"),
            "0");
}

TEST(PostgresStatements, AreParsedOnce) {
  const auto connection = connect_to(0);
  for (int i = 0; i < 3; ++i) exec(*connection, "select 'parsed once'");
  EXPECT_EQ(first(*connection,
                  "select generic_plans + custom_plans from pg_prepared_statements "
                  "where statement = 'select ''parsed once'''"),
            "3");
}

TEST(PostgresStatements, SchemaChangeIsFollowedOutsideATransaction) {
  const auto connection = connect_to(0);
  exec(*connection, "create table changing (a int)");
  exec(*connection, "insert into changing values (1)");
  EXPECT_EQ(exec(*connection, "select * from changing")->column_count(), 1U);
  exec(*connection, "alter table changing add b text default 'x'");
  EXPECT_EQ(exec(*connection, "select * from changing")->column_count(), 2U);
  EXPECT_EQ(text_of(exec(*connection, "select * from changing")->cell(0, 1)), "x");
  exec(*connection, "drop table changing");
}

TEST(PostgresStatements, SchemaChangeOfThisProcessIsFollowedInsideATransaction) {
  const auto connection = connect_to(0);
  exec(*connection, "create table changing2 (a int)");
  exec(*connection, "select * from changing2");
  const auto other = connect_to(0);
  exec(*other, "alter table changing2 add b int");

  run(connection->begin(within(kPatience), {}));
  exec(*connection, "insert into changing2 values (1)");
  EXPECT_EQ(exec(*connection, "select * from changing2")->column_count(), 2U);
  run(connection->commit(within(kPatience)));
  exec(*connection, "drop table changing2");
}

TEST(PostgresStatements, DeallocatedBehindOurBackArePreparedAgain) {
  const auto connection = connect_to(0);
  EXPECT_EQ(first(*connection, "select 7"), "7");
  exec(*connection, "discard all");
  EXPECT_EQ(first(*connection, "select 7"), "7");
  EXPECT_EQ(first(*connection, "select 8"), "8");  // this one tidies up after the lost ones
  EXPECT_EQ(first(*connection, "select 9"), "9");
}

TEST(PostgresTransactions, CommitOfAFailedTransactionTellsWhatFailedIt) {
  const auto connection = connect_to(0);
  run(connection->begin(within(kPatience), {}));
  EXPECT_EQ(error_of([&] { exec(*connection, "select 1/0"); }).sqlstate, "22012");
  EXPECT_EQ(connection->transaction_state(), TransactionState::failed);
  const auto error = error_of([&] { run(connection->commit(within(kPatience))); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_EQ(error.sqlstate, "22012");
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);
}

TEST(PostgresTransactions, HaveTheIsolationAndEffectAskedFor) {
  const auto connection = connect_to(0);
  TransactionOptions options;
  options.isolation = Isolation::serializable;
  options.effect = Effect::read;
  run(connection->begin(within(kPatience), options));
  EXPECT_EQ(first(*connection, "show transaction_isolation"), "serializable");
  EXPECT_EQ(error_of([&] { exec(*connection, "create table forbidden (a int)"); }).code,
            Errc::read_only);
  run(connection->rollback(within(kPatience)));

  options.isolation = Isolation::repeatable_read;
  options.effect = Effect::write;
  run(connection->begin(within(kPatience), options));
  EXPECT_EQ(first(*connection, "show transaction_isolation"), "repeatable read");
  EXPECT_EQ(first(*connection, "show transaction_read_only"), "off");
  run(connection->rollback(within(kPatience)));
}

TEST(PostgresTransactions, MisuseIsRefusedWithoutAskingTheServer) {
  const auto connection = connect_to(0);
  EXPECT_EQ(error_of([&] { run(connection->commit(within(kPatience))); }).code,
            Errc::invalid_argument);
  run(connection->rollback(within(kPatience)));
  run(connection->begin(within(kPatience), {}));
  EXPECT_EQ(error_of([&] { run(connection->begin(within(kPatience), {})); }).code,
            Errc::invalid_argument);
  EXPECT_EQ(connection->transaction_state(), TransactionState::open);
  run(connection->rollback(within(kPatience)));
}

struct Meeting {
  std::unique_ptr<Connection> connection{};
  std::string seen{};
};

// Each session takes a shared lock and keeps it, and then waits for seven others: they must all
// have got as far while this one waits.
Task<void> meet(io::Call call, std::string url, Meeting& meeting) {
  ConnectOptions options;
  options.url = Url::parse(url);
  meeting.connection = co_await postgres::driver().connect(call, std::move(options));
  Statement statement;
  statement.sql = "select meet(8)";
  const auto result = co_await meeting.connection->execute(call, statement);
  meeting.seen = text_of(result->cell(0, 0));
}

TEST(PostgresConcurrency, TasksOnOneLoopWaitSideBySide) {
  const auto admin = connect_to(0);
  exec(*admin, R"(create function meet(n int) returns int language plpgsql as $$
    declare present int;
    begin
      perform pg_advisory_lock_shared(4242);
      for i in 1..1000 loop
        select count(*) into present from pg_locks where locktype = 'advisory' and objid = 4242;
        exit when present >= n;
        perform pg_sleep(0.01);
      end loop;
      return present;
    end $$)");
  io::PollLoop loop;
  std::vector<Meeting> meetings(8);
  const io::Call call(loop, Clock::system().now() + kPatience);
  for (auto& meeting : meetings) loop.spawn(meet(call, cluster().url(0), meeting));
  loop.run();
  for (const auto& meeting : meetings) EXPECT_EQ(meeting.seen, "8");
  exec(*admin, "drop function meet");
}

TEST(PostgresConcurrency, AForkedChildLeavesTheSessionAlone) {
  auto connection = connect_to(0);
  const pid_t child = ::fork();
  if (child == 0) {
    connection.reset();
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

}  // namespace
}  // namespace grant::test
