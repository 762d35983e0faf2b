#include "grant/cluster/health.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "support/error_of.hpp"
#include "support/memory_driver.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::observed;

constexpr TimePoint kStart{24h};
constexpr Timestamp kNoon = std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) + 12h;

ProbeResult answer(TimePoint at = kStart, Observation seen = observed(NodeKind::primary)) {
  ProbeResult probe;
  probe.at = at;
  probe.seen = std::move(seen);
  return probe;
}

ProbeResult failure(TimePoint at = kStart) {
  ProbeResult probe;
  probe.at = at;
  probe.error.code = Errc::unavailable;
  probe.error.message = "refused";
  return probe;
}

HealthCheckOptions thresholds(std::size_t failure, std::size_t recovery) {
  HealthCheckOptions options;
  options.failure_threshold = failure;
  options.recovery_threshold = recovery;
  return options;
}

/// What comes of a new record after these probes: '+' is an answer, '-' a failure.
bool healthy_after(std::string_view probes, const HealthCheckOptions& options) {
  HealthRecord record;
  for (const char c : probes)
    record = after_probe(record, c == '+' ? answer() : failure(), options);
  return record.healthy;
}

TEST(AfterProbe, FirstProbeDecidesAlone) {
  const auto options = thresholds(3, 3);
  EXPECT_FALSE(healthy_after("", options));
  EXPECT_TRUE(healthy_after("+", options));
  EXPECT_FALSE(healthy_after("-", options));
}

TEST(AfterProbe, FailureThresholdCountsFailuresInARow) {
  EXPECT_FALSE(healthy_after("+-", thresholds(1, 1)));
  EXPECT_TRUE(healthy_after("+-", thresholds(2, 1)));
  EXPECT_FALSE(healthy_after("+--", thresholds(2, 1)));
  EXPECT_TRUE(healthy_after("+--", thresholds(3, 1)));
  EXPECT_TRUE(healthy_after("+-+-+-", thresholds(2, 1)));
}

TEST(AfterProbe, RecoveryThresholdCountsAnswersInARow) {
  EXPECT_TRUE(healthy_after("-+", thresholds(1, 1)));
  EXPECT_FALSE(healthy_after("-+", thresholds(1, 2)));
  EXPECT_TRUE(healthy_after("-++", thresholds(1, 2)));
  EXPECT_FALSE(healthy_after("-+-+-+", thresholds(1, 2)));
}

TEST(AfterProbe, AnswerIsKeptWithItsTime) {
  const auto record = after_probe({}, answer(kStart + 1s, observed(NodeKind::replica, 7)), {});
  EXPECT_TRUE(record.checked);
  EXPECT_EQ(record.checked_at, kStart + 1s);
  EXPECT_EQ(record.seen_at, kStart + 1s);
  EXPECT_EQ(record.seen.kind, NodeKind::replica);
  EXPECT_EQ(record.seen.position, observed(NodeKind::replica, 7).position);
}

TEST(AfterProbe, UnhealthyNodeIsNothingAndHasNoLag) {
  auto record = after_probe({}, answer(), {});
  record.lag = 1s;
  record.lag_bytes = 60;
  record.seen.unreplayed_bytes = 30;
  record.level_at = kStart;
  record = after_probe(record, failure(kStart + 5s), {});
  EXPECT_EQ(record.seen.kind, NodeKind::unknown);
  EXPECT_EQ(record.lag, std::nullopt);
  EXPECT_EQ(record.lag_bytes, std::nullopt);
  EXPECT_EQ(record.seen.unreplayed_bytes, std::nullopt);
  EXPECT_EQ(record.level_at, std::nullopt);
  EXPECT_EQ(record.checked_at, kStart + 5s);
  EXPECT_EQ(record.seen_at, kStart);
  EXPECT_EQ(record.error.message, "refused");
}

TEST(AfterProbe, FailureBelowTheThresholdForgetsNothing) {
  auto record = after_probe({}, answer(), thresholds(2, 1));
  record.lag = 1s;
  record = after_probe(record, failure(), thresholds(2, 1));
  EXPECT_EQ(record.seen.kind, NodeKind::primary);
  EXPECT_EQ(record.lag, 1s);
  EXPECT_EQ(record.failures, 1U);
}

// -- Lag --------------------------------------------------------------------------------------

HealthRecord node(NodeKind kind, std::uint64_t position, TimePoint seen_at = kStart,
                  std::uint64_t branch = 1) {
  return after_probe({}, answer(seen_at, observed(kind, position, branch)), {});
}

HealthRecord primary(std::uint64_t position, TimePoint seen_at = kStart) {
  return node(NodeKind::primary, position, seen_at);
}

HealthRecord replica(std::uint64_t position, TimePoint seen_at = kStart, std::uint64_t branch = 1) {
  return node(NodeKind::replica, position, seen_at, branch);
}

TEST(WithLag, EqualPositionsSeenAtTheSameTimeMeanNone) {
  const auto there = primary(100, kStart + 2s);
  const auto here = with_lag(replica(100, kStart + 2s), &there);
  EXPECT_EQ(here.lag, 0s);
  EXPECT_EQ(here.level_at, kStart + 2s);
}

