#include "pool/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <limits>
#include <set>

#include "support/seed.hpp"

namespace grant::detail {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr TimePoint kNow{1h};

Demand demand(std::size_t max_size, std::size_t open, std::size_t opening, std::size_t waiting) {
  Demand demand;
  demand.max_size = max_size;
  demand.open = open;
  demand.opening = opening;
  demand.waiting = waiting;
  return demand;
}

TEST(Waits, BlameTheNodeOnlyIfNothingWasEverOpen) {
  for (const bool before : {false, true}) {
    for (const bool since : {false, true}) {
      for (const bool now : {false, true}) {
        for (const bool suspended : {false, true}) {
          const FruitlessWait wait{before, since, now, suspended};
          EXPECT_EQ(blames_node(wait), !before && !since && !now && !suspended)
              << before << since << now << suspended;
        }
      }
    }
  }
}

TEST(Openings, AreAsManyAsThereAreCallersWhomNoneCovers) {
  EXPECT_EQ(openings_now(demand(10, 0, 0, 3), {}, kNow), 3U);
  EXPECT_EQ(openings_now(demand(10, 0, 2, 3), {}, kNow), 1U);
  EXPECT_EQ(openings_now(demand(10, 0, 3, 3), {}, kNow), 0U);
  auto some_idle = demand(10, 2, 0, 3);
  some_idle.idle = 2;
  EXPECT_EQ(openings_now(some_idle, {}, kNow), 1U);
}

TEST(Openings, NeverExceedMaxSize) {
  EXPECT_EQ(openings_now(demand(4, 2, 1, 9), {}, kNow), 1U);
  EXPECT_EQ(openings_now(demand(4, 3, 1, 9), {}, kNow), 0U);
  EXPECT_EQ(openings_now(demand(2, 4, 0, 9), {}, kNow), 0U) << "after it was made smaller";
}

TEST(Openings, AreAtMostEightAtATime) {
  EXPECT_EQ(openings_now(demand(99, 0, 0, 50), {}, kNow), 8U);
  EXPECT_EQ(openings_now(demand(99, 0, 5, 50), {}, kNow), 3U);
}

TEST(Openings, KeepMinIdleBesideThoseWhoWait) {
  auto keeping = demand(10, 3, 0, 1);
  keeping.min_idle = 2;
  EXPECT_EQ(openings_now(keeping, {}, kNow), 3U);
  keeping.waiting = 0;
  keeping.idle = 2;
  EXPECT_EQ(openings_now(keeping, {}, kNow), 0U);
}

TEST(Openings, AreNotWantedForMinIdleInPlaceOfWhatIsChecked) {
  auto keeping = demand(10, 1, 0, 0);
  keeping.min_idle = 1;
  keeping.in_care = 1;
  EXPECT_EQ(openings_now(keeping, {}, kNow), 0U);
  keeping.waiting = 1;
  EXPECT_EQ(openings_now(keeping, {}, kNow), 1U) << "who waits does not wait for that";
}

TEST(Openings, AreNotMadeFewerByAMinIdleBeyondAllBounds) {
  auto keeping = demand(10, 1, 0, 1);
  keeping.min_idle = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(openings_now(keeping, {}, kNow), 8U);
}

TEST(Openings, ReachTheSizeThatIsWished) {
  auto wishing = demand(10, 1, 1, 0);
  wishing.wished = 5;
  EXPECT_EQ(openings_now(wishing, {}, kNow), 3U);
}

TEST(Openings, GoOneByOneAfterAFailureAndNotBeforeThePause) {
  Dice dice(1);
  const auto pacing = after_failure({}, 1, false, 200ms, kNow, dice);
  EXPECT_GE(pacing.not_before, kNow + 100ms);
  EXPECT_LE(pacing.not_before, kNow + 200ms);
  EXPECT_EQ(openings_now(demand(9, 1, 0, 5), pacing, kNow), 0U);
  EXPECT_EQ(openings_now(demand(9, 1, 0, 5), pacing, pacing.not_before), 1U);
  EXPECT_EQ(openings_now(demand(9, 1, 1, 5), pacing, pacing.not_before), 0U);
  EXPECT_EQ(openings_now(demand(9, 2, 0, 5), after_success(pacing, 2, 9), kNow), 5U);
}

TEST(Openings, PauseDoublesUpToTenSecondsWhileOthersAreOpen) {
  Dice dice(1);
  Pacing pacing;
  std::vector<Duration> longest;
  for (const auto limit : {200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 10'000ms, 10'000ms}) {
    pacing = after_failure(pacing, 1, false, 200ms, kNow, dice);
    EXPECT_LE(pacing.not_before, kNow + limit);
    EXPECT_GE(pacing.not_before, kNow + limit / 2);
  }
}

TEST(Openings, PauseIsShortForThoseWhoHaveNothingElseToWaitFor) {
  Dice dice(1);
  Pacing pacing;
  auto minding = demand(9, 0, 0, 0);
  minding.min_idle = 2;
  auto wishing = demand(9, 0, 0, 0);
  wishing.wished = 2;
  for (int i = 0; i < 20; ++i) {
    pacing = after_failure(pacing, 1, false, 5s, kNow, dice);
    EXPECT_LE(next_opening(demand(9, 0, 0, 1), pacing), kNow + 100ms);
    EXPECT_GE(next_opening(demand(9, 0, 0, 1), pacing), kNow + 50ms);
    EXPECT_LE(next_opening(wishing, pacing), kNow + 100ms);
    EXPECT_GE(next_opening(minding, pacing), kNow + 2500ms) << "nobody is in need";
    EXPECT_GE(next_opening(demand(9, 1, 0, 1), pacing), kNow + 2500ms);
    EXPECT_GE(next_opening(demand(9, 0, 1, 1), pacing), kNow + 2500ms);
  }
  EXPECT_EQ(next_opening(wishing, after_failure({}, 0, false, 0ms, kNow, dice)), kNow);
  EXPECT_EQ(openings_now(wishing, after_success(pacing, 1, 9), kNow), 2U);
}

TEST(Openings, PausesDifferFromPoolToPool) {
  std::set<TimePoint> ends;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Dice dice(seed * 7919);
    ends.insert(after_failure({}, 1, false, 10s, kNow, dice).not_before);
  }
  EXPECT_GT(ends.size(), 15U);
}

