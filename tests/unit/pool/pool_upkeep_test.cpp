#include "grant/pool/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "unit/pool/pool_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::blocking;
using test::eventually;
using test::id_of;
using test::options;
using test::PoolFixture;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Nothing happens to a connection, unless a test says so.
PoolOptions quiet(std::size_t max_size) {
  auto changed = options(max_size);
  changed.idle_timeout = 0ms;
  changed.max_lifetime = 0ms;
  changed.verify_idle = 24h;
  return changed;
}

TEST(PoolUpkeep, NothingIsClosedForItsAgeWhereTheOptionsAreZero) {
  PoolFixture f(quiet(2));
  fill(f, 2);
  f.pool->look_after();
  f.clock.advance(23h);
  f.pool->look_after();
  EXPECT_EQ(f.pool->stats().idle, 2U);
  EXPECT_THAT(f.server.statements(), IsEmpty());
}

TEST(PoolUpkeep, IdleTimeoutClosesWhatIsNotUsed) {
  auto closing = quiet(3);
  closing.idle_timeout = 10min;
  PoolFixture f(closing);
  fill(f, 3);
  const auto used = f.take();
  f.pool->look_after();
  f.clock.advance(10min - 1s);
  f.pool->look_after();
  EXPECT_EQ(f.pool->stats().idle, 2U);
  f.clock.advance(1s);
  f.pool->look_after();
  EXPECT_EQ(f.pool->stats().idle, 0U);
  EXPECT_TRUE(f.open(1));
  EXPECT_EQ(f.pool->stats().leased, 1U);
}

TEST(PoolUpkeep, IdleTimeoutStartsAnewWithEachUse) {
  auto closing = quiet(1);
  closing.idle_timeout = 10min;
  PoolFixture f(closing);
  fill(f, 1);
  f.pool->look_after();
  f.clock.advance(9min);
  fill(f, 1);  // between two looks
  f.pool->look_after();
  f.clock.advance(9min);
  f.pool->look_after();
  EXPECT_EQ(f.pool->stats().idle, 1U);
}

TEST(PoolUpkeep, MinIdleIsKeptByIdleTimeoutAndRefilled) {
  auto keeping = quiet(4);
  keeping.idle_timeout = 10min;
  keeping.min_idle = 2;
  PoolFixture f(keeping);
  fill(f, 3);
  EXPECT_TRUE(f.opening(0));
  f.pool->look_after();
  f.clock.advance(10min);
  f.pool->look_after();
  EXPECT_EQ(f.pool->stats().idle, 2U);
  const auto a = f.take();
  f.pool->look_after();
  EXPECT_TRUE(eventually([&] { return f.pool->stats().idle == 2; }));
  EXPECT_EQ(f.pool->stats().open(), 3U);
}

TEST(PoolUpkeep, MinIdleOpensNothingBeforeTheFirstUse) {
  auto keeping = quiet(4);
  keeping.min_idle = 2;
  const PoolFixture f(keeping);
  f.pool->look_after();
  EXPECT_EQ(f.pool->stats().opening, 0U);
  EXPECT_EQ(f.server.attempts(), 0U);
}

TEST(PoolUpkeep, MaxLifetimeClosesIdleConnectionsAndLeasedOnesWhenTheyComeBack) {
  auto aging = quiet(2);
  aging.max_lifetime = 30min;
  PoolFixture f(aging);
  auto leased = f.take();
  { const auto idle = f.take(); }
  f.clock.advance(26min);
  f.pool->look_after();
  EXPECT_EQ(f.server.open(), 2U) << "at most a tenth earlier";
  f.clock.advance(4min);
  f.pool->look_after();
  EXPECT_TRUE(f.open(1));
  EXPECT_TRUE(leased->is_open());
  leased = {};
  EXPECT_EQ(f.pool->stats().open(), 0U) << "at once, not at the next look";
  EXPECT_TRUE(f.open(0));
  EXPECT_EQ(f.pool->stats().closed, 2U);
  EXPECT_EQ(id_of(f.take()), 3U);
  EXPECT_EQ(f.pool->stats().idle, 1U) << "it is young";
}

TEST(PoolUpkeep, KeepaliveSendsAQueryOnSilentConnections) {
  auto pinging = quiet(1);
  pinging.keepalive = 1min;
  PoolFixture f(pinging);
  fill(f, 1);
  f.pool->look_after();
  f.clock.advance(59s);
  f.pool->look_after();
  EXPECT_THAT(f.server.statements(), IsEmpty());
  f.clock.advance(1s);
  f.pool->look_after();
  EXPECT_TRUE(eventually([&] { return f.server.statements().size() == 1; }));
  EXPECT_TRUE(eventually([&] { return bool(f.take_idle()); }));
  EXPECT_THAT(f.server.statements(), ElementsAre("SELECT 1"));
  f.pool->look_after();
  f.clock.advance(59s);
  f.pool->look_after();
  EXPECT_EQ(f.pool->stats().idle, 1U);
  EXPECT_TRUE(f.take_idle()) << "the use was heard";
}

TEST(PoolUpkeep, KeepaliveIsNotAUse) {
  auto pinging = quiet(1);
  pinging.keepalive = 1min;
  pinging.idle_timeout = 90s;
  PoolFixture f(pinging);
  fill(f, 1);
  f.pool->look_after();
  f.clock.advance(1min);
  f.pool->look_after();
  EXPECT_TRUE(eventually([&] { return f.server.statements().size() == 1; }));
  f.clock.advance(30s);
  EXPECT_TRUE(eventually([&] {
    f.pool->look_after();
    return f.pool->stats().open() == 0;
  }));
}

