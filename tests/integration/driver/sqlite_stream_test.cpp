// Streams on SQLite: what they hold, and what they leave behind.

#include <malloc.h>

#include <string>
#include <utility>

#include "integration/driver/sqlite_fixture.hpp"

namespace grant::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::string_view kNumbers =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT i FROM n";

class SqliteStreamTest : public SqliteTest {
 protected:
  static std::unique_ptr<RowStream> stream(Connection& connection, std::string_view sql,
                                           std::initializer_list<ValueView> params = {},
                                           std::size_t chunk_rows = 10) {
    Statement statement;
    statement.sql = sql;
    statement.effect = Effect::read;
    statement.params = {params.begin(), params.size()};
    StreamOptions options;
    options.chunk_rows = chunk_rows;
    return grant::run(connection.stream(call(), statement, options));
  }
  static const Result* next(RowStream& stream, Duration span = 60s) {
    return grant::run(stream.next(call(span)));
  }
  static void close(RowStream& stream) { grant::run(stream.close(call())); }

  static std::string refusal(Connection& connection) {
    const auto error = error_of([&] { run(connection, "SELECT 1"); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    return error.message;
  }
};

TEST_F(SqliteStreamTest, GivesAllRowsInChunks) {
  const auto connection = connect(url("a.db"));
  const auto rows = stream(*connection, kNumbers, {ValueView::integer(25)});
  std::int64_t expected = 0;
  for (const std::size_t size : {10U, 10U, 5U}) {
    const auto* const chunk = next(*rows);
    ASSERT_NE(chunk, nullptr);
    ASSERT_EQ(chunk->row_count(), size);
    EXPECT_EQ(chunk->column_name(0), "i");
    for (std::size_t row = 0; row < size; ++row) {
      EXPECT_EQ(chunk->cell(row, 0).as_integer(), ++expected);
    }
  }
  EXPECT_EQ(next(*rows), nullptr);
  EXPECT_EQ(next(*rows), nullptr);
}

TEST_F(SqliteStreamTest, LastChunkFreesTheConnection) {
  const auto connection = connect(url("a.db"));
  const auto rows = stream(*connection, kNumbers, {ValueView::integer(3)});
  const auto* const chunk = next(*rows);
  EXPECT_EQ(number(*connection, "SELECT 7"), 7);
  EXPECT_EQ(chunk->cell(2, 0).as_integer(), 3);
  EXPECT_EQ(next(*rows), nullptr);
}

TEST_F(SqliteStreamTest, WithoutRowsItHasEndedAtOnce) {
  const auto connection = connect(url("a.db"));
  const auto rows = stream(*connection, "SELECT 1 WHERE 0");
  EXPECT_EQ(next(*rows), nullptr);
  EXPECT_EQ(number(*connection, "SELECT 7"), 7);
}

TEST_F(SqliteStreamTest, ParametersNeedNotOutliveTheCall) {
  const auto connection = connect(url("a.db"));
  std::unique_ptr<RowStream> rows;
  {
    const std::string text(1'000, 'x');
    rows = stream(*connection, "SELECT $1 UNION ALL SELECT $1", {ValueView::text(text)}, 1);
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(next(*rows)->cell(0, 0).as_characters(), std::string(1'000, 'x'));
  }
}

TEST_F(SqliteStreamTest, EverythingElseIsRefusedWhileItIsOpen) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER)");
  const auto rows = stream(*connection, kNumbers, {ValueView::integer(100)});
  EXPECT_THAT(refusal(*connection), HasSubstr("a stream is open"));
  EXPECT_EQ(error_of([&] { stream(*connection, "SELECT 1"); }).code, Errc::invalid_argument);
  EXPECT_EQ(error_of([&] { grant::run(connection->begin(call(), {})); }).code,
            Errc::invalid_argument);
  EXPECT_EQ(error_of([&] { probe(*connection); }).code, Errc::invalid_argument);
  Statement one;
  one.sql = "SELECT 1";
  const auto answers = grant::run(connection->pipeline(call(), {&one, 1}));
  EXPECT_EQ(answers.at(0).error.value().code, Errc::invalid_argument);
  EXPECT_EQ(next(*rows)->cell(0, 0).as_integer(), 1);  // nothing happened to it
}

TEST_F(SqliteStreamTest, CommitAndRollbackAreRefusedAndLeaveTheTransaction) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER)");
  grant::run(connection->begin(call(), {}));
  run(*connection, "INSERT INTO t VALUES (1)");
  const auto rows = stream(*connection, kNumbers, {ValueView::integer(100)});
  EXPECT_EQ(error_of([&] { grant::run(connection->commit(call())); }).code, Errc::invalid_argument);
  EXPECT_EQ(error_of([&] { grant::run(connection->rollback(call())); }).code,
            Errc::invalid_argument);
  EXPECT_EQ(connection->transaction_state(), TransactionState::open);
  close(*rows);
  grant::run(connection->commit(call()));
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM t"), 1);
}

TEST_F(SqliteStreamTest, ClosingOrDestroyingItEarlyFreesTheConnectionAndItsSnapshot) {
  const auto connection = connect(url("a.db"));
  const auto writer = connect(url("a.db"));
  run(*writer, "CREATE TABLE t (id INTEGER)");
  run(*writer, "INSERT INTO t VALUES (1), (2), (3)");
  for (const bool destroyed : {false, true}) {
    auto rows = stream(*connection, "SELECT id FROM t", {}, 1);
    EXPECT_NE(next(*rows), nullptr);
    if (destroyed) {
      rows.reset();
    } else {
      close(*rows);
      close(*rows);
      EXPECT_EQ(next(*rows), nullptr);
    }
    const auto before = number(*connection, "SELECT count(*) FROM t");
    run(*writer, "INSERT INTO t VALUES (4)");
    EXPECT_EQ(number(*connection, "SELECT count(*) FROM t"), before + 1);
  }
}

TEST_F(SqliteStreamTest, SeesOneSnapshotWhateverIsWrittenMeanwhile) {
  const auto connection = connect(url("a.db"));
  const auto writer = connect(url("a.db"));
  run(*writer, "CREATE TABLE t (id INTEGER)");
  run(*writer, "INSERT INTO t VALUES (1), (2), (3)");
  const auto rows = stream(*connection, "SELECT id FROM t", {}, 1);
  std::size_t seen = 0;
  while (next(*rows) != nullptr) {
    run(*writer, "INSERT INTO t VALUES (4)");
    ++seen;
  }
  EXPECT_EQ(seen, 3U);
}

TEST_F(SqliteStreamTest, FailureAmongTheRowsEndsItAndKeepsTheConnection) {
  const auto connection = connect(url("a.db"));
  const auto rows =
      stream(*connection, "SELECT json_extract(column1, '$') FROM (VALUES ('1'), ($1))",
             {ValueView::text("{secret")}, 1);
  EXPECT_NE(next(*rows), nullptr);
  const auto error = error_of([&] { next(*rows); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(next(*rows), nullptr);
  EXPECT_EQ(number(*connection, "SELECT 7"), 7);
}

TEST_F(SqliteStreamTest, PassedDeadlineEndsItAndKeepsTheConnection) {
  const auto connection = connect(url("a.db"));
  const auto rows =
      stream(*connection, kNumbers, {ValueView::integer(1'000'000'000)}, 1'000'000'000);
  EXPECT_EQ(error_of([&] { next(*rows, 20ms); }).code, Errc::timeout);
  EXPECT_EQ(next(*rows), nullptr);
  EXPECT_TRUE(connection->is_open());
  EXPECT_EQ(number(*connection, "SELECT 7"), 7);

  const auto other = stream(*connection, kNumbers, {ValueView::integer(100)});
  EXPECT_EQ(error_of([&] { next(*other, -1s); }).code, Errc::timeout);
}

TEST_F(SqliteStreamTest, WritesAndChunksOfNoRowsAreRefused) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER)");
  EXPECT_EQ(error_of([&] { stream(*connection, "INSERT INTO t VALUES (1) RETURNING id"); }).code,
            Errc::invalid_argument);
  EXPECT_EQ(error_of([&] { stream(*connection, "SELECT 1", {}, 0); }).code, Errc::invalid_argument);
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteStreamTest, WorksWithoutAStatementCache) {
  const auto connection = connect(url("a.db", "statement_cache_size=0"));
  const auto rows = stream(*connection, kNumbers, {ValueView::integer(15)});
  EXPECT_EQ(next(*rows)->row_count(), 10U);
  EXPECT_EQ(next(*rows)->row_count(), 5U);
  EXPECT_EQ(number(*connection, "SELECT 7"), 7);
}

TEST_F(SqliteStreamTest, HoldsNoMoreThanItsChunks) {
  const auto connection = connect(url("a.db"));
  const auto rows = stream(*connection,
                           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i "
                           "< 1000000) SELECT i, hex(zeroblob(50)) FROM n",
                           {}, 1'000);
  std::size_t seen = next(*rows)->row_count();
  const auto before = ::mallinfo2().uordblks;
  std::size_t most = before;
  while (const auto* const chunk = next(*rows)) {
    seen += chunk->row_count();
    most = std::max(most, ::mallinfo2().uordblks);
  }
  EXPECT_EQ(seen, 1'000'000U);
  EXPECT_LT(most - before, 1U << 20);  // all rows together take more than 100 MB
}

}  // namespace
}  // namespace grant::test
