#include "grant/pool/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "grant/io/poll_loop.hpp"
#include "unit/pool/pool_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::blocking;
using test::error_of;
using test::eventually;
using test::id_of;
using test::PoolFixture;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Patient, and without retries.
PoolOptions options(std::size_t max_size) {
  PoolOptions options;
  options.max_size = max_size;
  options.checkout_timeout = 60s;
  options.retry_attempts = 0;
  options.retry_delay = 0ms;
  return options;
}

PoolOptions with_timeout(std::size_t max_size, std::chrono::milliseconds timeout) {
  auto changed = options(max_size);
  changed.checkout_timeout = timeout;
  return changed;
}

TEST(Pool, OpensNothingBeforeItIsAsked) {
  const PoolFixture f(options(3));
  EXPECT_EQ(f.server.attempts(), 0U);
  EXPECT_EQ(f.pool->stats().open(), 0U);
}

TEST(Pool, ReusesAReturnedConnection) {
  const PoolFixture f(options(3));
  { const auto lease = f.take(); }
  { const auto lease = f.take(); }
  EXPECT_EQ(f.server.opened(), 1U);
}

TEST(Pool, TakesIdleConnectionsLastInFirstOut) {
  const PoolFixture f(options(3));
  auto a = f.take();
  auto b = f.take();
  auto c = f.take();
  const auto second = id_of(b);
  a = {};
  c = {};
  b = {};
  EXPECT_EQ(id_of(f.take()), second);
}

TEST(Pool, StatsBelongTogether) {
  PoolFixture f(options(3));
  auto a = f.take();
  f.clock.advance(5s);
  const auto b = f.take();
  f.clock.advance(2s);
  EXPECT_EQ(f.pool->stats().longest_held, 7s);
  a = {};
  const auto stats = f.pool->stats();
  EXPECT_EQ(stats.leased, 1U);
  EXPECT_EQ(stats.idle, 1U);
  EXPECT_EQ(stats.opening, 0U);
  EXPECT_EQ(stats.waiting, 0U);
  EXPECT_EQ(stats.open(), 2U);
  EXPECT_EQ(stats.longest_held, 2s);
}

TEST(Pool, NeverOpensMoreThanMaxSize) {
  for (const std::size_t max_size : {1U, 3U}) {
    const PoolFixture f(options(max_size));
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&f] {
        for (int round = 0; round < 50; ++round) {
          const auto lease = f.take();
          std::this_thread::yield();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_LE(f.server.opened(), max_size);
    EXPECT_EQ(f.server.closed(), 0U);
  }
}

TEST(Pool, CountsConnectionsBeingOpenedAgainstMaxSize) {
  PoolFixture f(options(2));
  f.server.connecting.shut();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&f] { const auto lease = f.take(); });
  }
  EXPECT_TRUE(f.waiting(1));
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 2; }));
  EXPECT_EQ(f.pool->stats().opening, 2U);
  f.server.connecting.open();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(f.server.opened(), 2U);
}

TEST(Pool, ServesWaitersInTheOrderInWhichTheyCame) {
  const PoolFixture f(options(1));
  test::Log order;
  auto held = f.take();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 5; ++i) {
    threads.emplace_back([&f, &order, i] {
      const auto lease = f.take();
      order.add(std::to_string(i));
    });
    EXPECT_TRUE(f.waiting(i + 1));
  }
  held = {};
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(order.lines(), ElementsAre("0", "1", "2", "3", "4"));
}

Task<void> take_and_note(Pool& pool, io::Call call, test::Log& log, std::string name) {
  try {
    const auto lease = co_await pool.acquire(call);
    log.add(name);
  } catch (const Error& error) {
    log.add(name + ' ' + std::string(to_string(error.code())));
  }
}

TEST(Pool, AwaitingAndBlockingCallersStandInOneQueue) {
  const PoolFixture f(options(1));
  test::Log order;
  auto held = f.take();
  const auto block = [&](std::string name) {
    const auto lease = f.take();
    order.add(std::move(name));
  };
  std::thread first(block, "blocking 1");
  EXPECT_TRUE(f.waiting(1));
  std::thread loop_thread([&] {
    io::PollLoop loop;
    loop.spawn(take_and_note(*f.pool, io::Call(loop), order, "awaiting 2"));
    loop.spawn(take_and_note(*f.pool, io::Call(loop), order, "awaiting 3"));
    loop.run();
  });
  EXPECT_TRUE(f.waiting(3));
  std::thread last(block, "blocking 4");
  EXPECT_TRUE(f.waiting(4));
  held = {};
  first.join();
  loop_thread.join();
  last.join();
  EXPECT_THAT(order.lines(), ElementsAre("blocking 1", "awaiting 2", "awaiting 3", "blocking 4"));
}

