#include "grant/pool/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grant/io/poll_loop.hpp"
#include "pool/policy.hpp"
#include "unit/pool/pool_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::blocking;
using test::error_of;
using test::eventually;
using test::id_of;
using test::Nowhere;
using test::options;
using test::PoolFixture;
using test::take_and_note;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Until those who are in the queue now have waited for so long that they come first.
bool nobody_may_overtake() {
  const auto began = Clock::system().now();
  return eventually([&] { return !detail::may_be_overtaken(Clock::system().now() - began); });
}

TEST(PoolQueue, ServesWaitersInTheOrderInWhichTheyCame) {
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

TEST(PoolQueue, AwaitingAndBlockingCallersStandInOneQueue) {
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

TEST(PoolQueue, CancelledLoopFreesItsPlaceInTheQueue) {
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

TEST(PoolQueue, CancellingTheWaitDoesNotCancelTheOpening) {
  PoolFixture f(options(1));
  test::Log log;
  f.server.connecting.shut();
  io::PollLoop loop;
  loop.spawn(take_and_note(*f.pool, io::Call(loop), log, "awaiting"));
  EXPECT_EQ(f.pool->stats().opening, 1U);
  loop.cancel();
  loop.run();
  EXPECT_THAT(log.lines(), ElementsAre("awaiting cancelled"));
  EXPECT_EQ(f.pool->stats().waiting, 0U);
  f.server.connecting.open();
  EXPECT_TRUE(f.opening(0));
  EXPECT_EQ(id_of(f.take()), 1U);
}

TEST(PoolQueue, ConnectionThatComesBackServesWhoeverWaitsForANewOne) {
  PoolFixture f(options(2));
  auto held = f.take();
  f.server.connecting.shut();
  std::thread waits([&] { EXPECT_EQ(id_of(f.take()), 1U); });
  EXPECT_TRUE(f.waiting(1));
  held = {};
  waits.join();
  f.server.connecting.open();
  EXPECT_TRUE(f.opening(0));
  EXPECT_EQ(f.pool->stats().idle, 2U) << "what was opened stays";
}

TEST(PoolQueue, OneSlowOpeningDoesNotHoldUpTheNext) {
  PoolFixture f(options(2));
  f.server.connecting.shut();
  std::thread first([&] { const auto lease = f.take(); });
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 1; }));
  std::thread second([&] { const auto lease = f.take(); });
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 2; }));
  f.server.connecting.open();
  first.join();
  second.join();
}

TEST(PoolQueue, WhoHasWaitedLongIsNotOvertaken) {
  const PoolFixture f(options(1));
  auto held = f.take();
  std::atomic<bool> served = false;
  std::thread waits([&] {
    const auto lease = f.take();
    served = true;
  });
  EXPECT_TRUE(f.waiting(1));
  EXPECT_TRUE(nobody_may_overtake());
  held = {};
  const auto mine = f.take();
  EXPECT_TRUE(served);
  waits.join();
}

TEST(PoolQueue, LongerThanMaxWaitersIsRefusedAtOnce) {
  auto limited = options(1);
  limited.max_waiters = 2;
  const PoolFixture f(limited);
  auto held = f.take();
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i <= 2; ++i) {
    threads.emplace_back([&f] { const auto lease = f.take(); });
    EXPECT_TRUE(f.waiting(i));
  }
  std::thread([&] {
    const auto error = error_of([&] { return f.take(); });
    EXPECT_EQ(error.code, Errc::pool_timeout);
    EXPECT_THAT(error.message, HasSubstr("2 callers are waiting, which is max_waiters"));
  }).join();
  EXPECT_EQ(f.pool->stats().timeouts, 1U);
  held = {};
  for (auto& thread : threads) thread.join();
}

TEST(PoolQueue, ThreadThatWouldWaitForItselfIsToldSo) {
  const PoolFixture f(options(2));
  const auto a = f.take(blocking(), CallSite{"orders.cpp", 17});
  const auto b = f.take();
  const auto error = error_of([&] { return f.take(); });
  EXPECT_EQ(error.code, Errc::pool_timeout);
  EXPECT_THAT(error.message, HasSubstr("this thread holds all 2 connections itself, one since "
                                       "orders.cpp:17, and would wait for itself"));
}