TEST(WithLag, ReplicaOfAnIdlePrimaryIsNotLagging) {
  auto there = primary(100);
  there.seen.clock = kNoon;
  auto here = replica(100);
  here.seen.replayed_at = kNoon - 8h;
  EXPECT_EQ(with_lag(here, &there).lag, 0s);
}

TEST(WithLag, ReplicaLevelWithAnOlderSampleOfThePrimaryLagsByNoMoreThanItsAge) {
  const auto there = primary(100, kStart);
  EXPECT_EQ(with_lag(replica(120, kStart + 5s), &there).lag, 5s);
}

TEST(WithLag, ReplicaLevelWithANewerSampleOfThePrimaryIsNotLagging) {
  const auto there = primary(100, kStart + 5s);
  EXPECT_EQ(with_lag(replica(100, kStart), &there).lag, 0s);
}

TEST(WithLag, BehindIsTheAgeOfTheLastReplayedChangeByThePrimarysClock) {
  auto there = primary(200);
  there.seen.clock = kNoon;
  auto here = replica(100);
  here.seen.replayed_at = kNoon - 3s;
  EXPECT_EQ(with_lag(here, &there).lag, 3s);
}

TEST(WithLag, TimeBetweenTheTwoSamplesIsAdded) {
  auto there = primary(200, kStart);
  there.seen.clock = kNoon;
  auto here = replica(100, kStart + 4s);
  here.seen.replayed_at = kNoon - 3s;
  EXPECT_EQ(with_lag(here, &there).lag, 7s);
  // A sample of the replica that is older than the primary's takes nothing off.
  here.seen_at = kStart - 4s;
  EXPECT_EQ(with_lag(here, &there).lag, 3s);
}

TEST(WithLag, IsNeverNegative) {
  auto there = primary(200);
  there.seen.clock = kNoon;
  auto here = replica(100);
  here.seen.replayed_at = kNoon + 3s;
  EXPECT_EQ(with_lag(here, &there).lag, 0s);
}

TEST(WithLag, WithoutClocksIsTheTimeSinceItWasLevel) {
  const auto before = primary(100, kStart);
  auto here = with_lag(replica(100, kStart), &before);
  here.seen_at = kStart + 6s;  // asked again, and no further
  const auto there = primary(200, kStart + 6s);
  here = with_lag(here, &there);
  EXPECT_EQ(here.lag, 6s);
  EXPECT_EQ(here.level_at, kStart);
  here.seen_at = kStart + 60s;
  EXPECT_EQ(with_lag(here, &there).lag, 60s);
}

TEST(WithLag, TheSmallerOfBothBoundsCounts) {
  auto there = primary(200, kStart + 10s);
  there.seen.clock = kNoon;
  auto here = replica(100, kStart + 10s);
  here.seen.replayed_at = kNoon - 1h;  // the primary was idle for an hour, then wrote
  here.level_at = kStart + 8s;
  EXPECT_EQ(with_lag(here, &there).lag, 2s);
  here.seen.replayed_at = kNoon - 1s;
  EXPECT_EQ(with_lag(here, &there).lag, 1s);
}

TEST(WithLag, IsUnknownWithoutAnyBound) {
  const auto there = primary(200);
  auto here = replica(100);
  here.lag = 1s;
  EXPECT_EQ(with_lag(here, &there).lag, std::nullopt);
}

TEST(WithLag, IsUnknownWhereAPositionIsMissing) {
  const auto there = primary(100);
  auto here = replica(100);
  here.seen.position.reset();
  EXPECT_EQ(with_lag(here, &there).lag, std::nullopt);
}

TEST(WithLag, PositionsOfDifferentEpochsDoNotCompare) {
  const auto there = primary(100);
  EXPECT_EQ(with_lag(replica(900, kStart, 2), &there).lag, std::nullopt);
  auto stranger = replica(900);
  stranger.seen.position->epoch.history = "another";
  EXPECT_EQ(with_lag(stranger, &there).lag, std::nullopt);
}

TEST(WithLag, OlderSampleOfThePrimaryDoesNotTakeLevelAtBack) {
  auto here = replica(100, kStart + 20s);
  here.level_at = kStart + 15s;
  const auto there = primary(100, kStart + 10s);
  EXPECT_EQ(with_lag(here, &there).level_at, kStart + 15s);
}

TEST(WithLag, BytesAreWhatThePrimaryHadMoreOfTheSameLog) {
  auto there = primary(100, kStart);
  const auto bytes_of = [&](HealthRecord here) {
    return with_lag(std::move(here), &there).lag_bytes;
  };
  EXPECT_EQ(bytes_of(replica(40, kStart)), std::nullopt);  // transactions
  const auto in_bytes = [](HealthRecord record) {
    const auto& transactions = std::get<GtidSet>(record.seen.position->place);
    record.seen.position->place = Lsn{transactions.last().front().sequence};
    return record;
  };
  there = in_bytes(there);
  EXPECT_EQ(bytes_of(replica(40, kStart)), std::nullopt);
  EXPECT_EQ(bytes_of(in_bytes(replica(40, kStart))), 60U);
  EXPECT_EQ(bytes_of(in_bytes(replica(100, kStart))), 0U);
  EXPECT_EQ(bytes_of(in_bytes(replica(120, kStart))), 0U);
  EXPECT_EQ(bytes_of(in_bytes(replica(40, kStart, 2))), std::nullopt);
}

