// Loading rows and cancelling statements on SQLite.

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "integration/driver/sqlite_fixture.hpp"
#include "support/eventually.hpp"

namespace grant::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

/// The numbers from 1 on, as ids, with what `text` makes of them.
class Numbers final : public RowSource {
 public:
  explicit Numbers(std::int64_t count, std::function<ValueView(std::int64_t)> text = {})
      : count_(count), text_(std::move(text)) {}

  bool next(std::span<ValueView> row) override {
    const auto now = ++given_;
    if (now > count_) return false;
    row[0] = ValueView::integer(now);
    row[1] = text_ ? text_(now) : ValueView::text("x");
    return true;
  }

  [[nodiscard]] std::int64_t given() const noexcept { return given_; }

 private:
  const std::int64_t count_;
  const std::function<ValueView(std::int64_t)> text_;
  std::atomic<std::int64_t> given_ = 0;
};

class SqliteLoadTest : public SqliteTest {
 protected:
  void SetUp() override {
    connection_ = connect(url("a.db"));
    run(*connection_, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL)");
  }

  std::uint64_t load(RowSource& source, std::string_view table = "t", Duration span = 60s) {
    static constexpr std::string_view columns[] = {"id", "name"};
    return grant::run(
        connection_->load(call(span), LoadTarget{.table = table, .columns = columns}, source));
  }
  ErrorInfo load_error(RowSource& source) {
    return error_of([&] { load(source); });
  }
  std::int64_t count() { return number(*connection_, "SELECT count(*) FROM t"); }

  std::unique_ptr<Connection> connection_;
};