TEST(Openings, AFullServerShrinksTheWishWhichGrowsOneByOne) {
  Dice dice(1);
  auto pacing = after_failure({}, 5, true, 200ms, kNow, dice);
  EXPECT_EQ(pacing.cap, 5U);
  const auto later = pacing.not_before;
  EXPECT_EQ(openings_now(demand(20, 5, 0, 9), pacing, later), 1U) << "only trying tells";
  pacing = after_success(pacing, 6, 20);
  EXPECT_EQ(pacing.cap, 6U);
  EXPECT_EQ(openings_now(demand(20, 6, 0, 9), pacing, later), 1U);
  EXPECT_EQ(openings_now(demand(20, 6, 1, 9), pacing, later), 0U);
  pacing = after_success(pacing, 20, 20);
  EXPECT_EQ(pacing.cap, Pacing::kNoCap);
}

TEST(Openings, AFullServerIsAskedForOneAtLeast) {
  Dice dice(1);
  const auto pacing = after_failure({}, 0, true, 200ms, kNow, dice);
  EXPECT_EQ(openings_now(demand(20, 0, 0, 9), pacing, pacing.not_before), 1U);
}

TEST(Queue, IsRacedForOnlyWhileWaitsAndHoldsAreShort) {
  EXPECT_TRUE(may_be_raced_for(999us, 49us));
  EXPECT_FALSE(may_be_raced_for(1ms, 0us));
  EXPECT_FALSE(may_be_raced_for(0us, 50us));
  EXPECT_TRUE(may_be_overtaken(999us));
  EXPECT_FALSE(may_be_overtaken(1ms));
}

TEST(Lifetime, EndsUpToATenthEarlier) {
  std::set<TimePoint> ends;
  for (unsigned seed = 1; seed <= 50; ++seed) {
    Dice dice(seed * 7919);
    const auto end = expiry(100min, kNow, dice);
    EXPECT_LE(end, kNow + 100min);
    EXPECT_GE(end, kNow + 90min);
    ends.insert(end);
  }
  EXPECT_GT(ends.size(), 40U);
  Dice dice(1);
  EXPECT_EQ(expiry(0ms, kNow, dice), kNever);
  EXPECT_EQ(expiry(std::chrono::milliseconds::max(), kNow, dice), kNever);
}

TEST(Retry, PausesForRetryDelayAndUpToHalfAsMuchMore) {
  Dice dice(1);
  for (int i = 0; i < 50; ++i) {
    const auto pause = pause_before_retry(200ms, dice);
    EXPECT_GE(pause, 200ms);
    EXPECT_LE(pause, 300ms);
  }
  EXPECT_EQ(pause_before_retry(0ms, dice), 0ms);
}

PoolOptions caring() {
  PoolOptions options;
  options.max_size = 10;
  options.idle_timeout = 10min;
  options.keepalive = 2min;
  options.verify_idle = 30s;
  return options;
}

TEST(CareFor, DoesWhatTheLongestReachedLimitSays) {
  const IdleConnection idle[] = {{1s, 1s}, {30s, 30s}, {2min, 2min}, {10min, 10s}, {1s, 1s, true}};
  EXPECT_THAT(care_for(idle, 5, caring()), ElementsAre(Care::none, Care::verify_before_use,
                                                       Care::ping, Care::close, Care::close));
}

TEST(CareFor, KeepsMinIdleAndClosesTheLaterOnesFirst) {
  auto options = caring();
  options.min_idle = 1;
  options.keepalive = 0ms;
  options.verify_idle = 1h;
  const IdleConnection idle[] = {{11min, 0s}, {12min, 0s}, {11min, 0s}};
  EXPECT_THAT(care_for(idle, 3, options), ElementsAre(Care::none, Care::close, Care::close));
}