TEST(PoolUpkeep, KeepaliveFindsDeadConnections) {
  auto pinging = quiet(1);
  pinging.keepalive = 1min;
  PoolFixture f(pinging);
  fill(f, 1);
  f.pool->look_after();
  f.server.lose_connections();
  f.clock.advance(1min);
  f.pool->look_after();
  EXPECT_TRUE(f.open(0));
}

TEST(PoolUpkeep, VerifyIdleChecksBeforeUse) {
  auto verifying = quiet(1);
  verifying.verify_idle = 30s;
  PoolFixture f(verifying);
  fill(f, 1);
  f.pool->look_after();
  f.clock.advance(29s);
  f.pool->look_after();
  fill(f, 1);
  EXPECT_THAT(f.server.statements(), IsEmpty());
  f.pool->look_after();
  f.clock.advance(30s);
  f.pool->look_after();
  EXPECT_FALSE(f.take_idle());
  fill(f, 1);
  EXPECT_THAT(f.server.statements(), ElementsAre("SELECT 1"));
  EXPECT_TRUE(f.take_idle()) << "once is enough";
  f.pool->look_after();
  f.clock.advance(29s);
  f.pool->look_after();
  EXPECT_TRUE(f.take_idle()) << "it was in use a short while ago";
}

TEST(PoolUpkeep, VerifyIdleReplacesWhatIsDead) {
  auto verifying = quiet(2);
  verifying.verify_idle = 30s;
  PoolFixture f(verifying);
  fill(f, 2);
  f.pool->look_after();
  f.clock.advance(30s);
  f.pool->look_after();
  f.server.lose_connections();
  EXPECT_EQ(id_of(f.take()), 3U);
  EXPECT_TRUE(f.open(1)) << "the other one was silent for as long";
}

TEST(PoolUpkeep, VerifyIdleOfZeroChecksBeforeEveryUse) {
  auto verifying = quiet(1);
  verifying.verify_idle = 0ms;
  PoolFixture f(verifying);
  fill(f, 1);
  fill(f, 1);
  EXPECT_THAT(f.server.statements(), ElementsAre("SELECT 1", "SELECT 1"));
}

TEST(PoolUpkeep, LeakIsToldOnceWithItsPlaceAndWhenItEnds) {
  auto watching = quiet(1);
  watching.leak_threshold = 1min;
  PoolFixture f(watching);
  auto lease = f.take(blocking(), CallSite{"orders.cpp", 17});
  f.pool->look_after();
  f.clock.advance(59s);
  f.pool->look_after();
  EXPECT_THAT(f.events.lines(), IsEmpty());
  f.clock.advance(1s);
  f.pool->look_after();
  f.pool->look_after();
  EXPECT_THAT(f.events.lines(),
              ElementsAre("pool.leak node=db/writer place=orders.cpp:17 held_ms=60000"));
  f.clock.advance(1min);
  lease = {};
  EXPECT_EQ(f.events.lines().back(),
            "pool.leak_ended node=db/writer place=orders.cpp:17 held_ms=120000");
  EXPECT_EQ(f.events.lines().size(), 2U);
  EXPECT_TRUE(f.take_idle()) << "the fast way is open again";
  EXPECT_EQ(f.events.lines().size(), 2U);
}

TEST(PoolUpkeep, LeaseIsNotALeakBecauseThereWereManyOnTheSameConnection) {
  auto watching = quiet(1);
  watching.leak_threshold = 1min;
  PoolFixture f(watching);
  for (int i = 0; i < 5; ++i) {
    const auto lease = f.take();
    f.pool->look_after();
    f.clock.advance(40s);
    f.pool->look_after();
  }
  EXPECT_THAT(f.events.lines(), IsEmpty());
}

TEST(PoolUpkeep, HappensByItself) {
  auto closing = quiet(1);
  closing.idle_timeout = 40ms;  // so it looks every 10 ms
  PoolFixture f(closing);
  fill(f, 1);
  EXPECT_TRUE(eventually([&] {
    f.clock.advance(10ms);
    return f.server.open() == 0;
  }));
}

TEST(PoolUpkeep, LongestLeakThresholdIsNeverReached) {
  auto watching = quiet(1);
  watching.leak_threshold = std::chrono::milliseconds::max();
  PoolFixture f(watching);
  const auto lease = f.take();
  f.pool->look_after();
  f.clock.advance(1h);
  f.pool->look_after();
  EXPECT_THAT(f.events.lines(), IsEmpty());
}

TEST(PoolUpkeep, KeepaliveProvesAConnection) {
  auto pinging = quiet(1);
  pinging.verify_idle = 30s;
  pinging.keepalive = 1min;
  PoolFixture f(pinging);
  fill(f, 1);
  f.pool->look_after();
  f.clock.advance(30s);
  f.pool->look_after();
  EXPECT_FALSE(f.take_idle());
  f.clock.advance(30s);
  f.pool->look_after();
  EXPECT_TRUE(eventually([&] { return bool(f.take_idle()); }));
  EXPECT_THAT(f.server.statements(), ElementsAre("SELECT 1"));
}

TEST(PoolUpkeep, CallersOwnDeadlineSaysNothingAboutOtherConnections) {
  auto verifying = quiet(2);
  verifying.verify_idle = 30s;
  PoolFixture f(verifying);
  fill(f, 2);
  f.pool->look_after();
  f.clock.advance(30s);
  f.pool->look_after();
  f.server.answering.shut();
  EXPECT_EQ(f.refusal(blocking(10ms)), Errc::unavailable);
  EXPECT_EQ(f.server.open(), 1U);
  EXPECT_EQ(f.server.attempts(), 2U);
}

}  // namespace
}  // namespace grant
