#include "grant/pool/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "grant/io/poll_loop.hpp"
#include "unit/pool/pool_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::blocking;
using test::id_of;
using test::options;
using test::PoolFixture;
using ::testing::ElementsAre;

TEST(PoolReturns, OpenTransactionIsRolledBack) {
  PoolFixture f(options(1));
  {
    const auto lease = f.take();
    run(lease->begin(blocking(), {}));
  }
  EXPECT_THAT(f.server.statements(), ElementsAre("BEGIN", "ROLLBACK"));
  const auto next = f.take();
  EXPECT_EQ(id_of(next), 1U);
  EXPECT_EQ(next->transaction_state(), TransactionState::none);
}

TEST(PoolReturns, ConnectionWhoseRollbackFailsIsClosed) {
  for (const auto code : {Errc::unavailable, Errc::invalid_argument}) {
    PoolFixture f(options(1));
    f.server.on_statement([code](const Statement& statement) -> std::unique_ptr<Result> {
      if (statement.sql == "ROLLBACK") throw_error(code, "no");
      return nullptr;
    });
    {
      const auto lease = f.take();
      run(lease->begin(blocking(), {}));
    }
    EXPECT_TRUE(f.open(0));
    EXPECT_EQ(id_of(f.take()), 2U);
  }
}

TEST(PoolReturns, RollbackThatHangsIsGivenUp) {
  PoolFixture f(options(1));
  {
    const auto lease = f.take();
    run(lease->begin(blocking(), {}));
    f.server.answering.shut();
  }
  EXPECT_TRUE(f.open(0));
}

Task<void> leave_transaction_open(Pool& pool, io::Call call) {
  const TransactionOptions transaction;
  const auto lease = co_await pool.acquire(call);
  co_await lease->begin(call, transaction);
}

TEST(PoolReturns, AwaitingCallersOpenTransactionClosesTheConnection) {
  PoolFixture f(options(1));
  io::PollLoop loop;
  loop.spawn(leave_transaction_open(*f.pool, io::Call(loop)));
  loop.run();
  EXPECT_THAT(f.server.statements(), ElementsAre("BEGIN"));
  EXPECT_TRUE(f.open(0));
}

TEST(PoolReturns, BrokenConnectionIsReplaced) {
  PoolFixture f(options(1));
  {
    const auto lease = f.take();
    f.server.break_connections();
  }
  EXPECT_TRUE(f.open(0));
  EXPECT_EQ(id_of(f.take()), 2U);
}

TEST(PoolReturns, ConnectionThatBrokeWhileIdleIsReplaced) {
  PoolFixture f(options(2));
  {
    const auto a = f.take();
    const auto b = f.take();
  }
  f.server.break_connections();
  EXPECT_EQ(id_of(f.take()), 3U);
  EXPECT_TRUE(f.open(1));
}

TEST(PoolReturns, MovedLeaseReturnsOnce) {
  const PoolFixture f(options(2));
  auto a = f.take();
  auto b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_TRUE(b);
  a = std::move(b);
  EXPECT_EQ(f.pool->stats().leased, 1U);
  a = {};
  EXPECT_EQ(f.pool->stats().leased, 0U);
  EXPECT_EQ(f.pool->stats().idle, 1U);
}

}  // namespace
}  // namespace grant
