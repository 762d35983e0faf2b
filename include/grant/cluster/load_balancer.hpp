#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "grant/cluster/balancing.hpp"
#include "grant/cluster/route.hpp"
#include "grant/core/striped_count.hpp"
#include "grant/io/runtime.hpp"

namespace grant {

class Topology;

/// Chooses the node of each statement of one cluster, and spreads the reads over its replicas.
/// Takes no lock to choose; turns are counted by each thread for itself. Thread-safe.
class LoadBalancer {
 public:
  /// `runtime` must outlive it.
  LoadBalancer(std::weak_ptr<const Topology> topology, Strategy strategy,
               io::Runtime& runtime) noexcept
      : topology_(std::move(topology)), strategy_(strategy), runtime_(runtime) {}

  [[nodiscard]] Strategy strategy() const noexcept { return strategy_.load(); }

  /// From the next read on.
  void set_strategy(Strategy strategy) noexcept { strategy_.store(strategy); }

  /// Nodes that are configured to serve reads; none, once the cluster has gone.
  [[nodiscard]] std::size_t size() const;

  /// Those of them that are healthy replicas now.
  [[nodiscard]] std::size_t healthy_count() const;

  struct Replica {
    std::string node{};
    bool healthy = false;
    std::uint32_t in_flight{};
  };
  [[nodiscard]] std::vector<Replica> status() const;

  /// Where the statement goes by `table`; takes a turn.
  [[nodiscard]] Route route(const RoutingTable& table, const RouteRequest& request);

  /// What route() would choose now, without taking a turn.
  [[nodiscard]] RouteExplanation explain(const RoutingTable& table,
                                         const RouteRequest& request) const;

 private:
  [[nodiscard]] Balance balance(const RoutingTable& table, std::uint64_t turn) const;

  const std::weak_ptr<const Topology> topology_;
  std::atomic<Strategy> strategy_;
  io::Runtime& runtime_;
  StripedCount turns_;
};

}  // namespace grant