TEST(Pool, CancelledLoopFreesItsPlaceInTheQueue) {
  const PoolFixture f(options(1));
  test::Log log;
  auto held = f.take();
  io::PollLoop loop;
  std::thread loop_thread([&] {
    loop.spawn(take_and_note(*f.pool, io::Call(loop), log, "awaiting"));
    loop.run();
  });
  EXPECT_TRUE(f.waiting(1));
  std::thread next([&] { log.add("next " + std::to_string(id_of(f.take()))); });
  EXPECT_TRUE(f.waiting(2));
  loop.cancel();
  loop_thread.join();
  EXPECT_EQ(f.pool->stats().waiting, 1U);
  held = {};
  next.join();
  EXPECT_THAT(log.lines(), ElementsAre("awaiting cancelled", "next 1"));
}

TEST(Pool, CancelledLoopGivesUpOpening) {
  PoolFixture f(options(1));
  test::Log log;
  f.server.connecting.shut();
  io::PollLoop loop;
  loop.spawn(take_and_note(*f.pool, io::Call(loop), log, "awaiting"));
  EXPECT_EQ(f.pool->stats().opening, 1U);
  loop.cancel();
  loop.run();
  EXPECT_EQ(f.pool->stats().opening, 0U);
  EXPECT_THAT(log.lines(), ElementsAre("awaiting cancelled"));
}

// -- Timeouts ---------------------------------------------------------------------------------

TEST(PoolTimeouts, CheckoutTimeoutEndsTheWaitByTheMachinesClock) {
  const PoolFixture f(with_timeout(1, 10ms));  // on a clock that stands still
  const auto held = f.take();
  EXPECT_THROW(f.take(), PoolTimeout);
  EXPECT_EQ(f.pool->stats().waiting, 0U);
}

TEST(PoolTimeouts, ZeroNeverWaits) {
  const PoolFixture f(with_timeout(1, 0ms));
  const auto began = Clock::system().now();
  {
    const auto held = f.take();
    EXPECT_THROW(f.take(), PoolTimeout);
  }
  { const auto idle = f.take(); }
  EXPECT_LT(Clock::system().now() - began, 5s);
}

TEST(PoolTimeouts, ZeroDoesNotLimitOpening) {
  PoolFixture f(with_timeout(1, 0ms));
  f.server.connecting.shut();
  std::thread opener([&] { EXPECT_EQ(id_of(f.take()), 1U); });
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 1; }));
  EXPECT_THROW(f.take(), PoolTimeout) << "it is not queued behind the one that opens";
  f.server.connecting.open();
  opener.join();
}

TEST(PoolTimeouts, ZeroLeavesOpeningTheDeadlineOfTheCall) {
  PoolFixture f(with_timeout(1, 0ms));
  f.server.connecting.shut();
  EXPECT_THROW(f.take(blocking(10ms)), Unavailable);
  EXPECT_EQ(f.pool->stats().opening, 0U);
}

TEST(PoolTimeouts, LongestOneThereIsMeansToWait) {
  const PoolFixture f(with_timeout(1, std::chrono::milliseconds::max()));
  auto held = f.take(io::Call(io::blocking_waiter()));
  std::thread waits([&] { EXPECT_EQ(id_of(f.take(io::Call(io::blocking_waiter()))), 1U); });
  EXPECT_TRUE(f.waiting(1));
  held = {};
  waits.join();
}

TEST(PoolTimeouts, OpeningThatWaitingLeftNoTimeForIsATimeoutOfThePool) {
  PoolFixture f(with_timeout(1, 200ms));
  auto held = f.take();
  std::thread waits(
      [&] { EXPECT_EQ(error_of([&] { return f.take(); }).code, Errc::pool_timeout); });
  EXPECT_TRUE(f.waiting(1));
  f.server.connecting.shut();
  f.server.break_connections();
  held = {};
  waits.join();
  EXPECT_EQ(f.pool->stats().opening, 0U);
}

TEST(PoolTimeouts, OpeningThatIsRefusedAfterWaitingIsTheNodesFault) {
  PoolFixture f(options(1));
  auto held = f.take();
  std::thread waits([&] { EXPECT_EQ(error_of([&] { return f.take(); }).code, Errc::unavailable); });
  EXPECT_TRUE(f.waiting(1));
  f.server.refuse_connects(Errc::unavailable);
  f.server.break_connections();
  held = {};
  waits.join();
}

