// Where the log stands after a write, which a standby that has replayed it has.
#include <fmt/format.h>

#include "integration/driver/postgres_fixture.hpp"

namespace grant::test {
namespace {

constexpr TransactionOptions kPlaced{.wants_position = true};

std::optional<Position> write(Connection& connection, std::string_view sql) {
  run(connection.execute(within(kPatience), {.sql = sql, .wants_position = true}));
  return connection.last_position();
}

std::optional<Position> commit(Connection& connection, std::string_view sql) {
  run(connection.begin(within(kPatience), kPlaced));
  exec(connection, sql);
  run(connection.commit(within(kPatience)));
  return connection.last_position();
}

/// Whether the standby has replayed `position`, or does so soon.
bool reaches(Connection& standby, const std::optional<Position>& position) {
  return position && eventually([&] {
           return first(standby, "select (pg_last_wal_replay_lsn() >= $1::pg_lsn)::int",
                        {ValueView::text(to_string(*position))}) == "1";
         });
}

TEST(PostgresPosition, IsNotAskedForWhereItIsNotWanted) {
  const auto connection = connect_to(0);
  exec(*connection, "create table unplaced (a int)");
  EXPECT_EQ(connection->last_position(), std::nullopt);
  EXPECT_NE(write(*connection, "insert into unplaced values (1)"), std::nullopt);
  // That of the write before it says nothing of this one.
  exec(*connection, "insert into unplaced values (2)");
  EXPECT_EQ(connection->last_position(), std::nullopt);
  EXPECT_NE(commit(*connection, "insert into unplaced values (3)"), std::nullopt);
  run(connection->begin(within(kPatience), TransactionOptions{}));
  exec(*connection, "drop table unplaced");
  run(connection->commit(within(kPatience)));
  EXPECT_EQ(connection->last_position(), std::nullopt);
}

std::uint64_t beyond_segment(const std::optional<Position>& position) {
  return std::get<Lsn>(position.value().place).bytes % (std::uint64_t{16} << 20U);
}

// A standby stands at the boundary of a page until there is something in the page, which the server
// writes by itself now and then.
TEST(PostgresPosition, AtTheEndOfASegmentIsReached) {
  const auto connection = connect_to(0);
  const auto standby = connect_to(1);
  cluster().sql(0, "grant execute on function pg_switch_wal() to app");
  exec(*connection, "create table switched (a int)");
  for (int i = 0; i < 3; ++i) {
    exec(*connection, "insert into switched values (1)");
    const auto written = write(*connection, "select pg_switch_wal()");
    EXPECT_NE(beyond_segment(written), 40U);
    EXPECT_TRUE(reaches(*standby, written));
    exec(*connection, "insert into switched values (1)");
    const auto committed = commit(*connection, "select pg_switch_wal()");
    EXPECT_NE(beyond_segment(committed), 40U);
    EXPECT_TRUE(reaches(*standby, committed));
  }
  exec(*connection, "drop table switched");
}

TEST(PostgresPosition, OfEachCommitIsReached) {
  const auto connection = connect_to(0);
  const auto standby = connect_to(1);
  exec(*connection, "create table committed (a int, filler text)");
  for (int i = 0; i < 300; ++i) {
    if (i % 100 == 0) exec(*connection, "set synchronous_commit = on");
    // What is on the disk is behind, and so is the standby, for a moment each time.
    if (i % 100 == 98) exec(*connection, "set synchronous_commit = off");
    const auto row = fmt::format("insert into committed values ({}, '{}')", i,
                                 std::string(static_cast<std::size_t>(i % 97), 'x'));
    const auto position = i % 2 == 0 ? write(*connection, row) : commit(*connection, row);
    ASSERT_TRUE(reaches(*standby, position)) << i;
    ASSERT_EQ(first(*standby, "select a from committed order by a desc limit 1"),
              std::to_string(i));
  }
  exec(*connection, "drop table committed");
}

TEST(PostgresPosition, OfWhatRunsOutsideTransactionsOnly) {
  const auto connection = connect_to(0);
  exec(*connection, "create table vacuumed (a int)");
  EXPECT_NE(write(*connection, "vacuum vacuumed"), std::nullopt);
  EXPECT_NE(write(*connection, "drop table vacuumed"), std::nullopt);
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);
}

/// What the question asks is another function's to answer, on connections that are misled.
class Misleading {
 public:
  /// `body`: of a function without a result, in PL/pgSQL.
  explicit Misleading(const std::string& body) {
    auto on = connect_to(0);
    exec(*on, "create schema misled");
    exec(*on,
         "create function misled.pg_current_wal_insert_lsn() returns pg_lsn language plpgsql "
         "as $$ begin " +
             body + "; return '0/0'::pg_lsn; end $$");
    exec(*on, "create table misled.written (a int)");
  }
  Misleading(const Misleading&) = delete;
  Misleading& operator=(const Misleading&) = delete;
  ~Misleading() { cluster().sql(0, "drop schema misled cascade"); }

