// SQLite on an event loop: statements run on worker threads.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "grant/asio/async_run.hpp"
#include "grant/core/error.hpp"
#include "grant/driver/row_stream.hpp"
#include "grant/driver/sqlite/driver.hpp"
#include "grant/pool/pool.hpp"
#include "support/code_of.hpp"
#include "support/eventually.hpp"
#include "support/soon.hpp"
#include "support/temporary_directory.hpp"

namespace grant::test {
namespace {

using namespace std::chrono_literals;
using asio::async_run;
using ::asio::use_future;
using io::Call;

constexpr const char* kEndless =
    "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";

class AwaitingSqlite : public ::testing::Test {
 protected:
  [[nodiscard]] ConnectOptions target() const {
    ConnectOptions options;
    options.url = Url::parse("sqlite:" + (directory_.path() / "test.db").string());
    options.node = "primary/test";
    return options;
  }

  [[nodiscard]] std::unique_ptr<Connection> connect() {
    auto connecting = async_run(
        context_.get_executor(),
        [this](Call call) -> Task<std::unique_ptr<Connection>> {
          co_return co_await sqlite::driver().connect(call, target());
        },
        in(kPatience), use_future);
    return finished(std::move(connecting));
  }

  template <class T>
  T finished(std::future<T> future) {
    context_.run();
    context_.restart();
    return future.get();
  }

  ::asio::io_context context_;

 private:
  TemporaryDirectory directory_;
};

auto execute(Connection& connection, const char* sql, std::vector<ValueView> params = {}) {
  return [&connection, sql, params = std::move(params)](Call call) -> Task<std::int64_t> {
    const Statement statement{sql, params, Effect::write};
    const auto rows = co_await connection.execute(call, statement);
    co_return rows->row_count() == 0 ? -1 : rows->cell(0, 0).as_integer();
  };
}

/// Counts up while `context` has time for it, and calls `when` at the tenth tick.
template <class When>
auto tick(int& ticks, const bool& over, When when) {
  return [&ticks, &over, when](Call call) -> Task<void> {
    while (!over) {
      const auto next = Clock::system().now() + 1ms;
      co_await call.sleep_until(next);
      if (++ticks == 10) when();
    }
  };
}

TEST_F(AwaitingSqlite, RunsStatementsAndTransactions) {
  const auto connection = connect();
  const auto use = [&connection](Call call) -> Task<std::int64_t> {
    const Statement create{"create table t (a integer)", {}, Effect::write};
    co_await connection->execute(call, create);
    co_await connection->begin(call, {});
    const std::vector<ValueView> one{ValueView::integer(41)};
    const Statement insert{"insert into t values ($1)", one, Effect::write};
    co_await connection->execute(call, insert);
    co_await connection->commit(call);
    co_await connection->begin(call, {});
    co_await connection->execute(call, insert);
    co_await connection->rollback(call);
    const auto seen = co_await connection->probe(call);
    EXPECT_EQ(seen.kind, NodeKind::primary);
    const Statement read{"select sum(a) + count(*) from t", {}, Effect::read};
    const auto rows = co_await connection->execute(call, read);
    co_return rows->cell(0, 0).as_integer();
  };
  auto sum = async_run(context_.get_executor(), use, in(kPatience), use_future);
  EXPECT_EQ(finished(std::move(sum)), 42);
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);
}

TEST_F(AwaitingSqlite, GivesTheErrorsOfStatements) {
  const auto connection = connect();
  auto failing = async_run(context_.get_executor(), execute(*connection, "select nonsense"),
                           in(kPatience), use_future);
  context_.run();
  EXPECT_EQ(code_of(std::move(failing)), Errc::invalid_argument);
  EXPECT_TRUE(connection->is_open());
}

TEST_F(AwaitingSqlite, LeavesTheLoopFreeUntilAStatementIsCancelled) {
  const auto connection = connect();
  ::asio::cancellation_signal signal;
  int ticks = 0;
  bool over = false;
  Errc code{};
  async_run(context_.get_executor(), execute(*connection, kEndless), in(kPatience),
            ::asio::bind_cancellation_slot(signal.slot(),
                                           [&](const std::exception_ptr& thrown, std::int64_t) {
                                             over = true;
                                             try {
                                               if (thrown) std::rethrow_exception(thrown);
                                             } catch (const Error& error) {
                                               code = error.code();
                                             }
                                           }));
  const auto stop = [&signal] { signal.emit(::asio::cancellation_type::terminal); };
  auto ticking =
      async_run(context_.get_executor(), tick(ticks, over, stop), in(kPatience), use_future);
  finished(std::move(ticking));
  EXPECT_GE(ticks, 10);
  EXPECT_EQ(code, Errc::cancelled);
  EXPECT_TRUE(connection->is_open());
  auto next = async_run(context_.get_executor(), execute(*connection, "select 7"), in(kPatience),
                        use_future);
  EXPECT_EQ(finished(std::move(next)), 7);
}

TEST_F(AwaitingSqlite, DeadlineEndsAStatementAndLeavesTheConnectionOpen) {
  const auto connection = connect();
  auto late =
      async_run(context_.get_executor(), execute(*connection, kEndless), in(50ms), use_future);
  context_.run();
  context_.restart();
  EXPECT_EQ(code_of(std::move(late)), Errc::timeout);
  EXPECT_TRUE(connection->is_open());
  auto next = async_run(context_.get_executor(), execute(*connection, "select 7"), in(kPatience),
                        use_future);
  EXPECT_EQ(finished(std::move(next)), 7);
}

TEST_F(AwaitingSqlite, CancelledWaitForALockEnds) {
  const auto holder = connect();
  const auto connection = connect();
  run(holder->begin(Call(io::blocking_waiter(), in(kPatience)), {}));
  ::asio::cancellation_signal signal;
  const auto begin = [&connection](Call call) -> Task<void> {
    co_await connection->begin(call, {});
  };
  bool over = false;
  int ticks = 0;
  auto waiting = async_run(context_.get_executor(), begin, in(kPatience),
                           ::asio::bind_cancellation_slot(signal.slot(), use_future));
  const auto stop = [&] {
    signal.emit(::asio::cancellation_type::terminal);
    over = true;
  };
  auto ticking =
      async_run(context_.get_executor(), tick(ticks, over, stop), in(kPatience), use_future);
  finished(std::move(ticking));
  EXPECT_EQ(code_of(std::move(waiting)), Errc::cancelled);
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);
}

