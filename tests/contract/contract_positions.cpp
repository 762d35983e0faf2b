// Where the log stands after a write, and that a replica which is there has the write.

#include <fmt/format.h>

#include <array>

#include "contract/contract_positions.hpp"
#include "support/eventually.hpp"

namespace grant::contract {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Positions);

namespace {

using test::eventually;

constexpr TransactionOptions kPlaced{.wants_position = true};

io::Call soon() {
  return io::Call(io::blocking_waiter(), after(Clock::system().now(), std::chrono::seconds(1)));
}

std::optional<Position> probed(Connection& connection, io::Call call) {
  return grant::run(connection.probe(call)).position;
}

/// Writes, and gives the position.
std::optional<Position> write(Connection& connection, io::Call call, std::string_view sql) {
  grant::run(connection.execute(call, {.sql = sql, .wants_position = true}));
  return connection.last_position();
}

TEST_P(Positions, IsThereAfterAWriteAndAfterACommit) {
  const auto name = table("id {integer}");
  const auto written = write(connection(), call(), "INSERT INTO " + name + " VALUES (1)");
  ASSERT_TRUE(written);
  EXPECT_EQ(written->epoch, grant::run(connection().probe(call())).epoch);
  EXPECT_TRUE(eventually([&] { return probed(connection(), call()) >= written; }));

  begin(kPlaced);
  run("INSERT INTO " + name + " VALUES (2)");
  commit();
  const auto committed = connection().last_position();
  EXPECT_GT(committed, written);
  EXPECT_TRUE(eventually([&] { return probed(connection(), call()) >= committed; }));
  expect_usable();
}

TEST_P(Positions, OfAWriteThatReturnsRowsIsItsOwn) {
  const auto name = table("id {integer}");
  const auto before = write(connection(), call(), "INSERT INTO " + name + " VALUES (1)");
  const auto insert = "INSERT INTO " + name + " VALUES (2) RETURNING id";
  EXPECT_GT(write(connection(), call(), insert), before);
  // Where it was not asked for, that of an earlier write must not stand for it.
  const auto known = connection().last_position();
  run(insert);
  EXPECT_TRUE(!connection().last_position() || connection().last_position() > known);
}

TEST_P(Positions, OfAWriteThatFailedIsNotThatOfAnEarlierOne) {
  const auto name = table("id {integer}, UNIQUE (id)");
  const auto insert = "INSERT INTO " + name + " VALUES (1)";
  ASSERT_TRUE(write(connection(), call(), insert));
  EXPECT_THROW(run(insert), Error);
  EXPECT_EQ(connection().last_position(), std::nullopt);
}

TEST_P(Positions, OfAPipelineIsNotThatOfAnEarlierWrite) {
  const auto name = table("id {integer}");
  const auto insert = "INSERT INTO " + name + " VALUES (1)";
  const auto before = write(connection(), call(), insert);
  const Statement plain{.sql = insert};
  const std::array both{plain, plain};
  grant::run(connection().pipeline(call(), both));
  EXPECT_TRUE(!connection().last_position() || connection().last_position() > before);

  const auto written = write(connection(), call(), insert);
  const auto count = "SELECT count(*) FROM " + name;
  const Statement reading{.sql = count, .effect = Effect::read};
  const std::array reads{reading, reading};
  grant::run(connection().pipeline(call(), reads));
  EXPECT_EQ(connection().last_position(), written);
}

TEST_P(Positions, StaysWhileThereIsNoOtherWrite) {
  const auto name = table("id {integer}");
  const auto written = write(connection(), call(), "INSERT INTO " + name + " VALUES (1)");
  run_on(connection(), "SELECT count(*) FROM " + name, {}, Effect::read);
  EXPECT_EQ(connection().last_position(), written);
  begin(TransactionOptions{Isolation::engine_default, Effect::read});
  run_on(connection(), "SELECT count(*) FROM " + name, {}, Effect::read);
  rollback();
  EXPECT_EQ(connection().last_position(), written);
}

TEST_P(Positions, ReaderThatHasReachedOneHasTheWrite) {
  const auto name = table("id {integer}");
  const auto reader = connect(backend().reader());
  for (int i = 1; i <= 100; ++i) {
    const auto row = fmt::format("INSERT INTO {} VALUES ({})", name, i);
    std::optional<Position> position;
    if (i % 2 == 0) {
      position = write(connection(), call(), row);
    } else {
      begin(kPlaced);
      run(row);
      commit();
      position = connection().last_position();
    }
    ASSERT_TRUE(position);
    ASSERT_TRUE(eventually([&] { return probed(*reader, call()) >= position; })) << i;
    ASSERT_EQ(number_on(*reader, "SELECT count(*) FROM " + name), i);
  }
}

TEST_P(Positions, WantedChangesNothingElse) {
  const auto name = table("id {integer}, UNIQUE (id)");
  const auto insert = "INSERT INTO " + name + " VALUES (1)";
  const auto returning = insert + " RETURNING id";
  auto rows = grant::run(connection().execute(call(), {.sql = returning, .wants_position = true}));
  ASSERT_EQ(rows->row_count(), 1U);
  EXPECT_EQ(rows->cell(0, 0).as_integer(), 1);
  EXPECT_EQ(rows->affected_rows(), 1U);

  const auto refused = error_of([&] { run(insert); });
  const auto refused_placed = error_of([&] { write(connection(), call(), insert); });
  EXPECT_EQ(refused_placed.code, Errc::constraint);
  EXPECT_EQ(refused_placed.message, refused.message);
  expect_usable();

  begin(kPlaced);
  EXPECT_EQ(error_of([&] { write(connection(), call(), insert); }).code, Errc::constraint);
  rollback();
  EXPECT_EQ(
      error_of([&] { write(connection(), call(), "INSERT INTO no_such_table VALUES (1)"); }).code,
      error_of([&] { run("INSERT INTO no_such_table VALUES (1)"); }).code);
  expect_usable();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
}

TEST_P(Positions, WriteThatMeetsItsDeadlineIsCancelledAllTheSame) {
  const auto name = table("id {text}");
  const auto slow = fmt::format("INSERT INTO {} {}", name, backend().slow_query());
  const auto plain = error_of([&] { grant::run(connection().execute(soon(), {.sql = slow})); });
  const auto error = error_of(
      [&] { grant::run(connection().execute(soon(), {.sql = slow, .wants_position = true})); });
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_EQ(error.code, plain.code);
  EXPECT_EQ(error.sqlstate, plain.sqlstate);
  expect_usable();
}

TEST_P(Positions, WriteThatLosesItsConnectionIsInDoubt) {
  const auto error = error_of([&] { write(connection(), call(), backend().suicide()); });
  EXPECT_EQ(error.code, Errc::outcome_unknown);
  EXPECT_FALSE(connection().is_open());
}

TEST_P(Positions, IsNotThereBeforeTheFirstWrite) {
  EXPECT_EQ(connect()->last_position(), std::nullopt);
}

}  // namespace
}  // namespace grant::contract