TEST_F(SqliteLoadTest, InsertsAllRowsInOneTransaction) {
  Numbers source(1'000);
  EXPECT_EQ(load(source), 1'000U);
  EXPECT_EQ(count(), 1'000);
  EXPECT_EQ(connection_->transaction_state(), TransactionState::none);
}

TEST_F(SqliteLoadTest, NamesAreQuoted) {
  run(*connection_, R"(CREATE TABLE "odd "" table" ("id" INTEGER, "name" TEXT))");
  Numbers source(2);
  EXPECT_EQ(load(source, "odd \" table"), 2U);
}

TEST_F(SqliteLoadTest, RowThatIsRefusedLeavesNothingAndIsNamed) {
  run(*connection_, "INSERT INTO t VALUES (3, 'there')");
  Numbers source(10, [](std::int64_t) { return ValueView::text("secret"); });
  const auto error = load_error(source);
  EXPECT_EQ(error.code, Errc::constraint);
  EXPECT_EQ(error.constraint, "t.id");
  EXPECT_THAT(error.message, HasSubstr("\"t\": row 3"));
  EXPECT_THAT(error.message, Not(HasSubstr("secret")));
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(connection_->transaction_state(), TransactionState::none);
}

TEST_F(SqliteLoadTest, ValueThatCannotBeHeldLeavesNothingAndIsNamed) {
  Numbers source(10, [](std::int64_t n) {
    return n == 5 ? ValueView::text(std::string_view("a\0b", 3)) : ValueView::text("x");
  });
  const auto error = load_error(source);
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("row 5: column \"name\" is text with a NUL"));
  EXPECT_EQ(count(), 0);
}

TEST_F(SqliteLoadTest, WhatTheSourceThrowsComesThroughAndLeavesNothing) {
  Numbers source(10, [](std::int64_t n) {
    if (n == 5) throw std::runtime_error("the file ended");
    return ValueView::text("x");
  });
  EXPECT_THROW(load(source), std::runtime_error);
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(connection_->transaction_state(), TransactionState::none);
}

TEST_F(SqliteLoadTest, InsideATransactionItIsAllOrNothingAndTheTransactionGoesOn) {
  grant::run(connection_->begin(call(), {}));
  run(*connection_, "INSERT INTO t VALUES (3, 'there')");
  Numbers colliding(10);
  EXPECT_EQ(load_error(colliding).code, Errc::constraint);
  EXPECT_EQ(connection_->transaction_state(), TransactionState::open);
  EXPECT_EQ(count(), 1);
  run(*connection_, "DELETE FROM t");
  Numbers fitting(10);
  EXPECT_EQ(load(fitting), 10U);
  grant::run(connection_->rollback(call()));
  EXPECT_EQ(count(), 0);
}

TEST_F(SqliteLoadTest, WithoutColumnsIsRefused) {
  Numbers source(1);
  const auto error =
      error_of([&] { grant::run(connection_->load(call(), LoadTarget{.table = "t"}, source)); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
}

TEST_F(SqliteLoadTest, PassedDeadlineLeavesNothing) {
  Numbers endless(1'000'000'000);
  EXPECT_EQ(error_of([&] { load(endless, "t", 50ms); }).code, Errc::timeout);
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(connection_->transaction_state(), TransactionState::none);
}

TEST_F(SqliteLoadTest, CancellingItLeavesNothing) {
  Numbers endless(1'000'000'000);
  const auto canceller = connection_->canceller();
  std::thread other([&] {
    EXPECT_TRUE(eventually([&] { return endless.given() > 1'000; }));
    grant::run(canceller->cancel(call()));
  });
  EXPECT_EQ(load_error(endless).code, Errc::cancelled);
  other.join();
  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(connection_->is_open());
}

class SqliteCancelTest : public SqliteTest {
 protected:
  /// Cancels what `action` runs, again and again until it has ended.
  static ErrorInfo cancelled(Connection& connection, const std::function<void()>& action) {
    const auto canceller = connection.canceller();
    std::atomic<bool> ended = false;
    std::thread other([&] {
      EXPECT_TRUE(eventually([&] {
        grant::run(canceller->cancel(call()));
        return ended.load();
      }));
    });
    auto error = error_of(action);
    ended = true;
    other.join();
    return error;
  }
  static constexpr std::string_view kEndless =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
};

TEST_F(SqliteCancelTest, EndsAQueryAndKeepsTheConnection) {
  const auto connection = connect(url("a.db"));
  const auto error = cancelled(*connection, [&] { run(*connection, kEndless); });
  EXPECT_EQ(error.code, Errc::cancelled);
  EXPECT_THAT(error.message, HasSubstr("cancelled"));
  EXPECT_EQ(number(*connection, "SELECT 7"), 7);
}

TEST_F(SqliteCancelTest, EndsAWaitForALock) {
  const auto holder = connect(url("a.db"));
  const auto waiter = connect(url("a.db", "busy_timeout=60000"));
  run(*holder, "CREATE TABLE t (id INTEGER)");
  grant::run(holder->begin(call(), {}));
  const auto error = cancelled(*waiter, [&] { run(*waiter, "INSERT INTO t VALUES (1)"); });
  EXPECT_EQ(error.code, Errc::cancelled);
  grant::run(holder->rollback(call()));
  run(*waiter, "INSERT INTO t VALUES (1)");
}

TEST_F(SqliteCancelTest, EndsAStreamBetweenItsChunks) {
  const auto connection = connect(url("a.db"));
  Statement statement;
  statement.sql = "SELECT column1 FROM (VALUES (1), (2), (3))";
  statement.effect = Effect::read;
  StreamOptions options;
  options.chunk_rows = 1;
  const auto rows = grant::run(connection->stream(call(), statement, options));
  EXPECT_NE(grant::run(rows->next(call())), nullptr);
  grant::run(connection->canceller()->cancel(call()));
  EXPECT_EQ(error_of([&] { grant::run(rows->next(call())); }).code, Errc::cancelled);
  EXPECT_EQ(number(*connection, "SELECT 7"), 7);
}

TEST_F(SqliteCancelTest, IdleConnectionDoesNotNotice) {
  auto connection = connect(url("a.db"));
  const auto canceller = connection->canceller();
  grant::run(canceller->cancel(call()));
  // Long enough for SQLite to look whether it should stop.
  EXPECT_EQ(number(*connection,
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
                   "SELECT count(*) FROM n"),
            9999);
  connection.reset();
  grant::run(canceller->cancel(call()));
}

TEST_F(SqliteCancelTest, CancelledWriteInATransactionTakesTheTransactionWithIt) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER)");
  grant::run(connection->begin(call(), {}));
  run(*connection, "INSERT INTO t VALUES (1)");
  const auto error = cancelled(*connection, [&] {
    run(*connection,
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i FROM n");
  });
  EXPECT_EQ(error.code, Errc::cancelled);
  EXPECT_EQ(connection->transaction_state(), TransactionState::failed);
  grant::run(connection->rollback(call()));
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM t"), 0);
}

}  // namespace
}  // namespace grant::test
