// Statements that the server is told to refuse where they write.

#include <span>

#include "contract/contract.hpp"

namespace grant::contract {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

Statement guarded(std::string_view sql, std::span<const ValueView> params = {}) {
  Statement statement;
  statement.sql = sql;
  statement.params = params;
  statement.effect = Effect::read;
  statement.guarded = true;
  return statement;
}

std::unique_ptr<Result> run_guarded(Connection& connection, io::Call call, std::string_view sql,
                                    std::initializer_list<ValueView> params = {}) {
  const std::vector<ValueView> values(params);
  return grant::run(connection.execute(call, guarded(sql, values)));
}

TEST_P(Contract, GuardedQueryGivesItsRowsAndLeavesNothingBehind) {
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " VALUES (1)");
  for (int i = 0; i < 3; ++i) {
    const auto rows =
        run_guarded(connection(), call(), "SELECT id + $1 FROM " + name, {ValueView::integer(2)});
    ASSERT_EQ(rows->row_count(), 1U);
    EXPECT_EQ(rows->cell(0, 0).as_integer(), 3);
    EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  }
  run("INSERT INTO " + name + " VALUES (2)");
  EXPECT_FALSE(connection().session_changed());
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 2);
}

TEST_P(Contract, GuardedWriteIsRefusedByTheServer) {
  const auto name = table("id {integer} PRIMARY KEY");
  run("INSERT INTO " + name + " VALUES (1)");
  const auto key = ValueView::integer(7);
  for (int i = 0; i < 2; ++i) {
    const std::vector<std::string> writes{"INSERT INTO " + name + " VALUES ($1)",
                                          "UPDATE " + name + " SET id = $1",
                                          "DELETE FROM " + name + " WHERE id <> $1"};
    for (const auto& sql : writes) {
      const auto error = error_of([&] { run_guarded(connection(), call(), sql, {key}); });
      EXPECT_EQ(error.code, Errc::read_only) << error.message;
      EXPECT_THAT(error.message, HasSubstr(".read()"));
      EXPECT_EQ(connection().transaction_state(), TransactionState::none);
    }
  }
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE id = 1"), 1);
  run("INSERT INTO " + name + " VALUES (8)");
  EXPECT_FALSE(connection().session_changed());
}

TEST_P(Contract, GuardedWriteInDisguiseChangesNothing) {
  const auto name = table("id {integer} PRIMARY KEY");
  const auto count = "SELECT count(*) FROM " + name + " WHERE id = 1";
  run("INSERT INTO " + name + " VALUES (1)");
  for (const bool inside : {false, true}) {
    for (const auto& sql : backend().disguised_writes(name)) {
      SCOPED_TRACE(sql + (inside ? " in a transaction" : ""));
      if (inside) begin();
      const auto error = error_of([&] { run_guarded(connection(), call(), sql); });
      EXPECT_EQ(error.code, Errc::read_only) << error.message;
      if (inside) {
        EXPECT_EQ(connection().ended_underneath(), TransactionEnd::none);
        rollback();
      }
      EXPECT_EQ(connection().transaction_state(), TransactionState::none);
      EXPECT_EQ(number(count), 1);
    }
  }
}

TEST_P(Contract, GuardedStreamOfAWriteInDisguiseChangesNothing) {
  const auto name = table("id {integer} PRIMARY KEY");
  const auto count = "SELECT count(*) FROM " + name + " WHERE id = 1";
  run("INSERT INTO " + name + " VALUES (1)");
  for (const bool inside : {false, true}) {
    for (const auto& sql : backend().disguised_writes(name)) {
      SCOPED_TRACE(sql + (inside ? " in a transaction" : ""));
      if (inside) begin();
      const auto error = error_of([&] {
        const auto rows = grant::run(connection().stream(call(), guarded(sql), {}));
        while (grant::run(rows->next(call())) != nullptr) {
        }
      });
      // What gives no rows is no stream.
      EXPECT_THAT(error.code, AnyOf(Errc::read_only, Errc::invalid_argument)) << error.message;
      if (inside) {
        EXPECT_EQ(connection().ended_underneath(), TransactionEnd::none);
        rollback();
      }
      EXPECT_EQ(connection().transaction_state(), TransactionState::none);
      EXPECT_EQ(number(count), 1);
    }
  }
}

TEST_P(Contract, GuardHoldsInsideATransactionWhichGoesOnWriting) {
  const auto name = table("id {integer} PRIMARY KEY");
  const auto count = "SELECT count(*) FROM " + name;
  begin();
  run("INSERT INTO " + name + " VALUES (1)");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run_guarded(connection(), call(), count)->cell(0, 0).as_integer(), 1 + i);
    run("INSERT INTO " + name + " VALUES ($1)", {ValueView::integer(2 + i)});
  }
  run("SAVEPOINT here");
  EXPECT_EQ(error_of([&] { run_guarded(connection(), call(), "DELETE FROM " + name); }).code,
            Errc::read_only);
  run("ROLLBACK TO SAVEPOINT here");
  run("INSERT INTO " + name + " VALUES (4)");
  commit();
  EXPECT_EQ(number_on(*connect(), count), 4);
}

TEST_P(Contract, GuardedStatementThatFailsLeavesTheConnectionAsItWas) {
  const auto failing = numbers(3) + "SELECT " + backend().failing_at(2) + " FROM n";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(error_of([&] { run_guarded(connection(), call(), failing); }).code,
              Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { run_guarded(connection(), call(), "SELECT FROM WHERE"); }).code,
              Errc::invalid_argument);
    EXPECT_EQ(connection().transaction_state(), TransactionState::none);
    const auto name = table("id {integer}");
    run("INSERT INTO " + name + " VALUES (1)");
  }
}

TEST_P(Contract, GuardedStatementThatMeetsItsDeadlineLeavesTheConnectionAsItWas) {
  const auto soon = after(Clock::system().now(), std::chrono::milliseconds(100));
  const auto slow = backend().slow_query();
  const auto error =
      error_of([&] { run_guarded(connection(), io::Call(io::blocking_waiter(), soon), slow); });
  EXPECT_EQ(error.code, Errc::timeout) << error.message;
  ASSERT_TRUE(connection().is_open());
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " VALUES (1)");
}

TEST_P(Contract, GuardedStatementsOfAPipelineAreRefusedWhereTheyWrite) {
  const auto name = table("id {integer}");
  const auto insert = "INSERT INTO " + name + " VALUES (1)";
  std::vector<Statement> statements(3);
  statements[0].sql = insert;
  statements[1].sql = insert;
  statements[1].effect = Effect::read;
  statements[1].guarded = true;
  statements[2].sql = insert;
  const auto answers = grant::run(connection().pipeline(call(), statements));
  EXPECT_FALSE(answers[0].error);
  ASSERT_TRUE(answers[1].error);
  EXPECT_EQ(answers[1].error->code, Errc::read_only);
  EXPECT_FALSE(answers[2].error);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 2);
}

}  // namespace
}  // namespace grant::contract
