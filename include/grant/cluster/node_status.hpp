#pragma once

#include <optional>
#include <string>

#include "grant/cluster/role.hpp"
#include "grant/core/clock.hpp"
#include "grant/driver/observation.hpp"
#include "grant/pool/pool_stats.hpp"

namespace grant {

/// One node's state, for people and dashboards.
struct NodeStatus {
  std::string key{};  ///< The node's name, such as "primary/reader-1", or "primary/eu-1" where it
                      ///< was given one.
  std::string database{};
  std::string shard{};
  Role role{};            ///< What it was configured for.
  NodeKind kind{};        ///< What it is.
  std::string version{};  ///< Of the server; empty: not known.
  bool healthy = false;
  std::optional<Duration> lag{};  ///< Replicas; empty: not known.
  /// Replicas: what the primary's log had more than they had replayed, when they were last probed;
  /// empty: not known, as on engines other than PostgreSQL.
  std::optional<std::uint64_t> lag_bytes{};
  /// Replicas: what of that they had received already; empty: not known.
  std::optional<std::uint64_t> unreplayed_bytes{};
  std::optional<Duration> last_check{};  ///< Its age; empty: not checked yet.
  std::string last_error{};              ///< Of the last failed check while it is unhealthy.
  PoolStats pool{};                      ///< Of all connections.
  /// Of the one connection that writes, which `pool` holds too; empty where all may (not SQLite).
  std::optional<PoolStats> writing{};
};

}  // namespace grant
