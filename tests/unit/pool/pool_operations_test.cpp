#include "grant/pool/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
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
using test::options;
using test::PoolFixture;
using test::take_and_note;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Does `operation` while another thread takes and returns a connection without a pause.
template <class Operation>
void during_returns(const PoolFixture& f, const Operation& operation) {
  std::atomic<bool> stop = false;
  std::atomic<bool> going = false;
  std::thread borrower([&] {
    while (!stop) {
      going = true;
      static_cast<void>(f.take_idle());
    }
  });
  while (!going) std::this_thread::yield();
  operation();
  stop = true;
  borrower.join();
}

TEST(PoolDrop, ClosesIdleConnectionsAtOnceAndLeasedOnesLater) {
  const PoolFixture f(options(2));
  auto leased = f.take();
  { const auto idle = f.take(); }
  f.pool->drop_connections();
  EXPECT_EQ(f.server.open(), 1U);
  leased = {};
  EXPECT_TRUE(f.open(0));
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
  std::thread opener([&] { EXPECT_EQ(id_of(f.take()), 2U); });
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 1; }));
  f.pool->drop_connections();
  f.server.connecting.open();
  opener.join();
  EXPECT_EQ(f.server.open(), 1U);
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

TEST(PoolDrop, MissesNoConnectionThatComesBackMeanwhile) {
  for (int round = 0; round < 100; ++round) {
    const PoolFixture f(options(32));
    fill(f, 32);
    during_returns(f, [&] { f.pool->drop_connections(); });
    ASSERT_EQ(f.pool->stats().open(), 0U) << "in round " << round;
  }
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

TEST(PoolClose, MissesNoConnectionThatComesBackMeanwhile) {
  for (int round = 0; round < 100; ++round) {
    const PoolFixture f(options(32));
    fill(f, 32);
    during_returns(f, [&] { f.pool->close(); });
    ASSERT_EQ(f.pool->stats().open(), 0U) << "in round " << round;
  }
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

TEST(PoolClose, PoolThatGoesWaitsForWhoIsToldOfATimeout) {
  const PoolFixture f(options(1));
  ConnectOptions target;
  target.url = Url::parse("mariadb://server/db");
  std::atomic<bool> told = false;
  std::atomic<bool> gone = false;
  bool gone_meanwhile = false;
  auto pool = std::make_unique<Pool>(options(1), f.driver, target, f.clock, [&](const Event&) {
    told = true;
    // sleeps: for as long as the pool needs to go
    for (int i = 0; i < 50 && !gone; ++i) std::this_thread::sleep_for(1ms);
    gone_meanwhile = gone;
  });
  pool->suspend();
  std::thread waits([waiting = pool->acquire(blocking(1ms))]() mutable {
    EXPECT_THROW(run(std::move(waiting)), PoolTimeout);
  });
  EXPECT_TRUE(eventually([&] { return told.load(); }));
  pool.reset();
  gone = true;
  waits.join();
  EXPECT_FALSE(gone_meanwhile);
}

TEST(PoolClose, TellsOfALeakThatEndsLater) {
  auto watching = options(1);
  watching.leak_threshold = 1min;
  PoolFixture f(watching);
  auto lease = f.take();
  f.pool->look_after();
  f.clock.advance(1min);
  f.pool->look_after();
  f.pool.reset();
  lease = {};
  EXPECT_THAT(f.events.lines().back(), HasSubstr("pool.leak_ended"));
}

TEST(PoolResize, LetsMoreConnectionsBeOpenedForThoseWhoWait) {
  const PoolFixture f(options(1));
  const auto held = f.take();
  std::thread waits([&] { EXPECT_EQ(id_of(f.take()), 2U); });
  EXPECT_TRUE(f.waiting(1));
  f.pool->resize(2);
  waits.join();
  EXPECT_EQ(f.pool->options().max_size, 2U);
}

TEST(PoolResize, ClosesWhatIsTooMuchNowOrWhenItComesBack) {
  const PoolFixture f(options(4));
  auto a = f.take();
  auto b = f.take();
  {
    const auto c = f.take();
    const auto d = f.take();
  }
  f.pool->resize(1);
  EXPECT_TRUE(f.open(2));
  EXPECT_EQ(f.refusal(blocking(1ms)), Errc::pool_timeout);
  a = {};
  EXPECT_TRUE(f.open(1));
  b = {};
  EXPECT_EQ(f.pool->stats().idle, 1U);
}

TEST(PoolResize, RefusesZero) {
  const PoolFixture f(options(1));
  EXPECT_THROW(f.pool->resize(0), ConfigurationError);
}

TEST(PoolSuspend, HoldsCallersBackUntilResumed) {
  const PoolFixture f(options(1));
  { const auto idle = f.take(); }
  f.pool->suspend();
  EXPECT_FALSE(f.take_idle());
  std::thread waits([&] { EXPECT_EQ(id_of(f.take()), 1U); });
  EXPECT_TRUE(f.waiting(1));
  EXPECT_EQ(f.pool->stats().idle, 1U);
  f.pool->resume();
  waits.join();
  EXPECT_TRUE(f.take_idle()) << "the fast way is open again";
}

TEST(PoolSuspend, KeepsWhatComesBack) {
  const PoolFixture f(options(1));
  auto held = f.take();
  f.pool->suspend();
  std::thread waits([&] { EXPECT_EQ(id_of(f.take()), 1U); });
  EXPECT_TRUE(f.waiting(1));
  held = {};
  EXPECT_EQ(f.pool->stats().waiting, 1U);
  f.pool->resume();
  waits.join();
}

TEST(PoolSuspend, ReplacesWhatBrokeMeanwhile) {
  PoolFixture f(options(1));
  { const auto idle = f.take(); }
  f.pool->suspend();
  std::thread waits([&] { EXPECT_EQ(id_of(f.take()), 2U); });
  EXPECT_TRUE(f.waiting(1));
  f.server.break_connections();
  f.pool->resume();
  waits.join();
}

TEST(PoolSuspend, EndsAWaitAtItsDeadline) {
  const PoolFixture f(options(1));
  f.pool->suspend();
  const auto error = error_of([&] { return f.take(blocking(5ms)); });
  EXPECT_EQ(error.code, Errc::pool_timeout);
  EXPECT_THAT(error.message, HasSubstr("as the pool is suspended"));
  EXPECT_EQ(f.server.attempts(), 0U);
}

TEST(PoolDrain, WaitsForLeasesToEnd) {
  const PoolFixture f(options(2));
  auto held = f.take();
  { const auto idle = f.take(); }
  std::thread drains([&] { EXPECT_EQ(run(f.pool->drain(blocking())), 0U); });
  EXPECT_TRUE(f.open(1)) << "the idle one";
  EXPECT_EQ(f.refusal(), Errc::closed);
  held = {};
  drains.join();
  EXPECT_EQ(f.server.open(), 0U);
}

TEST(PoolDrain, TellsHowManyAreLeftAtTheDeadline) {
  const PoolFixture f(options(2));
  auto held = f.take();
  EXPECT_EQ(run(f.pool->drain(blocking(1ms))), 1U);
  held = {};
  EXPECT_EQ(f.server.open(), 0U);
}

Task<void> take_and_begin(Pool& pool, io::Call call, Lease& lease) {
  const TransactionOptions transaction;
  lease = co_await pool.acquire(call);
  co_await lease->begin(call, transaction);
}

TEST(PoolClose, NothingIsClosedAfterThePoolAndItsLeasesHaveGone) {
  for (int round = 0; round < 1'000; ++round) {
    PoolFixture f(options(1));
    Lease lease;
    io::PollLoop loop;
    loop.spawn(take_and_begin(*f.pool, io::Call(loop), lease));
    loop.run();
    std::atomic<int> ready = 0;
    std::thread returns([&] {
      ++ready;
      while (ready < 2) {
      }
      lease = {};
    });
    ++ready;
    while (ready < 2) {
    }
    std::atomic<int> spin = 0;
    while (spin < round % 200) ++spin;
    f.pool.reset();
    returns.join();
    ASSERT_EQ(f.server.open(), 0U) << "in round " << round;
  }
}

Task<void> take_and_look(Pool& pool, io::Call call, std::vector<std::size_t>& openings) {
  const auto lease = co_await pool.acquire(call);
  openings.push_back(pool.stats().opening);
}

TEST(PoolSuspend, BrokenConnectionThatAWaiterPassesOverIsReplacedForTheNext) {
  auto warm = options(2);
  warm.initial_size = 2;
  PoolFixture f(warm);
  { const auto idle = f.take(); }
  f.pool->suspend();
  f.server.break_connections();
  run(f.pool->warm_up(blocking()));
  f.server.connecting.shut();
  std::vector<std::size_t> openings;
  io::PollLoop loop;
  loop.spawn(take_and_look(*f.pool, io::Call(loop), openings));
  loop.spawn(take_and_look(*f.pool, io::Call(loop), openings));
  f.pool->resume();
  loop.run();
  EXPECT_THAT(openings, ElementsAre(1U, 1U));
  f.server.connecting.open();
}

}  // namespace
}  // namespace grant
