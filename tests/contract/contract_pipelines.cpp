// A pipeline answers each of its statements, in their order, and each is on its own.

#include <chrono>
#include <deque>

#include "contract/contract.hpp"

namespace grant::contract {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

/// Statements that own what they look at.
class Batch {
 public:
  Batch& add(std::string sql, std::vector<Value> params = {}, Effect effect = Effect::write) {
    auto& entry = entries_.emplace_back();
    entry.sql = std::move(sql);
    entry.params = std::move(params);
    for (const auto& param : entry.params) entry.views.push_back(param.view());
    Statement statement;
    statement.sql = entry.sql;
    statement.params = entry.views;
    statement.effect = effect;
    statements_.push_back(statement);
    return *this;
  }

  [[nodiscard]] std::span<const Statement> statements() const { return statements_; }

 private:
  struct Entry {
    std::string sql;
    std::vector<Value> params;
    std::vector<ValueView> views;
  };
  std::deque<Entry> entries_;  // whose addresses stay
  std::vector<Statement> statements_;
};

Value integer(std::int64_t number) { return Value(ValueView::integer(number)); }
Value text(std::string_view characters) { return Value(ValueView::text(characters)); }

std::vector<Answer> answers_of(Connection& connection, const Batch& batch) {
  const io::Call call(io::blocking_waiter(), after(Clock::system().now(), 60s));
  auto answers = grant::run(connection.pipeline(call, batch.statements()));
  EXPECT_EQ(answers.size(), batch.statements().size());
  for (const auto& answer : answers) {
    EXPECT_NE(answer.result != nullptr, answer.error.has_value()) << "a result, or an error";
  }
  return answers;
}

Errc code_of(const Answer& answer) {
  if (answer.error) return answer.error->code;
  ADD_FAILURE() << "no error";
  return {};
}

TEST_P(Contract, PipelineAnswersInOrder) {
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " " + numbers(100) + "SELECT i FROM n");
  Batch batch;
  for (int i = 1; i <= 100; ++i) {
    batch.add("SELECT id FROM " + name + " WHERE id = $1", {integer(i)}, Effect::read);
  }
  const auto answers = answers_of(connection(), batch);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    ASSERT_TRUE(answers[i].result);
    EXPECT_EQ(answers[i].result->cell(0, 0).as_integer(), static_cast<std::int64_t>(i + 1));
  }
  expect_usable();
}

TEST_P(Contract, PipelineOfNothingGivesNothing) {
  EXPECT_TRUE(answers_of(connection(), Batch()).empty());
  expect_usable();
}

TEST_P(Contract, PipelineMayMixReadsWritesAndDefinitions) {
  const auto name = table("id {integer}");
  Batch batch;
  batch.add("INSERT INTO " + name + " VALUES ($1), ($2)", {integer(1), integer(2)})
      .add("SELECT count(*) FROM " + name, {}, Effect::read)
      .add("DELETE FROM " + name + " WHERE id = $1", {integer(1)})
      .add("CREATE INDEX " + name + "_index ON " + name + " (id)")
      .add("SELECT id AS left_over FROM " + name, {}, Effect::read);
  const auto answers = answers_of(connection(), batch);
  for (const auto& answer : answers) ASSERT_FALSE(answer.error) << answer.error->message;
  EXPECT_EQ(answers[0].result->affected_rows(), 2U);
  EXPECT_EQ(answers[1].result->cell(0, 0).as_integer(), 2);
  EXPECT_EQ(answers[2].result->affected_rows(), 1U);
  EXPECT_EQ(answers[4].result->column_name(0), "left_over");
  EXPECT_EQ(answers[4].result->cell(0, 0).as_integer(), 2);
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
}

TEST_P(Contract, ErrorInAPipelineTouchesNoOtherStatement) {
  const auto name = table("id {integer} PRIMARY KEY");
  Batch batch;
  batch.add("INSERT INTO " + name + " VALUES ($1)", {integer(1)})
      .add("INSERT INTO " + name + " VALUES ($1)", {integer(1)})
      .add("INSERT INTO " + name + " VALUES ($1)", {integer(2)})
      .add("SELECT * FROM contract_nowhere")
      .add("INSERT INTO " + name + " VALUES ($1, $2)", {integer(3)})
      .add("INSERT INTO " + name + " VALUES ($1)", {integer(4)})
      .add("SELECT count(*) FROM " + name, {}, Effect::read);
  const auto answers = answers_of(connection(), batch);
  EXPECT_FALSE(answers[0].error);
  EXPECT_EQ(code_of(answers[1]), Errc::constraint);
  EXPECT_FALSE(answers[2].error);
  EXPECT_EQ(code_of(answers[3]), Errc::invalid_argument);
  EXPECT_EQ(code_of(answers[4]), Errc::invalid_argument);
  EXPECT_FALSE(answers[5].error);
  ASSERT_FALSE(answers[6].error);
  EXPECT_EQ(answers[6].result->cell(0, 0).as_integer(), 3);
  EXPECT_EQ(number_on(*connect(), "SELECT count(*) FROM " + name), 3);
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  expect_usable();
}

TEST_P(Contract, ConstraintInAPipelineIsNamedAndItsValueIsNot) {
  const auto name = table("email {text} UNIQUE");
  Batch batch;
  batch.add("INSERT INTO " + name + " VALUES ($1)", {text("secret@example.com")})
      .add("INSERT INTO " + name + " VALUES ($1)", {text("secret@example.com")});
  const auto answers = answers_of(connection(), batch);
  EXPECT_EQ(code_of(answers[1]), Errc::constraint);
  EXPECT_THAT(answers[1].error->constraint, HasSubstr("email"));
  EXPECT_EQ(answers[1].error->node, "contract/primary");
  EXPECT_THAT(answers[1].error->message, Not(HasSubstr("secret")));
}

