#pragma once

#include <memory>
#include <vector>

#include "grant/cluster/cluster.hpp"

namespace grant {

/// Probes every node of every cluster, each on a connection of its own, all on one thread. A probe
/// that hangs delays no other. Thread-safe.
class HealthMonitor {
 public:
  /// Starts at once with a probe of each node.
  explicit HealthMonitor(std::vector<std::shared_ptr<Cluster>> clusters);
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;

  /// stop().
  ~HealthMonitor();

  /// Ends probes under way and joins the thread; nothing is reported after that. Final; later calls
  /// return at once.
  void stop();

  /// Probes all nodes and returns when each has answered or failed: a probe that is under way ends
  /// first, so at the latest after twice the longest health_check.timeout and a little. Blocks.
  void check_now();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace grant
