#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grant/cluster/balancing.hpp"
#include "grant/cluster/routing_options.hpp"
#include "grant/cluster/routing_table.hpp"
#include "grant/driver/statement.hpp"

namespace grant {

/// What one statement needs.
struct RouteRequest {
  Effect effect = Effect::read;
  Role role = Role::reading;
  bool sticky = false;  ///< The session reads its own writes from the primary.
  /// Most lag that a replica may have; empty: lag is not judged.
  std::optional<Duration> lag_threshold{};
  OnNoReplica on_no_replica = OnNoReplica::primary;
  /// With no primary and no fit replica, take the least stale one that answers.
  bool allow_stale = false;
  /// Nodes that failed this statement already.
  std::vector<NodeId> tried{};
};

/// Why a statement goes where it goes, or nowhere.
enum class RouteReason : std::uint8_t {
  transaction,     ///< The connection of the open transaction.
  write,           ///< Writes go to the primary.
  writing_role,    ///< The caller asked for the primary.
  sticky,          ///< The session has written a moment ago, or asked to stick.
  replica,         ///< A fit replica.
  no_reader,       ///< No replica is configured: the primary serves reads.
  no_fit_replica,  ///< No replica is fit: the primary serves the read.
  stale_replica,   ///< No primary and no fit replica; staleness was allowed.
  // Nowhere:
  no_primary,       ///< A primary is needed and none is known.
  rival_primaries,  ///< Several nodes claim to be the primary.
  no_replica,       ///< No replica is fit, and the caller wants nothing else.
};

[[nodiscard]] std::string_view to_string(RouteReason reason) noexcept;

/// Whether one node can serve a read as a replica, or what speaks against it.
enum class Fitness : std::uint8_t {
  fit,
  tried,
  unhealthy,
  not_a_replica,
  other_epoch,
  lag_unknown,
  lag_too_high,
};

[[nodiscard]] std::string_view to_string(Fitness fitness) noexcept;

struct Route {
  std::optional<std::size_t> node{};
  RouteReason reason{};
};

/// Pure.
[[nodiscard]] Fitness fitness(const RoutingTable& table, std::size_t node,
                              const RouteRequest& request);

/// Where the statement goes. Pure; allocates nothing that depends on the number of nodes.
[[nodiscard]] Route route(const RoutingTable& table, const RouteRequest& request,
                          const Balance& balance);

/// A decision for people to read.
struct RouteExplanation {
  struct Candidate {
    std::string node{};
    bool chosen = false;
    std::string verdict{};  ///< Such as "fit" or "lag 5000 ms is over 3000 ms".
  };

  std::optional<std::string> node{};  ///< Empty: nowhere.
  RouteReason reason{};
  std::vector<Candidate> candidates{};

  /// `primary/reader-1 (replica)`.
  [[nodiscard]] std::string summary() const;
};

/// The same decision as route(), with what was thought of each node. Pure.
[[nodiscard]] RouteExplanation explain(const RoutingTable& table, const RouteRequest& request,
                                       const Balance& balance);

}  // namespace grant