TEST_P(Contract, ValueThatCannotBeBoundFailsOnlyItsStatementOfAPipeline) {
  const auto name = table("v {text}");
  Batch batch;
  batch.add("INSERT INTO " + name + " VALUES ($1)", {text("first")})
      .add("INSERT INTO " + name + " VALUES ($1)", {text("secret\xff")})
      .add("INSERT INTO " + name + " VALUES ($1)", {text("third")});
  const auto answers = answers_of(connection(), batch);
  EXPECT_FALSE(answers[0].error);
  EXPECT_EQ(code_of(answers[1]), Errc::invalid_argument);
  EXPECT_THAT(answers[1].error->message, HasSubstr("$1"));
  EXPECT_THAT(answers[1].error->message, Not(HasSubstr("secret")));
  EXPECT_FALSE(answers[2].error);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 2);
}

TEST_P(Contract, ErrorInAPipelineInsideATransactionFailsTheRestWhereTheEngineHasItSo) {
  const auto name = table("id {integer} PRIMARY KEY");
  Batch batch;
  batch.add("INSERT INTO " + name + " VALUES ($1)", {integer(1)})
      .add("INSERT INTO " + name + " VALUES ($1)", {integer(1)})
      .add("INSERT INTO " + name + " VALUES ($1)", {integer(2)});
  begin();
  const auto answers = answers_of(connection(), batch);
  EXPECT_FALSE(answers[0].error);
  EXPECT_EQ(code_of(answers[1]), Errc::constraint);
  const bool fails = backend().traits().error_fails_transaction;
  EXPECT_EQ(answers[2].error.has_value(), fails);
  EXPECT_EQ(connection().transaction_state(),
            fails ? TransactionState::failed : TransactionState::open);
  rollback();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, PipelineInsideATransactionIsCommittedWithIt) {
  if (!backend().traits().serves_side_by_side) GTEST_SKIP() << "one transaction at a time";
  const auto name = table("id {integer}");
  Batch batch;
  for (int i = 0; i < 20; ++i) batch.add("INSERT INTO " + name + " VALUES ($1)", {integer(i)});
  begin();
  for (const auto& answer : answers_of(connection(), batch)) EXPECT_FALSE(answer.error);
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  EXPECT_EQ(number_on(*connect(), "SELECT count(*) FROM " + name), 0);
  commit();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 20);
}

TEST_P(Contract, PipelineLargerThanTheSocketsBuffersIsAnsweredInFull) {
  const auto name = table("id {integer}, v {text}");
  const std::string padding(32U << 10U, 'x');
  run("INSERT INTO " + name + " VALUES (0, $1)", {ValueView::text(padding)});
  Batch batch;
  for (int i = 0; i < 500; ++i) {
    batch.add("SELECT id, v FROM " + name + " WHERE v = $1", {text(padding)}, Effect::read);
  }
  for (const auto& answer : answers_of(connection(), batch)) {
    ASSERT_FALSE(answer.error) << answer.error->message;
    ASSERT_EQ(answer.result->row_count(), 1U);
    ASSERT_EQ(answer.result->cell(0, 1).as_characters(), padding);
  }
  expect_usable();
}

TEST_P(Contract, PipelineAfterItsDeadlineRunsNothing) {
  const auto name = table("id {integer}");
  Batch batch;
  batch.add("INSERT INTO " + name + " VALUES (1)").add("INSERT INTO " + name + " VALUES (2)");
  const io::Call late(io::blocking_waiter(), Clock::system().now() - 1ms);
  const auto answers = grant::run(connection().pipeline(late, batch.statements()));
  ASSERT_EQ(answers.size(), 2U);
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer.error);
    EXPECT_EQ(answer.error->code, Errc::timeout);
  }
  EXPECT_EQ(number_on(*connect(), "SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, LostConnectionSaysForEachStatementOfAPipelineWhetherItMayHaveRun) {
  const auto suicide = backend().suicide();
  if (suicide.empty()) GTEST_SKIP() << "the engine has no sessions";
  const auto name = table("id {integer} PRIMARY KEY");
  Batch batch;
  for (int i = 0; i < 3; ++i) batch.add("INSERT INTO " + name + " VALUES ($1)", {integer(i)});
  batch.add(suicide);
  for (int i = 4; i < 7; ++i) batch.add("INSERT INTO " + name + " VALUES ($1)", {integer(i)});
  const auto other = connect();
  const auto answers = answers_of(connection(), batch);
  EXPECT_FALSE(connection().is_open());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (i == 3) continue;
    SCOPED_TRACE(i);
    const auto there = number_on(*other, "SELECT count(*) FROM " + name + " WHERE id = $1",
                                 {ValueView::integer(static_cast<std::int64_t>(i))});
    if (!answers[i].error) {
      EXPECT_EQ(there, 1);
    } else if (answers[i].error->code == Errc::unavailable) {
      EXPECT_EQ(there, 0);
    } else {
      EXPECT_EQ(answers[i].error->code, Errc::outcome_unknown) << answers[i].error->message;
    }
    if (i > 3) {
      EXPECT_TRUE(answers[i].error);
      EXPECT_EQ(there, 0);
    }
  }
}

}  // namespace
}  // namespace grant::contract
