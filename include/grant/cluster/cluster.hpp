#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "grant/cluster/load_balancer.hpp"
#include "grant/cluster/node_status.hpp"
#include "grant/cluster/origin.hpp"
#include "grant/cluster/route.hpp"
#include "grant/cluster/topology.hpp"
#include "grant/core/clock.hpp"
#include "grant/core/event.hpp"
#include "grant/io/runtime.hpp"

namespace grant {

/// The nodes that serve one shard of one database: what an operator asks and says. Who probes or
/// uses the nodes has to do with its topology(), and who chooses one with its balancer(). It has
/// one engine for as long as it lives. Thread-safe.
class Cluster {
 public:
  /// `members`: at least one, all of one engine. `clock` and `runtime` must outlive the cluster.
  /// `lineage`: see Origin.
  Cluster(std::string database, std::string shard, std::vector<Member> members,
          ClusterOptions options, const Clock& clock, EventSink events, std::uint64_t lineage = 0,
          io::Runtime& runtime = io::system_runtime());
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] const std::string& database() const noexcept { return database_; }
  [[nodiscard]] const std::string& shard() const noexcept { return shard_; }

  /// "primary", or "orders@eu" for a shard with a name of its own.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// What records that come from here remember.
  [[nodiscard]] const Origin& origin() const noexcept { return origin_; }

  /// Stands for all shards of the database.
  [[nodiscard]] const Origin& every_shard() const noexcept { return every_shard_; }

  [[nodiscard]] Adapter adapter() const noexcept { return adapter_; }
  [[nodiscard]] const Clock& clock() const noexcept { return topology_->clock(); }

  [[nodiscard]] io::Runtime& runtime() const noexcept { return runtime_; }

  [[nodiscard]] Topology& topology() noexcept { return *topology_; }
  [[nodiscard]] const Topology& topology() const noexcept { return *topology_; }

  /// The same, for who may outlive the cluster.
  [[nodiscard]] const std::shared_ptr<Topology>& shared_topology() const noexcept {
    return topology_;
  }
  [[nodiscard]] LoadBalancer& balancer() noexcept { return *balancer_; }

  /// The balancer, for who may outlive the cluster; null when no node is configured to serve reads.
  [[nodiscard]] std::shared_ptr<LoadBalancer> load_balancer() const;

  [[nodiscard]] std::vector<NodeStatus> status() const;

  /// Where the statement would go now.
  [[nodiscard]] RouteExplanation explain(const RouteRequest& request) const;

  /// The operator's word that the servers were replaced by others (restored into a new cluster,
  /// upgraded into one): forgets the history that was known, and takes the one that is seen now, as
  /// at the start.
  void accept_history() { topology_->accept_history(); }

  /// Takes these nodes, of the same engine, and options in place of those that were there: see
  /// Topology::change().
  void change(std::vector<Member> members, ClusterOptions options);

  /// Refuses new work; see Pool::close(). Final.
  void close() noexcept;

  [[nodiscard]] bool closed() const { return topology_->closed(); }

 private:
  const std::string database_;
  const std::string shard_;
  const std::string name_;
  const Origin& origin_;
  const Origin& every_shard_;
  const Adapter adapter_;
  io::Runtime& runtime_;
  const std::shared_ptr<Topology> topology_;
  const std::shared_ptr<LoadBalancer> balancer_;
};

}  // namespace grant
