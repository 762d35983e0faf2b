#include "grant/core/clock.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "grant/testing/fake_clock.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;

TEST(After, AddsASpan) {
  const TimePoint start(1h);
  EXPECT_EQ(after(start, 5s), start + 5s);
  EXPECT_EQ(after(start, -5s), start - 5s);
}

TEST(After, StaysAtNeverWhereTheSumWouldOverflow) {
  EXPECT_EQ(after(TimePoint(1h), Duration::max()), kNever);
  EXPECT_EQ(after(TimePoint(1h), std::chrono::milliseconds::max()), kNever);
  EXPECT_EQ(after(TimePoint(1h), std::chrono::hours::max()), kNever);
  EXPECT_EQ(after(kNever, 1s), kNever);
  EXPECT_EQ(after(kNever - 1s, 1s), kNever);
  EXPECT_LT(after(kNever - 2s, 1s), kNever);
}

TEST(SystemClock, DoesNotGoBack) {
  const auto first = Clock::system().now();
  EXPECT_GE(Clock::system().now(), first);
  EXPECT_GT(Clock::system().wall_time(), Timestamp(std::chrono::hours(24 * 365 * 50)));
}

TEST(FakeClock, StandsStillUntilAdvanced) {
  testing::FakeClock clock;
  const auto now = clock.now();
  const auto wall = clock.wall_time();
  EXPECT_EQ(clock.now(), now);
  clock.advance(1500ms);
  EXPECT_EQ(clock.now(), now + 1500ms);
  EXPECT_EQ(clock.wall_time(), wall + 1500ms);
}

TEST(FakeClock, SetsTheWallClockAlone) {
  testing::FakeClock clock;
  const auto now = clock.now();
  const auto wall = clock.wall_time();
  clock.step_wall_time(-1h);
  EXPECT_EQ(clock.now(), now);
  EXPECT_EQ(clock.wall_time(), wall - 1h);
}

TEST(FakeClock, MayBeAdvancedByManyThreads) {
  testing::FakeClock clock;
  const auto now = clock.now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&clock] {
      for (int step = 0; step < 1'000; ++step) clock.advance(1us);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(clock.now(), now + 4ms);
}

TEST(Saturated, StaysAtTheLongestSpan) {
  using std::chrono::milliseconds;
  EXPECT_EQ(saturated(milliseconds(5)), milliseconds(5));
  EXPECT_EQ(saturated(milliseconds(-5)), milliseconds(-5));
  EXPECT_EQ(saturated(milliseconds::max()), Duration::max());
  EXPECT_EQ(saturated(std::chrono::hours::max()), Duration::max());
}

}  // namespace
}  // namespace grant
