// What a statement leaves on its session is seen, and can be undone.

#include <span>
#include <string>

#include "contract/contract.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::contract {
namespace {

using ::testing::HasSubstr;

/// The first cell of what `sql` gives, in words; the error's code where it fails.
std::string seen(Connection& connection, const std::string& sql) {
  try {
    const auto rows =
        grant::run(connection.execute(io::Call(io::blocking_waiter()), {sql, {}, Effect::read}));
    if (rows->row_count() == 0) return "nothing";
    const auto cell = rows->cell(0, 0);
    if (cell.kind() == ValueKind::null) return "null";
    return cell.kind() == ValueKind::integer ? std::to_string(cell.as_integer())
                                             : std::string(cell.as_characters());
  } catch (const Error& error) {
    return std::string(to_string(error.code()));
  }
}

TEST_P(Contract, WhatAStatementLeavesOnItsSessionIsSeenAndUndone) {
  for (const auto& [change, question] : backend().session_changes()) {
    SCOPED_TRACE(change);
    const auto changed = connect();
    const auto before = seen(*changed, question);
    ASSERT_FALSE(changed->session_changed());
    run_on(*changed, change);
    EXPECT_TRUE(changed->session_changed());
    EXPECT_NE(seen(*changed, question), before) << "the statement changes nothing";
    if (!backend().traits().resets_sessions) continue;
    grant::run(changed->reset(call()));
    EXPECT_FALSE(changed->session_changed());
    EXPECT_EQ(seen(*changed, question), before);
  }
}

TEST_P(Contract, StatementsThatLeaveNothingOnTheirSessionAreNotTakenForOthers) {
  const auto name = table("id {integer}, temp {text}, hold {text}");
  auto statements = backend().session_keepers();
  for (const auto* sql : {"INSERT INTO @ VALUES (1, 'TEMP', 'a@x')", "SELECT temp FROM @",
                          "UPDATE @ SET temp = 'SET x = 1'", "DELETE FROM @"}) {
    std::string on_table(sql);
    on_table.replace(on_table.find('@'), 1, name);
    statements.push_back(on_table);
  }
  for (const auto& sql : statements) {
    begin();
    run(sql);
    commit();
    EXPECT_FALSE(connection().session_changed()) << sql;
  }
  grant::run(connection().probe(call()));
  begin({Isolation::serializable, Effect::write});
  rollback();
  EXPECT_FALSE(connection().session_changed());
}

TEST_P(Contract, ChangesInPipelinesAndStreamsAreSeenToo) {
  const auto [change, question] = backend().session_changes().front();
  const auto piped = connect();
  const Statement statement{change, {}, Effect::write};
  const auto answers = grant::run(piped->pipeline(call(), std::span(&statement, 1)));
  EXPECT_FALSE(answers.front().error);
  EXPECT_TRUE(piped->session_changed());

  const auto sql = backend().session_changing_query();
  if (sql.empty()) return;
  const auto streamed = connect();
  {
    const Statement query{sql, {}, Effect::read};
    const auto rows = grant::run(streamed->stream(call(), query, {}));
    while (grant::run(rows->next(call())) != nullptr) {
    }
  }
  EXPECT_TRUE(streamed->session_changed());
}

TEST_P(Contract, ResetInATransactionIsRefused) {
  begin();
  EXPECT_EQ(error_of([&] { grant::run(connection().reset(call())); }).code, Errc::invalid_argument);
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  rollback();
  expect_usable();
}

TEST_P(Contract, SessionThatWasResetGoesOnAsBefore) {
  if (!backend().traits().resets_sessions) {
    const auto error = error_of([&] { grant::run(connection().reset(call())); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr("cannot reset"));
    return;
  }
  const auto name = table("id {integer}, v {timestamp}");
  const auto insert = "INSERT INTO " + name + " VALUES ($1, $2)";
  const Value held{Codec<Timestamp>::encode(parse_timestamp("2026-03-29 01:30:00").value())};
  const auto time = held.view();
  run(insert, {ValueView::integer(1), time});
  if (const auto elsewhere = backend().leave_utc(); !elsewhere.empty()) run(elsewhere);
  grant::run(connection().reset(call()));
  run(insert, {ValueView::integer(2), time});
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE v = $1", {time}), 2);
  begin();
  rollback();
  expect_usable();
}

}  // namespace
}  // namespace grant::contract
