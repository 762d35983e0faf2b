#include "grant/cluster/health.hpp"

#include <algorithm>
#include <utility>

namespace grant {

HealthRecord after_probe(HealthRecord record, const ProbeResult& probe,
                         const HealthCheckOptions& options) {
  const bool first = !std::exchange(record.checked, true);
  record.probing = false;
  record.checked_at = probe.at;
  if (probe.seen) {
    record.failures = 0;
    ++record.successes;
    record.seen = *probe.seen;
    record.seen_at = probe.at;
    record.asked_at = probe.at - probe.took;
    if (first || record.successes >= options.recovery_threshold) record.healthy = true;
  } else {
    record.successes = 0;
    ++record.failures;
    record.error = probe.error;
    if (record.failures >= options.failure_threshold) {
      record.healthy = false;
      record.seen.kind = NodeKind::unknown;
      record.seen.unreplayed_bytes.reset();
      record.lag.reset();
      record.lag_bytes.reset();
      record.level_at.reset();
    }
  }
  return record;
}

HealthRecord with_lag(HealthRecord replica, const HealthRecord* primary) {
  if (primary == nullptr) return replica;
  const auto& here = replica.seen;
  const auto& there = primary->seen;
  replica.lag.reset();
  replica.lag_bytes.reset();

  if (here.position && there.position) {
    replica.lag_bytes = bytes_between(*here.position, *there.position);
    if (*here.position >= *there.position) {
      // Level with what the primary had when it was asked, which may be a while ago.
      replica.lag = std::max(replica.seen_at - primary->asked_at, Duration::zero());
      replica.level_at = std::max(replica.level_at.value_or(primary->asked_at), primary->asked_at);
      return replica;
    }
  }
  if (there.clock && here.replayed_at) {
    const auto since_asked = std::max(replica.seen_at - primary->asked_at, Duration::zero());
    const auto behind = *there.clock + since_asked - *here.replayed_at;
    replica.lag = std::max(std::chrono::duration_cast<Duration>(behind), Duration::zero());
  }
  if (replica.level_at) {
    const auto since_level = std::max(replica.seen_at - *replica.level_at, Duration::zero());
    replica.lag = std::min(replica.lag.value_or(since_level), since_level);
  }
  return replica;
}

Duration next_check_in(const HealthRecord& record, const HealthCheckOptions& options,
                       std::optional<Duration> lag_threshold) {
  const bool behind = record.seen.kind == NodeKind::replica && lag_threshold &&
                      (!record.lag || *record.lag > *lag_threshold);
  const bool well = record.healthy && record.failures == 0 && !behind;
  return saturated(well ? options.interval : std::min(options.interval, options.recheck_interval));
}

}  // namespace grant