TEST(PoolTimeouts, OpeningThatHangsWithoutWaitingIsTheNodesFault) {
  PoolFixture f(with_timeout(1, 10ms));
  f.server.connecting.shut();
  EXPECT_THROW(f.take(), Unavailable);
}

TEST(PoolTimeouts, DeadlineOfTheCallCountsWhereItIsSooner) {
  const PoolFixture f(with_timeout(1, 1h));
  const auto held = f.take();
  const auto error = error_of([&] { return f.take(blocking(10ms)); });
  EXPECT_EQ(error.code, Errc::pool_timeout);
}

TEST(PoolTimeouts, MessageTellsWhoHoldsWhatForHowLong) {
  PoolFixture f(options(2));
  const auto a = f.take();
  f.clock.advance(90s);
  const auto b = f.take();
  f.clock.advance(10s);
  std::thread other([&] { EXPECT_EQ(error_of([&] { return f.take(); }).code, Errc::closed); });
  EXPECT_TRUE(f.waiting(1));
  const auto error = error_of([&] { return f.take(blocking(1ms)); });
  EXPECT_EQ(error.node, "db/writer");
  EXPECT_THAT(error.message, HasSubstr("pool \"db/writer\": no connection within"));
  EXPECT_THAT(error.message, HasSubstr("(2 of 2 leased, 0 opening, 1 waiting, the longest held "
                                       "for 100000 ms)"));
  EXPECT_THAT(f.events.lines(), ElementsAre("pool.timeout pool=db/writer leased=2 waiting=1"));
  f.pool->close();
  other.join();
}

TEST(PoolTimeouts, ServedWaiterDoesNotTimeOutTheOneBehindIt) {
  const PoolFixture f(options(1));
  auto held = f.take();
  std::thread impatient([&] { EXPECT_THROW(f.take(blocking(20ms)), PoolTimeout); });
  EXPECT_TRUE(f.waiting(1));
  std::thread patient([&] { EXPECT_EQ(id_of(f.take()), 1U); });
  EXPECT_TRUE(f.waiting(2));
  impatient.join();
  EXPECT_EQ(f.pool->stats().waiting, 1U);
  held = {};
  patient.join();
}

// -- Opening ----------------------------------------------------------------------------------

TEST(PoolOpening, FailurePassesOnWhatTheDriverSaid) {
  PoolFixture f(options(1));
  f.server.refuse_connects(Errc::configuration);
  EXPECT_THROW(f.take(), ConfigurationError);
  EXPECT_EQ(f.pool->stats().opening, 0U);
}

TEST(PoolOpening, FailureGivesTheNextWaiterATurn) {
  PoolFixture f(options(1));
  f.server.connecting.shut();
  std::thread fails([&] { EXPECT_THROW(f.take(), Unavailable); });
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 1; }));
  test::Log log;
  std::thread waits([&] { log.add(std::to_string(id_of(f.take()))); });
  EXPECT_TRUE(f.waiting(1));
  f.server.refuse_connects(Errc::unavailable, 1);
  f.server.connecting.open();
  fails.join();
  waits.join();
  EXPECT_THAT(log.lines(), ElementsAre("1"));
}

TEST(PoolOpening, ClosingOfABrokenConnectionGivesTheNextWaiterATurn) {
  PoolFixture f(options(1));
  auto held = f.take();
  std::thread waits([&] { EXPECT_EQ(id_of(f.take()), 2U); });
  EXPECT_TRUE(f.waiting(1));
  f.server.break_connections();
  held = {};
  waits.join();
}

TEST(PoolOpening, RetriesAsOftenAsRetryAttemptsSays) {
  for (const std::size_t attempts : {0U, 1U, 3U}) {
    auto retrying = options(1);
    retrying.retry_attempts = attempts;
    PoolFixture f(retrying);
    f.server.refuse_connects(Errc::unavailable, attempts);
    EXPECT_EQ(id_of(f.take()), 1U);

    PoolFixture g(retrying);
    g.server.refuse_connects(Errc::unavailable);
    EXPECT_THROW(g.take(), Unavailable);
    EXPECT_EQ(g.server.attempts(), attempts + 1);
  }
}

TEST(PoolOpening, RetriesOnlyWhatMayPass) {
  auto retrying = options(1);
  retrying.retry_attempts = 5;
  PoolFixture f(retrying);
  f.server.refuse_connects(Errc::configuration);
  EXPECT_THROW(f.take(), ConfigurationError);
  EXPECT_EQ(f.server.attempts(), 1U);
}

