#include "grant/cluster/load_balancer.hpp"

#include <algorithm>

#include "grant/cluster/topology.hpp"

namespace grant {

std::vector<LoadBalancer::Replica> LoadBalancer::status() const {
  std::vector<Replica> replicas;
  const auto topology = topology_.lock();
  if (!topology) return replicas;
  const auto table = topology->table();
  for (const auto& view : table->nodes) {
    if (view.role != Role::reading) continue;
    Replica replica;
    replica.node = view.name;
    replica.healthy = view.healthy && view.kind == NodeKind::replica;
    replica.in_flight = view.node->in_flight();
    replicas.push_back(std::move(replica));
  }
  return replicas;
}

std::size_t LoadBalancer::size() const { return status().size(); }

std::size_t LoadBalancer::healthy_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(status(), &Replica::healthy));
}

Balance LoadBalancer::balance(const RoutingTable& table, std::uint64_t turn) const {
  Balance balance;
  balance.strategy = strategy();
  balance.turn = turn;
  if (balance.strategy == Strategy::random) balance.random = runtime_.random_bits();
  if (balance.strategy == Strategy::least_connections) {
    // Kept, so that however many nodes there are, it is allocated once for each thread.
    thread_local std::vector<std::uint32_t> in_flight;
    in_flight.clear();
    for (const auto& view : table.nodes) in_flight.push_back(view.node->in_flight());
    balance.in_flight = in_flight;
  }
  return balance;
}

Route LoadBalancer::route(const RoutingTable& table, const RouteRequest& request) {
  // Only a read that a replica may serve takes a turn: if others did, one that alternates with them
  // would send all of those to the same replica.
  const bool balanced =
      request.effect == Effect::read && request.role == Role::reading && !request.sticky;
  if (!balanced) return grant::route(table, request, {});
  return grant::route(table, request, balance(table, turns_.next()));
}

RouteExplanation LoadBalancer::explain(const RoutingTable& table,
                                       const RouteRequest& request) const {
  return grant::explain(table, request, balance(table, turns_.peek()));
}

}  // namespace grant
