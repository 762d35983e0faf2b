// A stream gives the rows that execute() would, in bounded memory, and leaves the connection
// usable.

#include <algorithm>
#include <chrono>
#include <fstream>

#include "contract/contract.hpp"
#include "support/sanitizers.hpp"

namespace grant::contract {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

Statement query(std::string_view sql, std::span<const ValueView> params = {}) {
  Statement statement;
  statement.sql = sql;
  statement.params = params;
  statement.effect = Effect::read;
  return statement;
}

io::Call patient() { return io::Call(io::blocking_waiter(), after(Clock::system().now(), 60s)); }

std::unique_ptr<RowStream> open_stream(Connection& connection, const Statement& statement,
                                       std::size_t chunk_rows) {
  return grant::run(connection.stream(patient(), statement, StreamOptions{chunk_rows}));
}

/// The integers in the first column of all rows that are left.
std::vector<std::int64_t> rest_of(RowStream& stream) {
  std::vector<std::int64_t> seen;
  while (const Result* rows = grant::run(stream.next(patient()))) {
    EXPECT_GT(rows->row_count(), 0U);
    for (std::size_t row = 0; row < rows->row_count(); ++row) {
      seen.push_back(rows->cell(row, 0).as_integer());
    }
  }
  return seen;
}

std::vector<std::int64_t> one_to(std::int64_t most) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 1; i <= most; ++i) all.push_back(i);
  return all;
}

/// Kibibytes of memory that the process has now.
long resident() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

