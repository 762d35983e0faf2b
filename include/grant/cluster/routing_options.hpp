#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "grant/cluster/balancing.hpp"

namespace grant {

/// What a read does when no replica is fit.
enum class OnNoReplica : std::uint8_t {
  primary,  ///< Goes to the primary.
  fail,     ///< Throws Unavailable.
};

/// How one cluster routes. Models may have their own lag threshold and retries.
struct RoutingOptions {
  Strategy strategy = Strategy::round_robin;

  /// Most lag of a replica that serves reads; a replica whose lag is not known serves none. Empty:
  /// lag is not judged.
  std::optional<std::chrono::milliseconds> replica_lag_threshold{3'000};

  /// How often a statement that was certainly not executed is tried again, on another node where
  /// that is possible. Zero: never.
  std::size_t failover_retry_attempts = 3;

  /// Longest wait for a primary while none is known. Zero: do not wait.
  std::chrono::milliseconds failover_timeout{5'000};

  /// How long after a write its session reads from the primary. Zero: no time at all.
  std::chrono::milliseconds sticky_period{2'000};

  OnNoReplica on_no_replica = OnNoReplica::primary;

  /// With no primary and no fit replica, let the least stale replica serve reads.
  bool allow_stale = false;

  /// Throws configuration for the first broken rule, naming `where` and the field.
  void validate(std::string_view where) const;

  friend bool operator==(const RoutingOptions&, const RoutingOptions&) = default;
};

}  // namespace grant
