#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "grant/cluster/cluster.hpp"

namespace grant {

/// Probes every node of every cluster, each on a connection of its own, all on one thread. A probe
/// that hangs delays no other. A forked child has none until it asks for it: go_on(). Thread-safe.
class HealthMonitor {
 public:
  /// Starts at once with a probe of each node.
  explicit HealthMonitor(std::vector<std::shared_ptr<Cluster>> clusters);
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;

  /// stop().
  ~HealthMonitor();

  /// Ends probes under way and joins the thread; nothing is reported after that. Called on that
  /// very thread, as by an event sink, it returns at once, and the thread ends after its caller.
  /// Final; later calls return at once.
  void stop();

  /// Probes all nodes and returns when each has answered or failed: a probe that is under way ends
  /// first, so at the latest after twice the longest health_check.timeout and a little. Blocks.
  /// After stop() it returns at once. Errors: invalid_argument on the monitor's own thread, on
  /// which event sinks are called: it would wait for itself.
  void check_now();

  /// In a forked child, where the parent's thread does not run, starts one, if that was not done
  /// yet. Otherwise it costs a look.
  void go_on();

 private:
  class Impl;
  class Run;
  std::atomic<std::uint64_t> forks_;  // of the process that is known to have a thread
  std::shared_ptr<Impl> impl_;
};

}  // namespace grant