TEST(PoolOpening, PausesForRetryDelay) {
  auto retrying = options(1);
  retrying.retry_attempts = 2;
  retrying.retry_delay = 15ms;
  PoolFixture f(retrying);
  f.server.refuse_connects(Errc::unavailable, 2);
  const auto began = Clock::system().now();
  static_cast<void>(f.take());
  EXPECT_GE(Clock::system().now() - began, 30ms);
}

TEST(PoolOpening, DoesNotRetryPastTheDeadline) {
  auto retrying = options(1);
  retrying.retry_attempts = 5;
  retrying.retry_delay = 1h;
  PoolFixture f(retrying);
  f.server.refuse_connects(Errc::unavailable);
  EXPECT_THROW(f.take(), Unavailable);
  EXPECT_EQ(f.server.attempts(), 1U);
}

TEST(PoolWarmUp, OpensInitialSizeConnections) {
  for (const std::size_t initial : {0U, 1U, 3U}) {
    auto warm = options(4);
    warm.initial_size = initial;
    const PoolFixture f(warm);
    run(f.pool->warm_up(blocking()));
    EXPECT_EQ(f.pool->stats().idle, initial);
    EXPECT_EQ(f.server.opened(), initial);
  }
}

TEST(PoolWarmUp, StopsAtMaxSize) {
  auto warm = options(2);
  warm.initial_size = 9;
  const PoolFixture f(warm);
  run(f.pool->warm_up(blocking()));
  EXPECT_EQ(f.server.opened(), 2U);
}

TEST(PoolWarmUp, CountsConnectionsThatAreLeased) {
  auto warm = options(4);
  warm.initial_size = 2;
  const PoolFixture f(warm);
  const auto lease = f.take();
  run(f.pool->warm_up(blocking()));
  EXPECT_EQ(f.server.opened(), 2U);
}

TEST(PoolWarmUp, FailureLeavesRoom) {
  auto warm = options(1);
  warm.initial_size = 1;
  PoolFixture f(warm);
  f.server.refuse_connects(Errc::unavailable, 1);
  EXPECT_THROW(run(f.pool->warm_up(blocking())), Unavailable);
  EXPECT_EQ(id_of(f.take()), 1U);
}

// -- What a borrower leaves behind ------------------------------------------------------------

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
    EXPECT_EQ(f.server.closed(), 1U);
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
  EXPECT_EQ(f.server.open(), 0U);
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
  EXPECT_EQ(f.server.open(), 0U);
}

TEST(PoolReturns, BrokenConnectionIsReplaced) {
  PoolFixture f(options(1));
  {
    const auto lease = f.take();
    f.server.break_connections();
  }
  EXPECT_EQ(f.server.open(), 0U);
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
  EXPECT_EQ(f.server.open(), 1U);
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

// -- Dropping and closing ---------------------------------------------------------------------

TEST(PoolDrop, ClosesIdleConnectionsAtOnceAndLeasedOnesLater) {
  const PoolFixture f(options(2));
  auto leased = f.take();
  { const auto idle = f.take(); }
  f.pool->drop_connections();
  EXPECT_EQ(f.server.open(), 1U);
  leased = {};
  EXPECT_EQ(f.server.open(), 0U);
  EXPECT_EQ(id_of(f.take()), 3U);
}

TEST(PoolDrop, OfIdleOnesLeavesLeasedOnes) {
  const PoolFixture f(options(2));
  auto leased = f.take();
  { const auto idle = f.take(); }
  f.pool->drop_idle();
  EXPECT_EQ(f.server.open(), 1U);
  leased = {};
  EXPECT_EQ(f.pool->stats().idle, 1U);
  EXPECT_EQ(id_of(f.take()), 1U);
}

TEST(PoolDrop, ClosesWhatWasBeingOpenedMeanwhile) {
  PoolFixture f(options(1));
  f.server.connecting.shut();
  std::thread opener([&] { const auto lease = f.take(); });
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 1; }));
  f.pool->drop_connections();
  f.server.connecting.open();
  opener.join();
  EXPECT_EQ(f.server.open(), 0U);
}

TEST(PoolDrop, GivesWaitersNewConnections) {
  const PoolFixture f(options(1));
  auto held = f.take();
  std::thread waits([&] { EXPECT_EQ(id_of(f.take()), 2U); });
  EXPECT_TRUE(f.waiting(1));
  f.pool->drop_connections();
  held = {};
  waits.join();
}

