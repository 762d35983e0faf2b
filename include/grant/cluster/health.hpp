#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "grant/cluster/health_check_options.hpp"
#include "grant/core/clock.hpp"
#include "grant/core/error.hpp"
#include "grant/driver/observation.hpp"

namespace grant {

/// One probe's end.
struct ProbeResult {
  TimePoint at{};                     ///< When the answer came, or the wait for it ended.
  Duration took{};                    ///< How long before that the node was asked.
  std::optional<Observation> seen{};  ///< Empty: the probe failed, for the reason below.
  ErrorInfo error{};
};

/// What is known of one node from its probes, and from queries that could not reach it.
struct HealthRecord {
  bool checked = false;  ///< At least one probe has ended.
  bool probing = false;  ///< A probe is under way.
  bool healthy = false;
  std::size_t failures = 0;   ///< In a row.
  std::size_t successes = 0;  ///< In a row.
  TimePoint checked_at{};
  Observation seen{};  ///< Of the last probe that succeeded; kind is unknown after a failure.
  TimePoint seen_at{};
  TimePoint asked_at{};  ///< When that probe began: what it saw may be as old as that.
  ErrorInfo error{};     ///< Of the last probe that failed.

  /// The latest moment at which this replica is known to have held all that the primary then had.
  std::optional<TimePoint> level_at{};
  /// Replicas: how far behind; empty: not known, which counts as infinitely far.
  std::optional<Duration> lag{};
  /// Replicas: how many bytes of log the primary had written when it was last asked, and the
  /// replica had not replayed when it was. Empty: not known, or positions do not count bytes.
  std::optional<std::uint64_t> lag_bytes{};
};

/// The record after one more probe. Pure.
[[nodiscard]] HealthRecord after_probe(HealthRecord record, const ProbeResult& probe,
                                       const HealthCheckOptions& options);

/// The record of a replica with its lag judged against the last that was seen of the primary
/// (`primary` is null: none is known, and the lag stays what it was).
///
/// A replica that has replayed the position which the primary had is behind by no more than the
/// time since the primary was asked: next to nothing when both are probed together. Otherwise the
/// lag is the smaller of two upper bounds: the age of the last change it has replayed, by the clock
/// of the primary alone; and the time since it was last known to be level. Pure.
[[nodiscard]] HealthRecord with_lag(HealthRecord replica, const HealthRecord* primary);

/// How long until the next probe. Pure.
[[nodiscard]] Duration next_check_in(const HealthRecord& record, const HealthCheckOptions& options,
                                     std::optional<Duration> lag_threshold);

}  // namespace grant