TEST_P(Contract, StreamGivesAllRowsInOrderWhateverTheChunk) {
  const auto sql = numbers(1'000) + "SELECT i FROM n ORDER BY i";
  for (const std::size_t chunk : {1U, 7U, 500U, 1'000U, 1'001U, 100'000U}) {
    const auto stream = open_stream(connection(), query(sql), chunk);
    EXPECT_EQ(rest_of(*stream), one_to(1'000)) << "chunks of " << chunk;
    expect_usable();
  }
}

TEST_P(Contract, ChunksHaveAtMostTheRowsThatWereAskedFor) {
  const auto sql = numbers(100) + "SELECT i FROM n";
  const auto stream = open_stream(connection(), query(sql), 30);
  std::size_t rows = 0;
  while (const Result* chunk = grant::run(stream->next(patient()))) {
    EXPECT_LE(chunk->row_count(), 30U);
    rows += chunk->row_count();
  }
  EXPECT_EQ(rows, 100U);
}

TEST_P(Contract, StreamThatHasEndedGoesOnSayingSo) {
  const auto stream = open_stream(connection(), query("SELECT 1"), 10);
  EXPECT_EQ(rest_of(*stream).size(), 1U);
  EXPECT_EQ(grant::run(stream->next(patient())), nullptr);
  grant::run(stream->close(patient()));
  EXPECT_EQ(grant::run(stream->next(patient())), nullptr);
  expect_usable();
}

TEST_P(Contract, StreamOfNoRowsEndsAtOnce) {
  const auto name = table("id {integer}");
  const auto sql = "SELECT id FROM " + name;
  const auto stream = open_stream(connection(), query(sql), 10);
  EXPECT_EQ(grant::run(stream->next(patient())), nullptr);
  expect_usable();
}

TEST_P(Contract, StreamBindsValuesAndGivesTheKindsThatExecuteGives) {
  const auto name = table("a {text}, b {real}, c {boolean}, d {timestamp}, e {decimal}, f {bytes}");
  run("INSERT INTO " + name + " (a, b, c, d) VALUES ($1, $2, $3, $4)",
      {ValueView::text("it's"), ValueView::real(0.1), ValueView::boolean(true),
       ValueView::timestamp(Timestamp(1us))});
  const auto sql = "SELECT * FROM " + name + " WHERE a = $1";
  const std::vector<ValueView> params{ValueView::text("it's")};
  const auto expected = run(sql, {params[0]});
  const auto stream = open_stream(connection(), query(sql, params), 10);
  const Result* rows = grant::run(stream->next(patient()));
  ASSERT_NE(rows, nullptr);
  ASSERT_EQ(rows->column_count(), expected->column_count());
  for (std::size_t column = 0; column < rows->column_count(); ++column) {
    EXPECT_EQ(rows->column_name(column), expected->column_name(column));
    EXPECT_EQ(rows->cell(0, column).kind(), expected->cell(0, column).kind());
  }
  EXPECT_EQ(rows->cell(0, 0).as_characters(), "it's");
  EXPECT_EQ(rows->cell(0, 1).as_real(), 0.1);
  EXPECT_EQ(rows->cell(0, 3).as_timestamp(), Timestamp(1us));
}

TEST_P(Contract, StreamOfABadQueryFailsAtOnceAndLeavesTheConnectionUsable) {
  const auto error =
      error_of([&] { open_stream(connection(), query("SELECT * FROM contract_nowhere"), 10); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("contract_nowhere"));
  expect_usable();
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
}

TEST_P(Contract, StreamInChunksOfNoRowsIsRefused) {
  EXPECT_EQ(error_of([&] { open_stream(connection(), query("SELECT 1"), 0); }).code,
            Errc::invalid_argument);
  expect_usable();
}

TEST_P(Contract, ErrorInTheMiddleOfAStreamEndsItAfterTheRowsBefore) {
  const auto sql = numbers(10'000) + "SELECT i, " + backend().failing_at(5'000) + " FROM n";
  std::int64_t seen = 0;
  const auto error = error_of([&] {
    const auto stream = open_stream(connection(), query(sql), 100);
    while (const Result* rows = grant::run(stream->next(patient()))) {
      for (std::size_t row = 0; row < rows->row_count(); ++row) {
        ASSERT_EQ(rows->cell(row, 0).as_integer(), ++seen);
      }
    }
  });
  EXPECT_EQ(error.code, Errc::invalid_argument) << error.message;
  EXPECT_LT(seen, 5'000);
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  expect_usable();
}

TEST_P(Contract, StreamClosedEarlyLeavesTheConnectionUsable) {
  const auto sql = numbers(300'000) + "SELECT i FROM n";
  for (int i = 0; i < 3; ++i) {
    const auto stream = open_stream(connection(), query(sql), 10);
    ASSERT_NE(grant::run(stream->next(patient())), nullptr);
    grant::run(stream->close(patient()));
    EXPECT_EQ(grant::run(stream->next(patient())), nullptr);
    expect_usable();
    EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  }
}

TEST_P(Contract, StreamClosedBeforeItsFirstRowLeavesTheConnectionUsable) {
  const auto sql = numbers(300'000) + "SELECT i FROM n";
  const auto stream = open_stream(connection(), query(sql), 10);
  grant::run(stream->close(patient()));
  expect_usable();
}

TEST_P(Contract, AfterAStreamIsDestroyedTheConnectionWorksOrIsClosed) {
  const auto sql = numbers(300'000) + "SELECT i FROM n";
  auto stream = open_stream(connection(), query(sql), 10);
  ASSERT_NE(grant::run(stream->next(patient())), nullptr);
  stream.reset();
  if (connection().is_open()) {
    expect_usable();
  } else {
    EXPECT_EQ(error_of([&] { run("SELECT 1"); }).code, Errc::unavailable);
  }
}

TEST_P(Contract, ConnectionRefusesOtherWorkUntilItsStreamHasEnded) {
  const auto name = table("id {integer}");
  const auto sql = numbers(1'000) + "SELECT i FROM n ORDER BY i";
  const auto stream = open_stream(connection(), query(sql), 10);
  const auto refusal = [&](const std::function<void()>& action) { return error_of(action).code; };
  EXPECT_EQ(refusal([&] { run("INSERT INTO " + name + " VALUES (1)"); }), Errc::invalid_argument);
  EXPECT_EQ(refusal([&] { begin(); }), Errc::invalid_argument);
  EXPECT_EQ(refusal([&] { commit(); }), Errc::invalid_argument);
  EXPECT_EQ(refusal([&] { rollback(); }), Errc::invalid_argument);
  EXPECT_EQ(refusal([&] { open_stream(connection(), query("SELECT 1"), 1); }),
            Errc::invalid_argument);
  EXPECT_TRUE(connection().is_open());
  EXPECT_EQ(rest_of(*stream), one_to(1'000));
  expect_usable();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, StreamThatHasEndedDoesNotEndTheNextOne) {
  const auto sql = numbers(1'000) + "SELECT i FROM n ORDER BY i";
  auto first = open_stream(connection(), query("SELECT 1"), 10);
  EXPECT_EQ(rest_of(*first).size(), 1U);
  const auto second = open_stream(connection(), query(sql), 10);
  first.reset();
  EXPECT_EQ(error_of([&] { run("SELECT 1"); }).code, Errc::invalid_argument);
  EXPECT_EQ(rest_of(*second), one_to(1'000));
  expect_usable();
}

TEST_P(Contract, StreamInsideATransactionSeesItsWritesAndLeavesItOpen) {
  const auto name = table("id {integer}");
  begin();
  run("INSERT INTO " + name + " VALUES (1), (2), (3)");
  const auto sql = "SELECT id FROM " + name + " ORDER BY id";
  EXPECT_EQ(rest_of(*open_stream(connection(), query(sql), 2)), one_to(3));
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  const auto early = open_stream(connection(), query(sql), 1);
  ASSERT_NE(grant::run(early->next(patient())), nullptr);
  grant::run(early->close(patient()));
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  run("INSERT INTO " + name + " VALUES (4)");
  commit();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 4);
}

TEST_P(Contract, StreamGivesTheRowsOfOneMoment) {
  if (!backend().traits().serves_side_by_side) GTEST_SKIP() << "one transaction at a time";
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " " + numbers(500) + "SELECT i FROM n");
  const auto other = connect();
  const auto sql = "SELECT id FROM " + name + " ORDER BY id";
  const auto stream = open_stream(connection(), query(sql), 10);
  ASSERT_NE(grant::run(stream->next(patient())), nullptr);
  run_on(*other, "DELETE FROM " + name);
  EXPECT_EQ(rest_of(*stream).size(), 490U);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, StreamKeepsLargeCellsWhole) {
  const auto name = table("id {integer}, v {text}");
  const std::string large(3U << 20U, 'x');
  for (int i = 0; i < 3; ++i) {
    run("INSERT INTO " + name + " VALUES ($1, $2)",
        {ValueView::integer(i), ValueView::text(large)});
  }
  const auto sql = "SELECT v FROM " + name + " ORDER BY id";
  const auto stream = open_stream(connection(), query(sql), 1);
  int seen = 0;
  while (const Result* rows = grant::run(stream->next(patient()))) {
    for (std::size_t row = 0; row < rows->row_count(); ++row, ++seen) {
      EXPECT_EQ(rows->cell(row, 0).as_characters(), large);
    }
  }
  EXPECT_EQ(seen, 3);
}

TEST_P(Contract, StreamOfManyRowsNeedsNoMoreMemoryThanItsChunk) {
  if (!test::kMemoryIsPlain) GTEST_SKIP() << "a sanitizer keeps freed memory";
  // About 80 MiB altogether, and a tenth of a mebibyte for each chunk.
  const auto padding = "'" + std::string(400, 'x') + "'";
  const auto sql = numbers(200'000) + "SELECT i, " + padding + " FROM n";
  const auto before = resident();
  const auto stream = open_stream(connection(), query(sql), 250);
  long most = before;
  std::size_t seen = 0;
  for (int chunk = 0; const Result* rows = grant::run(stream->next(patient())); ++chunk) {
    seen += rows->row_count();
    if (chunk % 50 == 0) most = std::max(most, resident());
  }
  EXPECT_EQ(seen, 200'000U);
  EXPECT_LT(most - before, 20 * 1024);
}

TEST_P(Contract, StreamWhoseDeadlinePassesEndsAndTheConnectionWorksOrIsClosed) {
  const auto sql = numbers(300'000) + "SELECT i FROM n";
  const auto stream = open_stream(connection(), query(sql), 10);
  ASSERT_NE(grant::run(stream->next(patient())), nullptr);
  const io::Call late(io::blocking_waiter(), Clock::system().now() - 1ms);
  try {
    while (grant::run(stream->next(late)) != nullptr) {
    }
    ADD_FAILURE() << "all rows came after the deadline";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::timeout) << error.what();
  }
  grant::run(stream->close(patient()));
  if (connection().is_open()) {
    expect_usable();
  } else {
    EXPECT_EQ(error_of([&] { run("SELECT 1"); }).code, Errc::unavailable);
  }
}

}  // namespace
}  // namespace grant::contract
