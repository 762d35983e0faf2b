#pragma once

#include <functional>
#include <string>
#include <utility>

#include "grant/cluster/routing_table.hpp"

namespace grant::test {

/// The id that a view of this name has.
inline NodeId id_of(const std::string& name) { return std::hash<std::string>()(name) | 1U; }

/// A healthy node of the history "history".
inline NodeView view(std::string name, NodeKind kind, std::uint64_t branch = 1) {
  NodeView view;
  view.id = id_of(name);
  view.name = std::move(name);
  view.role = kind == NodeKind::replica ? Role::reading : Role::writing;
  view.checked = true;
  view.healthy = true;
  view.kind = kind;
  view.epoch = {"history", branch};
  if (kind == NodeKind::replica) view.lag = Duration::zero();
  return view;
}

inline NodeView primary_view(std::string name = "writer", std::uint64_t branch = 1) {
  return view(std::move(name), NodeKind::primary, branch);
}

inline NodeView replica_view(std::string name, Duration lag = {}) {
  auto replica = view(std::move(name), NodeKind::replica);
  replica.lag = lag;
  return replica;
}

}  // namespace grant::test
