#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "grant/cluster/balancing.hpp"

namespace grant {

class Cluster;

/// Spreads the reads of one cluster over its replicas. Thread-safe; lives as long as its cluster.
class LoadBalancer {
 public:
  LoadBalancer(const Cluster& cluster, Strategy strategy) noexcept
      : cluster_(cluster), strategy_(strategy) {}

  [[nodiscard]] Strategy strategy() const noexcept { return strategy_.load(); }

  /// From the next read on.
  void set_strategy(Strategy strategy) noexcept { strategy_.store(strategy); }

  /// Nodes that are configured to serve reads.
  [[nodiscard]] std::size_t size() const;

  /// Those of them that are healthy replicas now.
  [[nodiscard]] std::size_t healthy_count() const;

  struct Replica {
    std::string node{};
    bool healthy = false;
    std::uint32_t in_flight{};
  };
  [[nodiscard]] std::vector<Replica> status() const;

 private:
  friend class Cluster;

  const Cluster& cluster_;
  std::atomic<Strategy> strategy_;
  std::atomic<std::uint64_t> turn_ = 0;
};

}  // namespace grant
