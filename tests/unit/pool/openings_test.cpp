#include "pool/openings.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace grant::detail {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{1h};

/// So many wait, and nothing is open.
Demand waiting(const Openings& openings, std::size_t count, std::size_t max_size = 10) {
  Demand demand;
  demand.max_size = max_size;
  demand.opening = openings.under_way();
  demand.wished = openings.wished();
  demand.waiting = count;
  return demand;
}

std::shared_ptr<const ErrorInfo> failure() { return std::make_shared<const ErrorInfo>(); }

TEST(Openings, ThatArePlannedAreUnderWay) {
  Openings openings;
  EXPECT_EQ(openings.plan(waiting(openings, 2), kNow).start, 2U);
  EXPECT_EQ(openings.under_way(), 2U);
  EXPECT_EQ(openings.plan(waiting(openings, 2), kNow).start, 0U) << "they are coming";
  EXPECT_EQ(openings.plan(waiting(openings, 3), kNow).start, 1U);
}

TEST(Openings, EndOneByOne) {
  Openings openings;
  Dice dice(1);
  EXPECT_EQ(openings.plan(waiting(openings, 3), kNow).start, 3U);
  openings.succeeded(1, 10);
  openings.failed(failure(), false, 1, 200ms, kNow, dice);
  openings.given_up();
  EXPECT_EQ(openings.under_way(), 0U);
  EXPECT_EQ(openings.successes(), 1U);
  EXPECT_EQ(openings.failures(), 1U);
}

TEST(Openings, SayWhenToTryAgainAfterAFailure) {
  Openings openings;
  Dice dice(1);
  EXPECT_EQ(openings.plan(waiting(openings, 1), kNow).start, 1U);
  openings.failed(failure(), false, 0, 50ms, kNow, dice);
  const auto pause = openings.plan(waiting(openings, 1), kNow);
  EXPECT_EQ(pause.start, 0U);
  EXPECT_GT(pause.again, kNow);
  EXPECT_LE(pause.again, kNow + 50ms);
  EXPECT_EQ(openings.plan(waiting(openings, 0), kNow).again, kNever) << "nobody wants one";
  EXPECT_EQ(openings.plan(waiting(openings, 1), pause.again).start, 1U);
}

TEST(Openings, KnowTheLastFailureUntilOneSucceeds) {
  Openings openings;
  Dice dice(1);
  EXPECT_EQ(openings.plan(waiting(openings, 2), kNow).start, 2U);
  EXPECT_EQ(openings.failure(), nullptr);
  const auto told = failure();
  openings.failed(told, false, 0, 0ms, kNow, dice);
  EXPECT_EQ(openings.failure(), told);
  openings.succeeded(1, 10);
  EXPECT_EQ(openings.failure(), nullptr);
}

TEST(Openings, AreWishedUntilOneFails) {
  Openings openings;
  Dice dice(1);
  openings.wish(2);
  EXPECT_EQ(openings.plan(waiting(openings, 0), kNow).start, 2U);
  openings.failed(failure(), false, 0, 0ms, kNow, dice);
  EXPECT_EQ(openings.wished(), 0U);
}

TEST(Openings, OfAFullServerAreTriedOneAtATime) {
  Openings openings;
  Dice dice(1);
  EXPECT_EQ(openings.plan(waiting(openings, 1), kNow).start, 1U);
  openings.failed(failure(), true, 3, 10ms, kNow, dice);
  auto demand = waiting(openings, 5);
  demand.open = 3;
  EXPECT_EQ(openings.plan(demand, kNow + 10s).start, 1U);
}

}  // namespace
}  // namespace grant::detail
