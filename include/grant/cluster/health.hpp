#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "grant/core/clock.hpp"
#include "grant/core/error.hpp"
#include "grant/driver/observation.hpp"

namespace grant {

/// How often nodes are probed, and how many answers change one's state.
struct HealthCheckOptions {
  /// Between two probes of a node that is well. More than zero.
  std::chrono::milliseconds interval{30'000};

  /// Longest probe, connecting included; a node that takes longer has failed it. More than zero.
  std::chrono::milliseconds timeout{5'000};

  /// Between two probes of a node that is not well, or behind by more than the lag threshold. More
  /// than zero; the interval applies where it is shorter.
  std::chrono::milliseconds recheck_interval{1'000};

  /// Failures in a row until a healthy node counts as unhealthy. At least 1.
  std::size_t failure_threshold = 1;

  /// Answers in a row until an unhealthy node counts as healthy again. At least 1. The first probe
  /// of all decides alone.
  std::size_t recovery_threshold = 1;

  /// Throws configuration for the first broken rule, naming `where` and the field.
  void validate(std::string_view where) const;

  friend bool operator==(const HealthCheckOptions&, const HealthCheckOptions&) = default;
};

/// One probe's end.
struct ProbeResult {
  TimePoint at{};                     ///< When the answer came, or the wait for it ended.
  std::optional<Observation> seen{};  ///< Empty: the probe failed, for the reason below.
  ErrorInfo error{};
};

/// What is known of one node from its probes, and from queries that could not reach it.
struct HealthRecord {
  bool checked = false;  ///< At least one probe has ended.
  bool healthy = false;
  std::size_t failures = 0;   ///< In a row.
  std::size_t successes = 0;  ///< In a row.
  TimePoint checked_at{};
  Observation seen{};  ///< Of the last probe that succeeded; kind is unknown after a failure.
  TimePoint seen_at{};
  ErrorInfo error{};  ///< Of the last probe that failed.

  /// The latest moment at which this replica is known to have held all that the primary then had.
  std::optional<TimePoint> level_at{};
  /// Replicas: how far behind; empty: not known, which counts as infinitely far.
  std::optional<Duration> lag{};
};

/// The record after one more probe. Pure.
[[nodiscard]] HealthRecord after_probe(HealthRecord record, const ProbeResult& probe,
                                       const HealthCheckOptions& options);

/// The record of a replica with its lag judged against the last that was seen of the primary
/// (`primary` is null: none is known, and the lag stays what it was).
///
/// The lag is zero when the replica has replayed the position that the primary had. Otherwise it is
/// the smaller of two upper bounds: the age of the last change it has replayed, by the clock of the
/// primary alone; and the time since it was last known to be level. Pure.
[[nodiscard]] HealthRecord with_lag(HealthRecord replica, const HealthRecord* primary);

/// How long until the next probe. Pure.
[[nodiscard]] Duration next_check_in(const HealthRecord& record, const HealthCheckOptions& options,
                                     std::optional<Duration> lag_threshold);

}  // namespace grant
