#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "grant/cluster/cluster.hpp"
#include "grant/io/runtime.hpp"

namespace grant {

/// Probes every node of every cluster, each on a connection of its own, all on one loop. A probe
/// that hangs delays no other. Nodes that come are probed at once; those that go, no more. A forked
/// child has none of this until it asks for it: go_on(). Thread-safe.
class HealthMonitor {
 public:
  /// Starts at once with a probe of each node. `runtime` must outlive the monitor.
  explicit HealthMonitor(const std::vector<std::shared_ptr<Cluster>>& clusters,
                         io::Runtime& runtime = io::system_runtime());
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;

  /// stop().
  ~HealthMonitor();

  /// Probes the nodes of this cluster too, for as long as it lives.
  void watch(const std::shared_ptr<Cluster>& cluster);

  /// Ends probes under way, and waits until they have; nothing is reported after that. Called where
  /// the probes run, as by an event sink, it returns at once. Final; later calls return at once.
  void stop();

  /// Probes all nodes and returns when each has answered or failed: a probe that is under way ends
  /// first, so at the latest after twice the longest health_check.timeout and a little. Blocks.
  /// After stop() it returns at once. Errors: invalid_argument where the probes run, as in an event
  /// sink: it would wait for itself.
  void check_now();

  /// In a forked child, where the parent's threads do not run, starts anew, if that was not done
  /// yet. Otherwise it costs a look.
  void go_on();

 private:
  class Impl;
  class Run;
  std::atomic<std::uint64_t> forks_;  // of the process that is known to probe
  std::shared_ptr<Impl> impl_;
};

}  // namespace grant
