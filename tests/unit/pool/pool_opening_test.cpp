#include "grant/pool/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using test::Nowhere;
using test::options;
using test::PoolFixture;
using test::take_and_note;
using test::with_timeout;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(PoolOpening, FailurePassesOnWhatTheDriverSaid) {
  PoolFixture f(options(1));
  f.server.refuse_connects(Errc::configuration);
  EXPECT_THROW(f.take(), ConfigurationError);
  EXPECT_EQ(f.pool->stats().opening, 0U);
}

TEST(PoolOpening, FailureEndsEveryWaitWhenNothingElseIsComing) {
  PoolFixture f(options(1));
  f.server.connecting.shut();
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i <= 3; ++i) {
    threads.emplace_back([&] { EXPECT_THROW(f.take(), Unavailable); });
    EXPECT_TRUE(f.waiting(i));
  }
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 1; }));
  f.server.refuse_connects(Errc::unavailable, 1);
  f.server.connecting.open();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(f.server.attempts(), 1U);
  EXPECT_EQ(f.pool->stats().failed, 1U);
  EXPECT_EQ(id_of(f.take()), 1U);
}

TEST(PoolOpening, FailureLeavesThoseWaitingWhomAReturnMayServe) {
  PoolFixture f(options(2));
  auto held = f.take();
  f.server.refuse_connects(Errc::unavailable);
  std::thread waits([&] { EXPECT_EQ(id_of(f.take()), 1U); });
  EXPECT_TRUE(eventually([&] { return f.pool->stats().failed > 0; }));
  EXPECT_EQ(f.pool->stats().waiting, 1U);
  held = {};
  waits.join();
}

TEST(PoolOpening, FailureIsTriedAgainForThoseWhoStillWait) {
  PoolFixture f(options(2));
  const auto held = f.take();
  f.server.refuse_connects(Errc::unavailable, 2);
  std::thread waits([&] { EXPECT_EQ(id_of(f.take()), 2U); });
  waits.join();
  EXPECT_EQ(f.server.attempts(), 4U);
}

TEST(PoolOpening, LastFailureIsPartOfALaterTimeout) {
  PoolFixture f(options(2));
  const auto held = f.take();
  f.server.refuse_connects(Errc::unavailable);
  std::thread([&] {
    const auto error = error_of([&] { return f.take(blocking(100ms)); });
    EXPECT_EQ(error.code, Errc::pool_timeout);
    EXPECT_THAT(error.message, HasSubstr("the last try to open one: node \"db/writer\": "
                                         "connecting is refused"));
  }).join();
}

TEST(PoolOpening, SuccessEndsWhatFailuresBegan) {
  PoolFixture f(options(5));
  f.server.refuse_connects(Errc::unavailable, 1);
  EXPECT_THROW(f.take(), Unavailable);
  const auto held = f.take();
  const auto error = error_of([&] {
    f.pool->suspend();
    static_cast<void>(f.take(blocking(1ms)));
  });
  EXPECT_THAT(error.message, Not(HasSubstr("the last try to open one")));
  f.pool->resume();
  f.server.connecting.shut();
  const test::Sleeper first(*f.pool);
  const test::Sleeper second(*f.pool);
  EXPECT_EQ(f.pool->stats().opening, 2U) << "not one by one any more";
  f.server.connecting.open();
}

TEST(PoolOpening, FullServerIsNotRetriedWhileAConnectionIsOpen) {
  auto retrying = options(3);
  retrying.retry_attempts = 5;
  for (const std::string sqlstate : {"53300", "08001"}) {
    PoolFixture f(retrying);
    auto held = f.take();
    f.server.refuse_connects(Errc::unavailable, 6, sqlstate);
    std::thread waits([&] { static_cast<void>(f.take()); });
    EXPECT_TRUE(eventually([&] { return f.pool->stats().failed == 1; }));
    if (sqlstate == "53300") {
      EXPECT_EQ(f.pool->stats().waiting, 1U);
      held = {};
    }
    waits.join();
    EXPECT_TRUE(f.opening(0));
    const auto tries = f.server.attempts() - f.server.opened();
    if (sqlstate == "53300") {
      EXPECT_EQ(tries, f.pool->stats().failed) << "one for each opening";
    } else {
      EXPECT_EQ(tries, 6U) << "all in one opening";
      EXPECT_EQ(f.pool->stats().failed, 1U);
    }
  }
}

TEST(PoolOpening, FullServerIsRetriedWhileNothingIsOpen) {
  auto retrying = options(3);
  retrying.retry_attempts = 2;
  PoolFixture f(retrying);
  f.server.refuse_connects(Errc::unavailable, 2, "53300");
  EXPECT_EQ(id_of(f.take()), 1U);
}

TEST(PoolOpening, IsCancelledByTheEndOfThePool) {
  PoolFixture f(with_timeout(1, 1h));
  f.server.connecting.shut();
  io::PollLoop loop;
  test::Log log;
  loop.spawn(take_and_note(*f.pool, io::Call(loop), log, "awaiting"));
  EXPECT_TRUE(eventually([&] { return f.server.connecting.held() == 1; }));
  f.pool.reset();  // would wait for an hour
  EXPECT_EQ(f.server.connecting.held(), 0U);
  loop.run();
  EXPECT_THAT(log.lines(), ElementsAre("awaiting closed"));
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

TEST(PoolOpening, LongPauseEndsWhenNothingIsOpenAnyMore) {
  auto pausing = with_timeout(2, 4s);
  pausing.retry_delay = 1h;
  PoolFixture f(pausing);
  auto held = f.take();
  f.server.refuse_connects(Errc::unavailable);
  EXPECT_EQ(f.refusal(blocking(10ms)), Errc::pool_timeout);
  EXPECT_TRUE(eventually([&] { return f.pool->stats().failed == 1; }));
  f.server.break_connections();
  held = {};
  f.server.refuse_connects(Errc::configuration);
  EXPECT_THROW(f.take(), ConfigurationError);
}

TEST(PoolWarmUp, LeavesNothingBehindWhenItIsDestroyed) {
  auto warm = options(2);
  warm.initial_size = 2;
  PoolFixture f(warm);
  Nowhere nowhere;
  f.server.connecting.shut();
  {
    const auto warms = f.pool->warm_up(io::Call(nowhere));
    auto awaiter = warms.operator co_await();
    EXPECT_FALSE(awaiter.await_ready());
  }
  f.server.connecting.open();
  EXPECT_TRUE(eventually([&] { return f.pool->stats().idle == 2; }));
  f.pool->drop_idle();
  EXPECT_EQ(f.pool->stats().opening, 0U);
}

}  // namespace
}  // namespace grant
