#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "grant/cluster/cluster_options.hpp"
#include "grant/cluster/health.hpp"
#include "grant/cluster/node.hpp"
#include "grant/cluster/role.hpp"
#include "grant/core/clock.hpp"
#include "grant/driver/observation.hpp"

namespace grant {

/// What routing needs to know of one node.
struct NodeView {
  /// Null where a decision is only tried out.
  std::shared_ptr<Node> node{};
  NodeId id{};
  std::string name{};
  Role role{};           ///< What it was configured for; where it is used depends on `kind`.
  bool checked = false;  ///< Probed at least once.
  bool healthy = false;
  NodeKind kind{};
  Epoch epoch{};
  std::string instance{};
  std::optional<Duration> lag{};  ///< Replicas; empty: not known.

  friend bool operator==(const NodeView&, const NodeView&) = default;
};

/// All nodes of one cluster at one moment: what it calls a node is that one's place here, and means
/// nothing in another table. Immutable once published; owns its nodes.
struct RoutingTable {
  std::uint64_t version{};
  ClusterOptions options{};
  std::vector<NodeView> nodes{};

  /// The one healthy node that is the primary.
  std::optional<std::size_t> primary{};

  /// Two or more nodes that claim to be the primary in epochs of which none is the highest. Then
  /// there is no `primary`.
  std::vector<std::size_t> rivals{};

  /// Healthy nodes of another history than the cluster's: they serve nothing.
  std::vector<std::size_t> foreign{};

  /// The nodes that are fit for a read which asks for nothing more, by fitness(): next_table() puts
  /// them there, and route() chooses among them.
  std::vector<std::size_t> replicas{};

  /// The primary's, or the last one's while there is none; empty before one was seen.
  std::optional<Epoch> epoch{};
};

/// Which of `nodes` is the primary, or which ones are rivals. URLs that reach the same server count
/// as one. A node of an epoch before `least` is not: a later one was seen. Nor is one of another
/// history than that of `least`: a server that has nothing to do with this cluster must not take
/// its writes, however alone it is. Pure.
///
/// Before an epoch is known, the history is that of the node that is configured as the writer.
/// While that one does not answer, a reader that claims to be the primary (promoted before this
/// process began) is believed when all nodes were probed and none of them is of another history.
struct PrimaryChoice {
  std::optional<std::size_t> primary{};
  std::vector<std::size_t> rivals{};
  std::vector<std::size_t> foreign{};
};
[[nodiscard]] PrimaryChoice choose_primary(std::span<const NodeView> nodes,
                                           const std::optional<Epoch>& least = std::nullopt);

/// The table after `nodes` were seen. Pure.
[[nodiscard]] RoutingTable next_table(const RoutingTable& last, std::vector<NodeView> nodes);

}  // namespace grant