TEST(WithLag, StaysWhileNoPrimaryIsKnown) {
  auto here = replica(100);
  here.lag = 2s;
  EXPECT_EQ(with_lag(here, nullptr).lag, 2s);
}

// -- When to probe next -----------------------------------------------------------------------

HealthCheckOptions pace(std::chrono::milliseconds interval, std::chrono::milliseconds recheck) {
  HealthCheckOptions options;
  options.interval = interval;
  options.recheck_interval = recheck;
  return options;
}

TEST(NextCheckIn, WellNodesWaitForTheInterval) {
  auto level = replica(100);
  level.lag = 0s;
  EXPECT_EQ(next_check_in(primary(100), pace(30s, 1s), 3s), 30s);
  EXPECT_EQ(next_check_in(level, pace(20s, 1s), 3s), 20s);
}

TEST(NextCheckIn, UnwellNodesAreRecheckedSooner) {
  const auto options = pace(30s, 1s);
  EXPECT_EQ(next_check_in(after_probe({}, failure(), options), options, 3s), 1s);
  auto shaky = thresholds(2, 1);
  shaky.recheck_interval = 2s;
  const auto failed_once = after_probe(primary(100), failure(), shaky);
  EXPECT_TRUE(failed_once.healthy);
  EXPECT_EQ(next_check_in(failed_once, shaky, 3s), 2s);
}

TEST(NextCheckIn, ReplicasBehindAreRecheckedSooner) {
  const auto options = pace(30s, 1s);
  auto behind = replica(100);
  behind.lag = 4s;
  EXPECT_EQ(next_check_in(behind, options, 3s), 1s);
  EXPECT_EQ(next_check_in(behind, options, 4s), 30s);
  EXPECT_EQ(next_check_in(behind, options, std::nullopt), 30s);
  behind.lag.reset();
  EXPECT_EQ(next_check_in(behind, options, 3s), 1s);
  EXPECT_EQ(next_check_in(behind, options, std::nullopt), 30s);
}

TEST(NextCheckIn, NeverWaitsLongerThanTheInterval) {
  EXPECT_EQ(next_check_in({}, pace(5s, 60s), 3s), 5s);
}

// -- Options ----------------------------------------------------------------------------------

TEST(HealthCheckOptions, RefusalsNameThePlaceTheFieldAndTheValue) {
  const auto refusal = [](const std::function<void(HealthCheckOptions&)>& change) {
    HealthCheckOptions options;
    change(options);
    return test::error_of([&] { return options.validate("database \"d\""), 0; }).message;
  };
  EXPECT_EQ(refusal([](auto& o) { o.interval = 0ms; }),
            "database \"d\": health_check.interval must be more than zero, but it is 0 ms");
  EXPECT_EQ(refusal([](auto& o) { o.timeout = -1ms; }),
            "database \"d\": health_check.timeout must be more than zero, but it is -1 ms");
  EXPECT_EQ(refusal([](auto& o) { o.recheck_interval = 0ms; }),
            "database \"d\": health_check.recheck_interval must be more than zero, but it is 0 ms");
  EXPECT_EQ(refusal([](auto& o) { o.failure_threshold = 0; }),
            "database \"d\": health_check.failure_threshold must be at least 1, but it is 0");
  EXPECT_EQ(refusal([](auto& o) { o.recovery_threshold = 0; }),
            "database \"d\": health_check.recovery_threshold must be at least 1, but it is 0");
}

TEST(WithLag, CountsFromWhenThePrimaryWasAskedNotFromItsAnswer) {
  ProbeResult slow;
  slow.at = kStart + 5s;
  slow.took = 4s;
  slow.seen = observed(NodeKind::primary, 100);
  const auto asked_early = after_probe({}, slow, {});
  const auto level = with_lag(replica(100, kStart + 5s), &asked_early);
  EXPECT_EQ(level.lag, 4s) << "the primary may have moved on while it was slow to answer";
  EXPECT_EQ(level.level_at, kStart + 1s);
}

TEST(NextCheckIn, LongestIntervalThereIsIsNotTakenForAPastOne) {
  HealthCheckOptions options;
  options.interval = std::chrono::milliseconds::max();
  options.recheck_interval = std::chrono::milliseconds::max();
  EXPECT_EQ(next_check_in(after_probe({}, answer(), options), options, Duration::max()),
            Duration::max());
  EXPECT_EQ(next_check_in(after_probe({}, failure(), options), options, Duration::max()),
            Duration::max());
}

}  // namespace
}  // namespace grant
