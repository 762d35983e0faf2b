// Errors are sorted by what the caller can do, and leave the connection usable.

#include "contract/contract.hpp"

namespace grant::contract {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_P(Contract, MissingTableIsNamed) {
  const auto error = error_of([&] { run("SELECT * FROM contract_no_such_table"); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("contract_no_such_table"));
  expect_usable();
}

TEST_P(Contract, MissingColumnIsNamed) {
  const auto name = table("a {integer}");
  const auto error = error_of([&] { run("SELECT misspelt FROM " + name); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("misspelt"));
  expect_usable();
}

TEST_P(Contract, MisspeltColumnInDoubleQuotesIsNotTakenForText) {
  const auto name = table("a {text}");
  const auto error = error_of([&] { run("SELECT * FROM " + name + " WHERE \"misspelt\" = 'a'"); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
}

TEST_P(Contract, SyntaxErrorIsInvalid) {
  const auto error = error_of([&] { run("SELEC 1"); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("syntax error"));
  EXPECT_THAT(error.server_message, HasSubstr("SELEC"));
  expect_usable();
}

TEST_P(Contract, ErrorsNameTheNodeAndTheServersOwnCode) {
  const auto error = error_of([&] { run("SELECT * FROM contract_no_such_table"); });
  EXPECT_EQ(error.node, "contract/primary");
  EXPECT_THAT(error.message, HasSubstr("contract/primary"));
  EXPECT_TRUE(!error.sqlstate.empty() || error.native != 0);
}

TEST_P(Contract, UniqueViolationNamesTheConstraintAndNotTheValue) {
  const auto name = table("email {text} UNIQUE");
  const auto insert = "INSERT INTO " + name + " VALUES ($1)";
  run(insert, {ValueView::text("secret@example.com")});
  const auto error = error_of([&] { run(insert, {ValueView::text("secret@example.com")}); });
  EXPECT_EQ(error.code, Errc::constraint);
  EXPECT_THAT(error.constraint, HasSubstr("email"));
  EXPECT_THAT(error.message, HasSubstr("email"));
  EXPECT_THAT(error.message, Not(HasSubstr("secret")));
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
  expect_usable();
}

TEST_P(Contract, PrimaryKeyViolationIsAConstraint) {
  const auto name = table("id {integer} PRIMARY KEY");
  run("INSERT INTO " + name + " VALUES (1)");
  EXPECT_EQ(error_of([&] { run("INSERT INTO " + name + " VALUES (1)"); }).code, Errc::constraint);
  EXPECT_THROW(run("INSERT INTO " + name + " VALUES (1)"), ConstraintViolation);
}

TEST_P(Contract, NotNullViolationNamesTheColumn) {
  const auto name = table("a {integer}, needed {text} NOT NULL");
  const auto error = error_of([&] { run("INSERT INTO " + name + " VALUES (1, NULL)"); });
  EXPECT_EQ(error.code, Errc::constraint);
  EXPECT_THAT(error.message, HasSubstr("needed"));
  expect_usable();
}

TEST_P(Contract, CheckViolationNamesTheConstraint) {
  const auto name = table("n {integer}, CONSTRAINT n_is_positive CHECK (n > 0)");
  const auto error =
      error_of([&] { run("INSERT INTO " + name + " VALUES ($1)", {ValueView::integer(-4711)}); });
  EXPECT_EQ(error.code, Errc::constraint);
  EXPECT_EQ(error.constraint, "n_is_positive");
  EXPECT_THAT(error.message, Not(HasSubstr("4711")));
  expect_usable();
}

TEST_P(Contract, ForeignKeysAreEnforced) {
  const auto parent = table("id {integer} PRIMARY KEY");
  const auto child = table("parent_id {integer} REFERENCES " + parent + " (id)");
  run("INSERT INTO " + parent + " VALUES (1)");
  run("INSERT INTO " + child + " VALUES (1)");
  EXPECT_EQ(error_of([&] { run("INSERT INTO " + child + " VALUES (2)"); }).code, Errc::constraint);
  EXPECT_EQ(error_of([&] { run("DELETE FROM " + parent); }).code, Errc::constraint);
  expect_usable();
}

TEST_P(Contract, StatementThatFailsHalfWayChangesNothing) {
  const auto name = table("id {integer} PRIMARY KEY");
  run("INSERT INTO " + name + " VALUES (3)");
  EXPECT_EQ(error_of([&] { run("INSERT INTO " + name + " VALUES (1), (2), (3)"); }).code,
            Errc::constraint);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
}

TEST_P(Contract, TwoStatementsInOneTextAreRefusedAndNeitherRuns) {
  const auto name = table("a {integer}");
  const auto insert = "INSERT INTO " + name + " VALUES (1)";
  const auto error = error_of([&] { run(insert + "; " + insert); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  expect_usable();
}

TEST_P(Contract, OneStatementMayEndWithASemicolonAndAComment) {
  EXPECT_EQ(number("SELECT 7;"), 7);
  EXPECT_EQ(number("SELECT 7 -- seven"), 7);
  EXPECT_EQ(number("/* first */ SELECT 7 ; "), 7);
}

TEST_P(Contract, StatementWithANulCharacterIsRefused) {
  const auto name = table("a {integer}");
  auto sql = "INSERT INTO " + name + " VALUES (1)";
  sql += '\0';
  sql += " garbage";
  EXPECT_EQ(error_of([&] { run(sql); }).code, Errc::invalid_argument);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  expect_usable();
}

TEST_P(Contract, ConnectionServesOnAfterManyErrors) {
  const auto name = table("id {integer} PRIMARY KEY");
  for (int i = 0; i < 50; ++i) {
    run("INSERT INTO " + name + " VALUES ($1)", {ValueView::integer(i)});
    EXPECT_THROW(run("INSERT INTO " + name + " VALUES ($1)", {ValueView::integer(i)}), Error);
    EXPECT_THROW(run("SELECT nothing FROM nowhere"), Error);
  }
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 50);
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
}

TEST_P(Contract, MessagesHoldNothingOfWhatFunctionsMakeOfAValue) {
  for (const auto& sql : backend().loud_statements()) {
    SCOPED_TRACE(sql);
    const auto error = error_of([&] { run(sql, {ValueView::text("sesame")}); });
    for (const auto* part : {"sesame", "SESAME", "emases"}) {
      EXPECT_THAT(error.message, Not(HasSubstr(part)));
    }
    EXPECT_FALSE(error.server_message.empty()) << error.message;
    if (!connection().is_open()) break;
  }
}

}  // namespace
}  // namespace grant::contract