  [[nodiscard]] static std::unique_ptr<Connection> misled() {
    auto connection = connect_to(0);
    exec(*connection, "set search_path = misled, pg_catalog");
    return connection;
  }

  [[nodiscard]] static std::string rows() {
    return cluster().sql(0, "select count(*) from misled.written");
  }
};

constexpr auto kInsert = "insert into written values (1)";

TEST(PostgresPosition, WriteIsDoneWhereTheServerDoesNotTell) {
  const Misleading misleading("raise exception 'no'");
  const auto connection = Misleading::misled();
  EXPECT_EQ(write(*connection, kInsert), std::nullopt);
  EXPECT_EQ(commit(*connection, kInsert), std::nullopt);
  EXPECT_EQ(Misleading::rows(), "2");
  EXPECT_TRUE(connection->is_open());
  exec(*connection, "set search_path = pg_catalog, misled");
  EXPECT_NE(write(*connection, kInsert), std::nullopt);
}

TEST(PostgresPosition, WriteIsDoneWhereTheQuestionLosesTheConnection) {
  const Misleading misleading("perform pg_terminate_backend(pg_backend_pid())");
  const auto connection = Misleading::misled();
  EXPECT_EQ(write(*connection, kInsert), std::nullopt);
  EXPECT_FALSE(connection->is_open());
  const auto another = Misleading::misled();
  EXPECT_EQ(commit(*another, kInsert), std::nullopt);
  EXPECT_FALSE(another->is_open());
  EXPECT_EQ(Misleading::rows(), "2");
}

TEST(PostgresPosition, WriteIsDoneWhereTheQuestionMeetsTheDeadline) {
  const Misleading misleading("perform pg_sleep(60)");
  const auto connection = Misleading::misled();
  const auto soon = [] { return within(std::chrono::seconds(1)); };
  EXPECT_NO_THROW(run(connection->execute(soon(), {.sql = kInsert, .wants_position = true})));
  EXPECT_EQ(connection->last_position(), std::nullopt);
  EXPECT_FALSE(connection->is_open());
  const auto another = Misleading::misled();
  run(another->begin(within(kPatience), kPlaced));
  exec(*another, kInsert);
  EXPECT_NO_THROW(run(another->commit(soon())));
  EXPECT_EQ(another->last_position(), std::nullopt);
  EXPECT_EQ(Misleading::rows(), "2");
}

TEST(PostgresPosition, OfATransactionThatFailedIsNone) {
  const auto connection = connect_to(0);
  run(connection->begin(within(kPatience), kPlaced));
  const auto refused = exec_error(*connection, "insert into no_such_table values (1)");
  EXPECT_EQ(error_of([&] { run(connection->commit(within(kPatience))); }).code, refused.code);
  EXPECT_EQ(connection->last_position(), std::nullopt);
  EXPECT_TRUE(connection->is_open());
}

// The tables that a statement names may have been made anew since it was prepared.
TEST(PostgresPosition, IsToldOfAStatementThatIsPreparedAnew) {
  const auto connection = connect_to(0);
  exec(*connection, "create table anew (a int)");
  const auto insert = "insert into anew values (1) returning *";
  EXPECT_NE(write(*connection, insert), std::nullopt);
  exec(*connect_to(0), "alter table anew add column b text");
  EXPECT_NE(write(*connection, insert), std::nullopt);
  EXPECT_EQ(first(*connection, "select count(*) from anew"), "2");
  exec(*connection, "drop table anew");
}

}  // namespace
}  // namespace grant::test
