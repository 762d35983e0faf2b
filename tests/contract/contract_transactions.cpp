// Transactions begin, end and fail alike on every engine.

#include "contract/contract.hpp"

namespace grant::contract {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr TransactionOptions kReading{Isolation::repeatable_read, Effect::read};

TEST_P(Contract, CommitKeepsWhatWasWritten) {
  const auto name = table("id {integer}");
  begin();
  run("INSERT INTO " + name + " VALUES (1)");
  commit();
  EXPECT_EQ(number_on(*connect(), "SELECT count(*) FROM " + name), 1);
}

TEST_P(Contract, RollbackUndoesWhatWasWritten) {
  const auto name = table("id {integer}");
  begin();
  run("INSERT INTO " + name + " VALUES (1)");
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
  rollback();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, StatementOutsideATransactionIsCommittedAtOnce) {
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " VALUES (1)");
  EXPECT_EQ(number_on(*connect(), "SELECT count(*) FROM " + name), 1);
}

TEST_P(Contract, TransactionStateFollowsTheCalls) {
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  begin();
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  number("SELECT 1");
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  commit();
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  begin();
  rollback();
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
}

TEST_P(Contract, TransactionStateFollowsTransactionsWrittenAsSql) {
  run("BEGIN");
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  run("COMMIT");
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
}

TEST_P(Contract, EveryIsolationLevelIsAccepted) {
  const auto name = table("id {integer}");
  for (const auto isolation : {Isolation::engine_default, Isolation::read_committed,
                               Isolation::repeatable_read, Isolation::serializable}) {
    TransactionOptions options;
    options.isolation = isolation;
    begin(options);
    run("INSERT INTO " + name + " VALUES (1)");
    commit();
  }
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 4);
}

TEST_P(Contract, OtherConnectionsSeeWritesOnlyAfterCommit) {
  if (!backend().traits().serves_side_by_side) GTEST_SKIP() << "one transaction at a time";
  const auto name = table("id {integer}");
  const auto count = "SELECT count(*) FROM " + name;
  const auto other = connect();
  begin();
  run("INSERT INTO " + name + " VALUES (1)");
  EXPECT_EQ(number_on(*other, count), 0);
  commit();
  EXPECT_EQ(number_on(*other, count), 1);
}

TEST_P(Contract, ReadTransactionKeepsItsSnapshot) {
  if (!backend().traits().serves_side_by_side) GTEST_SKIP() << "one transaction at a time";
  const auto name = table("id {integer}");
  const auto count = "SELECT count(*) FROM " + name;
  begin(kReading);
  EXPECT_EQ(number(count), 0);
  const auto other = connect();
  run_on(*other, "INSERT INTO " + name + " VALUES (1)");
  EXPECT_EQ(number(count), 0);
  commit();
  EXPECT_EQ(number(count), 1);
}

TEST_P(Contract, ReadTransactionRefusesWrites) {
  const auto name = table("id {integer}");
  begin(kReading);
  EXPECT_EQ(error_of([&] { run("INSERT INTO " + name + " VALUES (1)"); }).code, Errc::read_only);
  rollback();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, WritesAreAllowedAgainAfterAReadTransaction) {
  const auto name = table("id {integer}");
  begin(kReading);
  commit();
  run("INSERT INTO " + name + " VALUES (1)");
  begin(kReading);
  rollback();
  run("INSERT INTO " + name + " VALUES (2)");
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 2);
}

TEST_P(Contract, FailedStatementInsideATransactionHasNoEffect) {
  const auto name = table("id {integer} PRIMARY KEY");
  run("INSERT INTO " + name + " VALUES (1)");
  begin();
  run("INSERT INTO " + name + " VALUES (2)");
  EXPECT_EQ(error_of([&] { run("INSERT INTO " + name + " VALUES (1)"); }).code, Errc::constraint);
  EXPECT_EQ(connection().transaction_state(), backend().traits().error_fails_transaction
                                                  ? TransactionState::failed
                                                  : TransactionState::open);
  rollback();
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
  run("INSERT INTO " + name + " VALUES (3)");
}

TEST_P(Contract, CommitOfAFailedTransactionGivesTheErrorThatFailedIt) {
  if (!backend().traits().error_fails_transaction) GTEST_SKIP();
  const auto name = table("id {integer} PRIMARY KEY");
  begin();
  run("INSERT INTO " + name + " VALUES (2)");
  const auto first = error_of([&] { run("INSERT INTO " + name + " VALUES (2)"); });
  EXPECT_EQ(first.code, Errc::constraint);
  const auto next = error_of([&] { number("SELECT 1"); });
  EXPECT_EQ(next.code, Errc::constraint);
  EXPECT_THAT(next.message, HasSubstr(first.message));
  EXPECT_THAT(next.message, HasSubstr("nothing was executed"));
  const auto last = error_of([&] { commit(); });
  EXPECT_EQ(last.code, Errc::constraint);
  EXPECT_EQ(last.sqlstate, first.sqlstate);
  EXPECT_EQ(last.constraint, first.constraint);
  EXPECT_THAT(last.message, HasSubstr("rolled back"));
  EXPECT_THAT(last.message, HasSubstr("passed over"));
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  // It is forgotten with its transaction.
  begin();
  EXPECT_THAT(error_of([&] { run("SELECT * FROM contract_no_such_table"); }).message,
              Not(HasSubstr("passed over")));
  EXPECT_EQ(error_of([&] { commit(); }).code, Errc::invalid_argument);
}

