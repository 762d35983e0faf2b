#include "grant/pool/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "unit/pool/pool_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::id_of;
using test::options;
using test::PoolFixture;

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

TEST(Pool, GivesAThreadTheConnectionThatItUsedLast) {
  const PoolFixture f(options(3));
  auto a = f.take();
  auto b = f.take();
  const auto second = id_of(b);
  a = {};
  b = {};
  EXPECT_EQ(id_of(f.take()), second);
}

TEST(Pool, PrefersOlderSlotsSoThatSurplusOnesStayIdle) {
  const PoolFixture f(options(3));
  {
    const auto a = f.take();
    const auto b = f.take();
    const auto c = f.take();
  }
  std::thread([&] { EXPECT_EQ(id_of(f.take()), 1U); }).join();
}

TEST(Pool, AcquiringIsFinishedAtOnceWhereOneIsIdle) {
  const PoolFixture f(options(2));
  EXPECT_FALSE(f.take_idle());
  EXPECT_EQ(f.server.attempts(), 0U);
  auto a = f.take();
  EXPECT_FALSE(f.take_idle());
  a = {};
  const auto again = f.take_idle();
  ASSERT_TRUE(again);
  EXPECT_EQ(id_of(again), 1U);
}

TEST(Pool, StatsBelongTogether) {
  PoolFixture f(options(3));
  auto a = f.take();
  EXPECT_EQ(f.pool->stats().longest_held, 0s);  // the first look at this lease
  f.clock.advance(5s);
  const auto b = f.take();
  EXPECT_EQ(f.pool->stats().longest_held, 5s);
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
  EXPECT_EQ(stats.checkouts, 2U);
  EXPECT_EQ(stats.opened, 2U);
  EXPECT_EQ(stats.timeouts, 0U);
  EXPECT_EQ(stats.failed, 0U);
  EXPECT_EQ(stats.closed, 0U);
}

TEST(Pool, StatsLeaveTheFastWayOpen) {
  const PoolFixture f(options(1));
  { const auto lease = f.take(); }
  static_cast<void>(f.pool->stats());
  EXPECT_TRUE(f.take_idle());
  const auto lease = f.take();
  static_cast<void>(f.pool->stats());
  EXPECT_EQ(f.pool->stats().leased, 1U);
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
  EXPECT_TRUE(f.waiting(3));
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 2; }));
  EXPECT_EQ(f.pool->stats().opening, 2U);
  f.server.connecting.open();
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(f.opening(0));
  EXPECT_EQ(f.server.opened(), 2U);
}

}  // namespace
}  // namespace grant
