#include "grant/pool/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

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
using test::with_timeout;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(PoolTimeouts, CheckoutTimeoutEndsTheWaitByTheMachinesClock) {
  const PoolFixture f(with_timeout(1, 10ms));  // on a clock that stands still
  const auto held = f.take();
  EXPECT_EQ(f.refusal(), Errc::pool_timeout);
  const auto stats = f.pool->stats();
  EXPECT_EQ(stats.waiting, 0U);
  EXPECT_EQ(stats.timeouts, 1U);
}

TEST(PoolTimeouts, ZeroNeverWaits) {
  const PoolFixture f(with_timeout(1, 0ms));
  const auto began = Clock::system().now();
  {
    const auto held = f.take();
    EXPECT_EQ(f.refusal(), Errc::pool_timeout);
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
  EXPECT_TRUE(f.opening(0));
}

TEST(PoolTimeouts, ZeroLeavesTimeForOpeningsThatNoCallerWaitsFor) {
  auto warm = with_timeout(1, 0ms);
  warm.initial_size = 1;
  PoolFixture f(warm);
  f.server.connecting.shut();
  std::thread warms([&] { EXPECT_NO_THROW(run(f.pool->warm_up(blocking()))); });
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 1; }));
  f.server.connecting.open();
  warms.join();
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
  PoolFixture f(options(1));
  auto held = f.take();
  std::thread waits([&] {
    EXPECT_EQ(error_of([&] { return f.take(blocking(200ms)); }).code, Errc::pool_timeout);
  });
  EXPECT_TRUE(f.waiting(1));
  f.server.connecting.shut();
  f.server.break_connections();
  held = {};
  waits.join();
  f.server.connecting.open();
  EXPECT_TRUE(f.opening(0));
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
  EXPECT_EQ(f.pool->stats().timeouts, 0U) << "nothing says that the pool is too small";
}

/// Two callers come to an empty pool of one; the first gets the connection that is opened.
ErrorInfo error_of_the_second(PoolFixture& f, bool connection_is_lost) {
  f.server.connecting.shut();
  std::optional<Lease> first;
  std::thread gets([&] { first = f.take(); });
  EXPECT_TRUE(f.waiting(1));
  ErrorInfo error;
  std::thread waits([&] { error = error_of([&] { return f.take(blocking(300ms)); }); });
  EXPECT_TRUE(f.waiting(2));
  f.server.connecting.open();
  gets.join();
  f.server.connecting.shut();
  if (connection_is_lost) {
    f.server.break_connections();
    first.reset();
  }
  waits.join();
  first.reset();
  f.server.connecting.open();
  return error;
}

TEST(PoolTimeouts, ConnectionThatOpenedMeanwhileClearsTheNode) {
  PoolFixture f(options(1));
  EXPECT_EQ(error_of_the_second(f, false).code, Errc::pool_timeout);
}

TEST(PoolTimeouts, ConnectionThatOpenedAndWasLostMeanwhileClearsTheNode) {
  PoolFixture f(options(1));
  EXPECT_EQ(error_of_the_second(f, true).code, Errc::pool_timeout);
}

TEST(PoolTimeouts, DeadlineOfTheCallCountsWhereItIsSooner) {
  const PoolFixture f(with_timeout(1, 1h));
  const auto held = f.take();
  EXPECT_EQ(f.refusal(blocking(10ms)), Errc::pool_timeout);
}

TEST(PoolTimeouts, MessageTellsWhoHoldsWhatForHowLong) {
  PoolFixture f(options(2));
  const auto a = f.take();
  f.pool->look_after();
  f.clock.advance(90s);
  const auto b = f.take();
  f.clock.advance(10s);
  std::thread other([&] { EXPECT_EQ(error_of([&] { return f.take(); }).code, Errc::closed); });
  EXPECT_TRUE(f.waiting(1));
  ErrorInfo error;
  std::thread([&] { error = error_of([&] { return f.take(blocking(1ms)); }); }).join();
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

TEST(PoolTimeouts, DeadlineThatHasPassedIsToldAsNoTime) {
  const PoolFixture f(options(1));
  const auto held = f.take();
  ErrorInfo error;
  std::thread([&] { error = error_of([&] { return f.take(blocking(-5s)); }); }).join();
  EXPECT_EQ(error.code, Errc::pool_timeout);
  EXPECT_THAT(error.message, HasSubstr("no connection within 0 ms"));
}

TEST(PoolTimeouts, RefusalAtOnceDoesNotClaimToHaveWaited) {
  auto refusing = with_timeout(1, 0ms);
  refusing.retry_delay = 1h;  // the pause is as long as it gets
  PoolFixture f(refusing);
  f.server.refuse_connects(Errc::unavailable);
  EXPECT_EQ(f.refusal(), Errc::unavailable);
  const auto error = error_of([&] { return f.take(); });
  EXPECT_THAT(error.message, HasSubstr("no connection could be opened within"));
  EXPECT_THAT(error.message, Not(HasSubstr("within 59"))) << "which would take a minute";
}

TEST(PoolTimeouts, ZeroDoesNotQueueAfterAnOpeningThatFailed) {
  PoolFixture f(with_timeout(2, 0ms));
  const auto held = f.take();
  f.server.refuse_connects(Errc::configuration);
  EXPECT_EQ(f.refusal(blocking(10s)), Errc::configuration);
}

TEST(PoolTimeouts, ZeroDoesNotWaitForASuspendedPool) {
  const PoolFixture f(with_timeout(1, 0ms));
  { const auto idle = f.take(); }
  f.pool->suspend();
  const auto error = error_of([&] { return f.take(blocking(10s)); });
  EXPECT_THAT(error.message, HasSubstr("as the pool is suspended"));
  EXPECT_THAT(error.message, Not(HasSubstr("within 99"))) << "which would take ten seconds";
}

TEST(PoolTimeouts, OpeningThatBeganTooLateIsNotTheServersFault) {
  PoolFixture f(with_timeout(1, 200ms));
  auto held = f.take();
  test::Log log;
  io::PollLoop loop;
  loop.spawn(test::take_and_note(*f.pool, io::Call(loop), log, "waits"));
  f.server.connecting.shut();
  f.pool->drop_connections();
  held = {};
  EXPECT_TRUE(eventually([&] { return f.pool->stats().failed == 1; }));
  loop.run();
  EXPECT_THAT(log.lines(), ElementsAre("waits pool_timeout"));
}

}  // namespace
}  // namespace grant