TEST_P(Contract, SavepointTakesBackTheErrorThatFailedTheTransactionToo) {
  const auto name = table("id {integer} PRIMARY KEY");
  begin();
  run("INSERT INTO " + name + " VALUES (1)");
  run("SAVEPOINT here");
  EXPECT_THROW(run("INSERT INTO " + name + " VALUES (1)"), ConstraintViolation);
  run("ROLLBACK TO SAVEPOINT here");
  EXPECT_THROW(run("SELECT * FROM contract_no_such_table"), Error);
  if (backend().traits().error_fails_transaction) {
    EXPECT_EQ(error_of([&] { commit(); }).code, Errc::invalid_argument)
        << "the second, not the first";
  } else {
    commit();
  }
}

TEST_P(Contract, TransactionEndedByAStatementIsSeenToBe) {
  const auto name = table("id {integer}");
  for (const std::string ending : {"COMMIT", "ROLLBACK"}) {
    begin();
    EXPECT_EQ(connection().ended_underneath(), TransactionEnd::none);
    run("INSERT INTO " + name + " VALUES (1)");
    EXPECT_EQ(connection().ended_underneath(), TransactionEnd::none);
    run(ending);
    EXPECT_EQ(connection().ended_underneath(),
              ending == "COMMIT" ? TransactionEnd::committed : TransactionEnd::rolled_back);
    EXPECT_EQ(connection().transaction_state(), TransactionState::none);
    EXPECT_THROW(commit(), Error);
    EXPECT_EQ(connection().ended_underneath(), TransactionEnd::none);
  }
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
  begin();
  run("SAVEPOINT here");
  run("ROLLBACK TO SAVEPOINT here");
  run("RELEASE SAVEPOINT here");
  EXPECT_EQ(connection().ended_underneath(), TransactionEnd::none);
  commit();
}

TEST_P(Contract, TransactionReplacedByAnotherOneIsSeenToBe) {
  const auto name = table("id {integer}");
  for (const auto& ending : backend().transaction_changers()) {
    SCOPED_TRACE(ending);
    begin();
    run("INSERT INTO " + name + " VALUES (1)");
    try {
      run(ending);
    } catch (const Error&) {
      // It may have ended the transaction all the same.
    }
    EXPECT_NE(connection().ended_underneath(), TransactionEnd::none);
    rollback();
  }
}

TEST_P(Contract, PipelineStopsWhereAStatementEndsTheTransaction) {
  const auto name = table("id {integer}");
  const auto insert = "INSERT INTO " + name + " VALUES (1)";
  begin();
  std::vector<Statement> statements(3);
  statements[0].sql = insert;
  statements[1].sql = "COMMIT";
  statements[2].sql = insert;
  const auto answers = grant::run(connection().pipeline(call(), statements));
  EXPECT_FALSE(answers[0].error);
  EXPECT_FALSE(answers[1].error);
  EXPECT_TRUE(answers[2].error);
  EXPECT_EQ(connection().ended_underneath(), TransactionEnd::committed);
  rollback();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
}

TEST_P(Contract, SavepointTakesBackAFailedStatement) {
  const auto name = table("id {integer} PRIMARY KEY");
  begin();
  run("INSERT INTO " + name + " VALUES (1)");
  run("SAVEPOINT here");
  run("INSERT INTO " + name + " VALUES (2)");
  EXPECT_THROW(run("INSERT INTO " + name + " VALUES (1)"), ConstraintViolation);
  run("ROLLBACK TO SAVEPOINT here");
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  run("INSERT INTO " + name + " VALUES (3)");
  commit();
  const auto rows = run("SELECT id FROM " + name + " ORDER BY id");
  ASSERT_EQ(rows->row_count(), 2U);
  EXPECT_EQ(rows->cell(1, 0).as_integer(), 3);
}

TEST_P(Contract, CommitThatBreaksADeferredRuleEndsTheTransaction) {
  if (!backend().traits().defers_constraints) {
    GTEST_SKIP() << "the engine checks every rule at once";
  }
  const auto parent = table("id {integer} PRIMARY KEY");
  const auto child =
      table("parent_id {integer} REFERENCES " + parent + " (id) DEFERRABLE INITIALLY DEFERRED");
  begin();
  run("INSERT INTO " + child + " VALUES (1)");
  EXPECT_EQ(error_of([&] { commit(); }).code, Errc::constraint);
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  EXPECT_EQ(number("SELECT count(*) FROM " + child), 0);
}

TEST_P(Contract, RollbackWithoutATransactionIsHarmless) {
  rollback();
  expect_usable();
}

TEST_P(Contract, ClosingAConnectionRollsBack) {
  const auto name = table("id {integer}");
  auto other = connect();
  grant::run(other->begin(call(), TransactionOptions{}));
  run_on(*other, "INSERT INTO " + name + " VALUES (1)");
  other.reset();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  run("INSERT INTO " + name + " VALUES (2)");
}

}  // namespace
}  // namespace grant::contract