TEST(PoolClose, EndsWaitersAndRefusesNewOnes) {
  const PoolFixture f(options(1));
  const auto held = f.take();
  test::Log log;
  std::thread blocked([&] { EXPECT_EQ(error_of([&] { return f.take(); }).code, Errc::closed); });
  std::thread loop_thread([&] {
    io::PollLoop loop;
    loop.spawn(take_and_note(*f.pool, io::Call(loop), log, "awaiting"));
    loop.run();
  });
  EXPECT_TRUE(f.waiting(2));
  f.pool->close();
  blocked.join();
  loop_thread.join();
  EXPECT_THAT(log.lines(), ElementsAre("awaiting closed"));
  const auto error = error_of([&] { return f.take(); });
  EXPECT_EQ(error.code, Errc::closed);
  EXPECT_EQ(error.message, "pool \"db/writer\" is closed");
}

TEST(PoolClose, ClosesIdleConnectionsAtOnceAndLeasedOnesWhenReturned) {
  const PoolFixture f(options(2));
  auto leased = f.take();
  { const auto idle = f.take(); }
  f.pool->close();
  EXPECT_EQ(f.server.open(), 1U);
  leased = {};
  EXPECT_EQ(f.server.open(), 0U);
}

TEST(PoolClose, MayBeRepeated) {
  const PoolFixture f(options(1));
  f.pool->close();
  f.pool->close();
  run(f.pool->warm_up(blocking()));
  EXPECT_EQ(f.server.attempts(), 0U);
}

TEST(PoolClose, LeaseMayOutliveThePool) {
  PoolFixture f(options(1));
  auto lease = f.take();
  run(lease->begin(blocking(), {}));
  f.pool.reset();
  EXPECT_TRUE(lease->is_open());
  lease = {};
  EXPECT_EQ(f.server.open(), 0U);
}

// -- All of it at once ------------------------------------------------------------------------

/// One borrower of the stress test; gives up its lease in one of the ways there are.
void borrow(const PoolFixture& f, std::minstd_rand& random) {
  const auto chance = [&random](unsigned percent) { return random() % 100 < percent; };
  const auto limit = chance(20) ? std::chrono::microseconds(random() % 500) : 60s;
  try {
    const auto lease = f.take(blocking(limit));
    if (chance(20)) run(lease->begin(blocking(), {}));
    if (chance(50)) std::this_thread::yield();
    Statement statement;
    statement.sql = "SELECT 1";
    run(lease->execute(blocking(), statement));
    if (chance(5)) f.server.break_connections();
  } catch (const Error& error) {
    if (error.code() != Errc::pool_timeout && error.code() != Errc::unavailable) throw;
  }
}

Task<void> borrow_awaiting(Pool& pool, io::Call call, int rounds) {
  Statement statement;
  statement.sql = "SELECT 1";
  for (int i = 0; i < rounds; ++i) {
    try {
      const auto lease = co_await pool.acquire(call);
      co_await lease->execute(call, statement);
    } catch (const Error& error) {
      if (error.code() != Errc::unavailable) throw;
    }
  }
}

TEST(PoolStress, NothingIsLeakedOrSharedByManyThreads) {
  static constexpr std::size_t max_size = 3;
  const PoolFixture f(options(max_size));
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 6; ++seed) {
    threads.emplace_back([&f, seed] {
      std::minstd_rand random(seed);
      for (int i = 0; i < 300; ++i) {
        borrow(f, random);
        const auto stats = f.pool->stats();
        EXPECT_LE(stats.open() + stats.opening, max_size);
        if (random() % 50 == 0) f.pool->drop_connections();
        if (random() % 50 == 0) f.server.refuse_connects(Errc::unavailable, 1);
      }
    });
  }
  threads.emplace_back([&f] {
    io::PollLoop loop;
    for (int i = 0; i < 4; ++i) loop.spawn(borrow_awaiting(*f.pool, io::Call(loop), 100));
    loop.run();
  });
  for (auto& thread : threads) thread.join();

  const auto stats = f.pool->stats();
  EXPECT_EQ(stats.leased, 0U);
  EXPECT_EQ(stats.waiting, 0U);
  EXPECT_EQ(stats.opening, 0U);
  EXPECT_EQ(f.server.open(), stats.idle);
  EXPECT_EQ(f.server.misuses(), 0U);
  EXPECT_GT(f.server.closed(), 0U);
  f.pool->close();
  EXPECT_EQ(f.server.open(), 0U);
}

}  // namespace
}  // namespace grant
