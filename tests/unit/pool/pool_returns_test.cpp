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
using ::testing::IsEmpty;

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

TEST(PoolReturns, AwaitingCallersOpenTransactionIsRolledBackBehindThem) {
  PoolFixture f(options(1));
  f.server.on_statement([&](const Statement& statement) -> std::unique_ptr<Result> {
    if (statement.sql == "BEGIN") f.server.answering.shut();
    return nullptr;
  });
  io::PollLoop loop;
  loop.spawn(leave_transaction_open(*f.pool, io::Call(loop)));
  loop.run();
  EXPECT_EQ(f.pool->stats().idle, 1U);
  EXPECT_FALSE(f.take_idle()) << "it is still being rolled back";
  f.server.answering.open();
  const auto next = f.take();
  EXPECT_EQ(id_of(next), 1U);
  EXPECT_THAT(f.server.statements(), ElementsAre("BEGIN", "ROLLBACK"));
}

void run_statement(const Lease& lease, std::string_view sql) {
  run(lease->execute(blocking(), {sql, {}, Effect::write}));
}

TEST(PoolReturns, ChangedSessionIsResetBeforeItsNextUse) {
  PoolFixture f(options(1));
  run_statement(f.take(), "SET x = 1");
  const auto next = f.take();
  EXPECT_EQ(id_of(next), 1U);
  EXPECT_THAT(f.server.statements(), ElementsAre("SET x = 1", "RESET"));
}

TEST(PoolReturns, UnchangedSessionCostsNoRoundTrip) {
  PoolFixture f(options(1));
  run_statement(f.take(), "UPDATE t SET x = 1");
  run_statement(f.take(), "SELECT 1");
  EXPECT_THAT(f.server.statements(), ElementsAre("UPDATE t SET x = 1", "SELECT 1"));
}

TEST(PoolReturns, TransactionThatChangedTheSessionIsRolledBackBeforeTheReset) {
  PoolFixture f(options(1));
  {
    const auto lease = f.take();
    run(lease->begin(blocking(), {}));
    run_statement(lease, "SET x = 1");
  }
  EXPECT_EQ(id_of(f.take()), 1U);
  EXPECT_THAT(f.server.statements(), ElementsAre("BEGIN", "SET x = 1", "ROLLBACK", "RESET"));
}

TEST(PoolReturns, SessionThatCannotBeResetIsClosed) {
  for (const auto code : {Errc::unavailable, Errc::invalid_argument}) {
    PoolFixture f(options(1));
    f.server.on_statement([code](const Statement& statement) -> std::unique_ptr<Result> {
      if (statement.sql == "RESET") throw_error(code, "no");
      return nullptr;
    });
    run_statement(f.take(), "SET x = 1");
    EXPECT_EQ(id_of(f.take()), 2U);
    EXPECT_TRUE(f.open(1));
  }
}

TEST(PoolReturns, PoolThatEndsWaitsForNoReset) {
  auto f = std::make_unique<PoolFixture>(options(1));
  {
    const auto lease = f->take();
    run_statement(lease, "SET x = 1");
    f->server.answering.shut();
  }
  EXPECT_TRUE(test::eventually([&] { return f->server.answering.held() == 1; }));
  f->pool.reset();
  EXPECT_EQ(f->server.open(), 0U);
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

TEST(PoolReturns, ConnectionThatBrokeBeforeItsFirstUseIsNoLeak) {
  auto warm = options(1);
  warm.initial_size = 1;
  PoolFixture f(warm);
  run(f.pool->warm_up(blocking()));
  f.server.break_connections();
  EXPECT_EQ(id_of(f.take()), 2U);
  EXPECT_THAT(f.events.lines(), IsEmpty());
}

}  // namespace
}  // namespace grant