TEST(PoolQueue, ThreadThatHandedALeaseOverMayWaitForIt) {
  const PoolFixture f(options(1));
  auto lease = f.take();
  lease.hand_over();
  std::thread other([&f, moved = std::move(lease)]() mutable {
    EXPECT_TRUE(f.waiting(1));
    moved = {};
  });
  EXPECT_EQ(id_of(f.take()), 1U);
  other.join();
}

TEST(PoolQueue, AwaitingCallersAreNotTakenForThreads) {
  const PoolFixture f(options(1));
  test::Log log;
  io::PollLoop loop;
  const auto hold = [](Pool& pool, io::Call call) -> Task<void> {
    const auto lease = co_await pool.acquire(call);
    while (pool.stats().waiting == 0) {
      co_await call.sleep_until(after(Clock::system().now(), std::chrono::milliseconds(1)));
    }
  };
  loop.spawn(hold(*f.pool, io::Call(loop)));
  loop.spawn(take_and_note(*f.pool, io::Call(loop), log, "second"));
  loop.run();
  EXPECT_THAT(log.lines(), ElementsAre("second"));
}

TEST(PoolQueue, WaitThatIsDestroyedLeavesNothingBehind) {
  const PoolFixture f(options(1));
  Nowhere nowhere;
  auto held = f.take();
  {
    const auto waits = f.pool->acquire(io::Call(nowhere));
    auto awaiter = waits.operator co_await();
    EXPECT_FALSE(awaiter.await_ready());
    EXPECT_EQ(f.pool->stats().waiting, 1U);
  }
  EXPECT_EQ(f.pool->stats().waiting, 0U);
  {
    const auto waits = f.pool->acquire(io::Call(nowhere));
    auto awaiter = waits.operator co_await();
    EXPECT_FALSE(awaiter.await_ready());
    EXPECT_TRUE(nobody_may_overtake());  // and it is given the connection directly
    held = {};
    EXPECT_EQ(f.pool->stats().leased, 1U);
  }
  EXPECT_EQ(f.pool->stats().idle, 1U);
  EXPECT_EQ(id_of(f.take()), 1U);
}

TEST(PoolQueue, WhoLeavesAfterBeingWokenWakesTheNext) {
  const PoolFixture f(options(1));
  { const auto idle = f.take(); }
  f.pool->suspend();
  Nowhere nowhere;
  auto first = std::make_unique<Task<Lease>>(f.pool->acquire(io::Call(nowhere)));
  auto awaiter = first->operator co_await();
  EXPECT_FALSE(awaiter.await_ready());
  std::thread second([&] { EXPECT_EQ(id_of(f.take()), 1U); });
  EXPECT_TRUE(f.waiting(2));
  f.pool->resume();  // wakes the first, which will never run
  first.reset();
  second.join();
}

TEST(PoolQueue, EverybodyIsServedWhomTheIdleOnesSufficeFor) {
  const PoolFixture f(options(2));
  {
    const auto a = f.take();
    const auto b = f.take();
  }
  f.pool->suspend();
  std::vector<std::thread> threads;
  std::atomic<int> served = 0;
  for (std::size_t i = 1; i <= 2; ++i) {
    threads.emplace_back([&] {
      const auto lease = f.take();
      ++served;
      EXPECT_TRUE(eventually([&] { return served == 2; })) << "nothing is returned before";
    });
    EXPECT_TRUE(f.waiting(i));
  }
  f.pool->resume();
  for (auto& thread : threads) thread.join();
}

TEST(PoolQueue, SelfDeadlockTellsWhereAConnectionWasTakenThatIsStillHeld) {
  const PoolFixture f(options(2));
  auto a = f.take(blocking(), CallSite{"gone.cpp", 1});
  const auto b = f.take(blocking(), CallSite{"held.cpp", 2});
  f.pool->resize(1);
  a = {};
  const auto error = error_of([&] { return f.take(); });
  EXPECT_THAT(error.message, HasSubstr("all 1 connections itself, one since held.cpp:2"));
}

