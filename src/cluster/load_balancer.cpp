#include "grant/cluster/load_balancer.hpp"

#include <algorithm>

#include "grant/cluster/cluster.hpp"

namespace grant {

std::vector<LoadBalancer::Replica> LoadBalancer::status() const {
  std::vector<Replica> replicas;
  const auto table = cluster_.table();
  for (std::size_t i = 0; i < table->nodes.size(); ++i) {
    const auto& view = table->nodes[i];
    if (view.role != Role::reading) continue;
    Replica replica;
    replica.node = view.name;
    replica.healthy = view.healthy && view.kind == NodeKind::replica;
    replica.in_flight = cluster_.node(i).in_flight();
    replicas.push_back(std::move(replica));
  }
  return replicas;
}

std::size_t LoadBalancer::size() const { return status().size(); }

std::size_t LoadBalancer::healthy_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(status(), &Replica::healthy));
}

}  // namespace grant