TEST_F(AwaitingSqlite, CancelledStatementFreesItsLease) {
  PoolOptions options;
  options.max_size = 1;
  Pool pool(options, sqlite::driver(), target(), Clock::system(), EventSink{});
  const auto endless = [&pool](Call call) -> Task<void> {
    const auto lease = co_await pool.acquire(call);
    const Statement statement{kEndless, {}, Effect::read};
    co_await lease->execute(call, statement);
  };
  ::asio::cancellation_signal signal;
  bool over = false;
  int ticks = 0;
  auto cancelled = async_run(context_.get_executor(), endless, in(kPatience),
                             ::asio::bind_cancellation_slot(signal.slot(), use_future));
  const auto stop = [&] {
    signal.emit(::asio::cancellation_type::terminal);
    over = true;
  };
  auto ticking =
      async_run(context_.get_executor(), tick(ticks, over, stop), in(kPatience), use_future);
  finished(std::move(ticking));
  EXPECT_EQ(code_of(std::move(cancelled)), Errc::cancelled);
  EXPECT_EQ(pool.stats().leased, 0U);
}

TEST_F(AwaitingSqlite, StreamsRows) {
  const auto connection = connect();
  const auto read = [&connection](Call call) -> Task<std::int64_t> {
    const Statement statement{
        "with recursive n(i) as (select 1 union all select i + 1 from n limit 100) "
        "select i from n",
        {},
        Effect::read};
    StreamOptions options;
    options.chunk_rows = 7;
    const auto rows = co_await connection->stream(call, statement, options);
    std::int64_t sum = 0;
    while (const Result* const chunk = co_await rows->next(call)) {
      for (std::size_t row = 0; row < chunk->row_count(); ++row) {
        sum += chunk->cell(row, 0).as_integer();
      }
    }
    co_return sum;
  };
  auto sum = async_run(context_.get_executor(), read, in(kPatience), use_future);
  EXPECT_EQ(finished(std::move(sum)), 5050);
}

TEST_F(AwaitingSqlite, LoopMayBeDestroyedWhileAStatementRuns) {
  auto connection = connect();
  {
    ::asio::io_context context;
    int ticks = 0;
    const bool never = false;
    auto endless = async_run(context.get_executor(), execute(*connection, kEndless), in(kPatience),
                             use_future);
    auto ticking = async_run(context.get_executor(), tick(ticks, never, [&] { context.stop(); }),
                             in(kPatience), use_future);
    context.run();
    EXPECT_EQ(ticks, 10);
  }
  EXPECT_TRUE(connection->is_open());
  connection.reset();  // no worker uses it any more
}

}  // namespace
}  // namespace grant::test