TEST(PoolQueue, LeaseIsAsOldAsItsOwnHolder) {
  auto watching = options(1);
  watching.leak_threshold = 1min;
  PoolFixture f(watching);
  Nowhere nowhere;
  auto held = f.take();
  f.pool->look_after();
  const auto waits = f.pool->acquire(io::Call(nowhere));
  auto awaiter = waits.operator co_await();
  EXPECT_FALSE(awaiter.await_ready());
  f.clock.advance(40s);
  f.pool->look_after();
  EXPECT_TRUE(nobody_may_overtake());
  held = {};
  EXPECT_EQ(f.pool->stats().leased, 1U);
  f.clock.advance(40s);
  f.pool->look_after();
  EXPECT_THAT(f.events.lines(), IsEmpty());
}

TEST(PoolQueue, WhoIsWokenAndDoesNotRunHoldsNobodyUp) {
  const PoolFixture f(options(2));
  fill(f, 2);
  f.pool->suspend();
  Nowhere nowhere;
  const auto first = f.pool->acquire(io::Call(nowhere));
  auto awaiter = first.operator co_await();
  EXPECT_FALSE(awaiter.await_ready());
  std::size_t id = 0;
  std::thread second([&] { id = id_of(f.take()); });
  EXPECT_TRUE(f.waiting(2));
  f.pool->resume();
  f.pool->look_after();
  second.join();
  EXPECT_EQ(id, 2U);
}

// The next look at the pool, at most a second later, finds what was forgotten. So these do not
// wait, but ask at once whether somebody was told, or an opening begun.

TEST(PoolQueue, ResumingTellsTheFirst) {
  const PoolFixture f(options(1));
  fill(f, 1);
  f.pool->suspend();
  const test::Sleeper first(*f.pool);
  EXPECT_EQ(first.told(), 0);
  f.pool->resume();
  EXPECT_EQ(first.told(), 1);
}

TEST(PoolQueue, WhoIsServedOrLeavesHasTheNextTold) {
  const PoolFixture f(options(2));
  auto held = f.take();
  { const auto idle = f.take(); }
  f.pool->suspend();
  auto first = std::make_unique<test::Sleeper>(*f.pool);
  auto second = std::make_unique<test::Sleeper>(*f.pool);
  const test::Sleeper third(*f.pool);
  f.pool->resume();  // tells the first of the idle one
  EXPECT_TRUE(nobody_may_overtake());
  held = {};
  EXPECT_EQ(second->told(), 1) << "the idle one is left to it";
  second.reset();
  EXPECT_EQ(third.told(), 1);
}

TEST(PoolQueue, WhoHasWaitedLongIsNotOvertakenOnTheWayToAnIdleOne) {
  const PoolFixture f(options(1));
  fill(f, 1);
  f.pool->suspend();
  const test::Sleeper first(*f.pool);
  EXPECT_TRUE(nobody_may_overtake());
  f.pool->resume();
  EXPECT_EQ(f.refusal(blocking(10ms)), Errc::pool_timeout);
}

TEST(PoolQueue, BrokenConnectionThatComesBackIsReplacedForWhoWaits) {
  PoolFixture f(options(1));
  auto held = f.take();
  const test::Sleeper waits(*f.pool);
  f.server.connecting.shut();
  f.server.break_connections();
  held = {};
  EXPECT_EQ(f.pool->stats().opening, 1U);
  f.server.connecting.open();
}

TEST(PoolQueue, UnfitConnectionOfAWaitThatIsDestroyedIsReplacedForTheNext) {
  PoolFixture f(options(1));
  auto held = f.take();
  auto first = std::make_unique<test::Sleeper>(*f.pool);
  const test::Sleeper second(*f.pool);
  EXPECT_TRUE(nobody_may_overtake());
  held = {};
  f.server.connecting.shut();
  f.pool->drop_connections();
  first.reset();
  EXPECT_EQ(f.pool->stats().opening, 1U);
  f.server.connecting.open();
}

TEST(PoolQueue, WhoGaveItsConnectionToAWaiterDoesNotHoldItAnyMore) {
  const PoolFixture f(options(1));
  auto held = f.take();
  run(held->begin(blocking(), {}));
  const test::Sleeper first(*f.pool);
  EXPECT_TRUE(nobody_may_overtake());
  held = {};
  EXPECT_EQ(first.told(), 1);
  const auto error = error_of([&] { return f.take(blocking(10ms)); });
  EXPECT_THAT(error.message, HasSubstr("no connection within"));
}

}  // namespace
}  // namespace grant
