#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "grant/cluster/cluster.hpp"
#include "grant/testing/fake_clock.hpp"
#include "support/memory_driver.hpp"
#include "support/nodes.hpp"
#include "unit/pool/pool_fixture.hpp"

namespace grant::test {

/// The cluster "d": a writer on the server "writer" and readers on "r1", "r2", …
struct ClusterFixture {
  explicit ClusterFixture(std::size_t readers = 2, RoutingOptions routing = {},
                          HealthCheckOptions health = {}, PoolOptions pool = {},
                          std::string shard = "default") {
    std::vector<Member> nodes;
    nodes.push_back({node("d/writer", "writer", pool), Role::writing});
    for (std::size_t i = 1; i <= readers; ++i) {
      const auto number = std::to_string(i);
      nodes.push_back({node("d/reader-" + number, "r" + number, pool), Role::reading});
    }
    cluster = std::make_shared<Cluster>("d", std::move(shard), std::move(nodes),
                                        ClusterOptions{routing, health}, clock, sink());
  }

  /// Takes in an answer of each node: a primary, and replicas level with it.
  void see_all() const {
    for (std::size_t i = 0; i < cluster->topology().members().size(); ++i) {
      see(i, observed(i == 0 ? NodeKind::primary : NodeKind::replica));
    }
  }

  void see(std::size_t node, Observation seen) const {
    // Made in one go: GCC 12 takes assigning to `seen` for a use of what is not there yet.
    const ProbeResult probe{.at = clock.now(), .seen = std::move(seen)};
    cluster->topology().record(test::node_of(*cluster, node).id(), probe);
  }

  void miss(std::size_t node, std::string message = "refused") const {
    ProbeResult probe;
    probe.at = clock.now();
    probe.error.code = Errc::unavailable;
    probe.error.message = std::move(message);
    cluster->topology().record(test::node_of(*cluster, node).id(), probe);
  }

  [[nodiscard]] EventSink sink() {
    return [this](const Event& event) {
      events.add(to_string(event));
      const std::scoped_lock lock(also_mutex_);
      if (also_) also_(event);
    };
  }

  [[nodiscard]] std::shared_ptr<Node> node(const std::string& name, const std::string& host,
                                           const PoolOptions& pool) {
    ConnectOptions target;
    target.url = Url::parse("mariadb://" + host + "/db");
    target.node = name;
    return std::make_shared<Node>(driver, target, pool, clock, sink());
  }

  MemoryDriver driver;
  testing::FakeClock clock;
  Log events;
  std::shared_ptr<Cluster> cluster;

  /// Called with each event from now on, where it happens.
  void also(EventSink sink) {
    const std::scoped_lock lock(also_mutex_);
    also_ = std::move(sink);
  }

 private:
  std::mutex also_mutex_;
  EventSink also_;
};

}  // namespace grant::test