TEST(CareFor, ExpiredOnesDoNotCountAsKept) {
  auto options = caring();
  options.min_idle = 1;
  const IdleConnection idle[] = {{11min, 0s, true}, {11min, 0s}};
  EXPECT_THAT(care_for(idle, 2, options), ElementsAre(Care::close, Care::none));
}

TEST(CareFor, ClosesWhatIsBeyondMaxSize) {
  auto options = caring();
  options.max_size = 3;
  const IdleConnection idle[] = {{}, {}, {}};
  EXPECT_THAT(care_for(idle, 5, options), ElementsAre(Care::none, Care::close, Care::close));
  EXPECT_THAT(care_for(idle, 9, options), ElementsAre(Care::close, Care::close, Care::close));
}

TEST(LookInterval, IsAQuarterOfTheShortestLimitWithinBounds) {
  PoolOptions options;
  EXPECT_EQ(look_interval(options), 1s);
  options.leak_threshold = 2s;
  EXPECT_EQ(look_interval(options), 500ms);
  options.keepalive = 1ms;
  EXPECT_EQ(look_interval(options), 10ms);
}

TEST(CareFor, LongestLimitsAreNeverReached) {
  PoolOptions options;
  options.idle_timeout = options.max_lifetime = options.keepalive = options.verify_idle =
      options.leak_threshold = std::chrono::milliseconds::max();
  const IdleConnection idle[] = {{1h, 1h}};
  EXPECT_THAT(care_for(idle, 1, options), ElementsAre(Care::none));
  EXPECT_EQ(look_interval(options), 1s);
}

/// A pool and its server over hours of virtual time: callers come at random, openings take their
/// time and may fail, connections break.
class Model {
 public:
  explicit Model(Dice dice) : dice_(dice) {
    max_size_ = 1 + roll(20);
    server_takes_ = 1 + roll(30);
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      now_ += std::chrono::milliseconds(1 + roll(2'000));
      step();
    }
    // In the end the server is well: everybody is served within some pauses.
    well_ = true;
    server_takes_ = max_size_;
    for (int i = 0; i < 200 && waiting_ > 0; ++i) {
      now_ += 10s;
      leased_ = 0;
      finish_openings();
      plan();
    }
    EXPECT_EQ(waiting_, 0U);
  }

  [[nodiscard]] Duration elapsed() const { return now_ - kNow; }

 private:
  std::size_t roll(std::size_t below) { return dice_() % below; }

  [[nodiscard]] Demand seen() const {
    auto seen = demand(max_size_, open_, openings_.size(), waiting_);
    seen.idle = open_ - leased_;
    return seen;
  }

  void step() {
    if (roll(50) == 0) well_ = !well_;
    if (roll(50) == 0) max_size_ = 1 + roll(20);
    waiting_ += roll(4);
    leased_ -= std::min(leased_, roll(4));
    if (open_ > leased_ && roll(20) == 0) --open_;
    serve();
    finish_openings();
    plan();
    waiting_ -= std::min(waiting_, roll(3));  // some give up
  }

  void serve() {
    while (waiting_ > 0 && leased_ < open_) {
      --waiting_;
      ++leased_;
    }
  }

  void plan() {
    serve();
    const auto before = seen();
    const auto count = openings_now(before, pacing_, now_);
    EXPECT_LE(count, wanted(before));
    if (count > 0) {
      EXPECT_LE(before.open + before.opening + count, max_size_);
      EXPECT_GE(now_, next_opening(before, pacing_));
    }
    for (std::size_t i = 0; i < count; ++i) {
      openings_.push_back(now_ + std::chrono::milliseconds(1 + roll(3'000)));
    }
    EXPECT_LE(openings_.size(), 8U);
  }

  void finish_openings() {
    const auto due = std::erase_if(openings_, [this](TimePoint end) { return end <= now_; });
    for (std::size_t i = 0; i < due; ++i) {
      const bool full = open_ >= server_takes_;
      if (well_ && !full) {
        ++open_;
        pacing_ = after_success(pacing_, open_, max_size_);
      } else {
        pacing_ = after_failure(pacing_, open_, well_ && full, 200ms, now_, dice_);
        EXPECT_LE(pacing_.not_before, now_ + 10s);
        if (open_ + openings_.size() == 0) waiting_ = 0;  // all of them are told
      }
    }
    serve();
  }

  Dice dice_;
  TimePoint now_ = kNow;
  std::size_t max_size_;
  std::size_t server_takes_;
  std::size_t open_ = 0;
  std::size_t leased_ = 0;
  std::size_t waiting_ = 0;
  std::deque<TimePoint> openings_;
  Pacing pacing_;
  bool well_ = true;
};

TEST(PolicyModel, HoldsItsBoundsAndServesEverybodyOverHoursOfVirtualTime) {
  const test::Seed seed;
  Duration elapsed{};
  for (unsigned part = 0; part < 200; ++part) {
    SCOPED_TRACE(part);
    Model model(seed.dice(part));
    model.run(1'000);
    elapsed += model.elapsed();
  }
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(elapsed).count();
  RecordProperty("virtual_hours", std::to_string(hours));
  EXPECT_GT(hours, 24);
}

}  // namespace
}  // namespace grant::detail
