#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grant/cluster/health.hpp"
#include "grant/cluster/load_balancer.hpp"
#include "grant/cluster/node.hpp"
#include "grant/cluster/node_status.hpp"
#include "grant/cluster/origin.hpp"
#include "grant/cluster/route.hpp"
#include "grant/cluster/routing_options.hpp"
#include "grant/cluster/routing_table.hpp"
#include "grant/core/clock.hpp"
#include "grant/core/event.hpp"
#include "grant/core/mutex.hpp"
#include "grant/io/task.hpp"

namespace grant {

namespace detail {
class HeldOverForks;
class RenewedInChildren;
}  // namespace detail

/// The nodes that serve one shard of one database. Thread-safe.
class Cluster {
 public:
  /// `nodes`: 1 to kMaxNodes. `clock` must outlive the cluster. `lineage`: see Origin.
  Cluster(std::string database, std::string shard, std::vector<std::unique_ptr<Node>> nodes,
          RoutingOptions routing, HealthCheckOptions health, const Clock& clock, EventSink events,
          std::uint64_t lineage = 0);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  [[nodiscard]] const std::string& database() const noexcept { return database_; }
  [[nodiscard]] const std::string& shard() const noexcept { return shard_; }

  /// "primary", or "orders@eu" for a shard with a name of its own.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// What records that come from here remember.
  [[nodiscard]] const Origin& origin() const noexcept { return origin_; }

  [[nodiscard]] const RoutingOptions& routing() const noexcept { return routing_; }
  [[nodiscard]] const HealthCheckOptions& health() const noexcept { return health_; }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
  [[nodiscard]] const EventSink& events() const noexcept { return events_; }
  [[nodiscard]] Adapter adapter() const noexcept { return nodes_.front()->driver().adapter(); }

  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
  [[nodiscard]] Node& node(std::size_t index) const noexcept { return *nodes_[index]; }

  /// Null when no node is configured to serve reads.
  [[nodiscard]] LoadBalancer* load_balancer() noexcept;

  /// What is known now. Never null.
  [[nodiscard]] std::shared_ptr<const RoutingTable> table() const GRANT_EXCLUDES(mutex_);

  /// Where the statement goes by `table`; takes a turn of the load balancer.
  [[nodiscard]] Route route(const RoutingTable& table, const RouteRequest& request);

  /// What route() would choose now, without taking a turn.
  [[nodiscard]] RouteExplanation explain(const RouteRequest& request) const;

  [[nodiscard]] std::vector<NodeStatus> status() const;

  /// Takes in that a probe of `node` is under way.
  void begin_probe(std::size_t node) GRANT_EXCLUDES(mutex_);

  /// Takes in how a probe of `node` ended and publishes a new table; gives its version.
  std::uint64_t record(std::size_t node, const ProbeResult& probe) GRANT_EXCLUDES(mutex_);

  /// How long until all nodes should be probed again. Where one of them is not well, lags too far,
  /// or no primary is known, that is soon.
  [[nodiscard]] Duration next_check_in() const GRANT_EXCLUDES(mutex_);

  /// Takes in that a query could not reach `node`: counts as a failed probe, and asks for real
  /// ones. Gives the version of the table that says so: a later one may know better.
  std::uint64_t report_unreachable(std::size_t node, const ErrorInfo& error);

  /// Takes in that `node` refused a write as read-only, over a connection whose kind_hint() is
  /// `hint`. If it is the primary by the table and does not say so itself, it is the primary no
  /// more, its connections are dropped, and probes are asked for. False: it still is, and would
  /// refuse the write again.
  bool report_read_only(std::size_t node, NodeKind hint = NodeKind::unknown);

  /// Takes in that a connection was lost: asks for probes. Gives the version of the table before
  /// they end.
  std::uint64_t report_lost() const;

  /// The operator's word that the servers were replaced by others (restored into a new cluster,
  /// upgraded into one): forgets the history that was known, and takes the one that is seen now, as
  /// at the start.
  void accept_history() GRANT_EXCLUDES(mutex_);

  /// Takes in that what was a replica says that it is a primary: asks for probes, once within
  /// recheck_interval.
  void report_promoted();

  [[nodiscard]] HealthRecord health_record(std::size_t node) const GRANT_EXCLUDES(mutex_);

  /// Waits until a table newer than `version` is there. False: the deadline passed first. Errors:
  /// closed; cancelled.
  Task<bool> newer_table(io::Call call, std::uint64_t version);

  /// Called when the nodes should be probed soon. Set once, before the cluster is used.
  void on_probe_wanted(std::function<void()> callback);

  /// Refuses new work; see Pool::close(). Final.
  void close() noexcept;

  [[nodiscard]] bool closed() const GRANT_EXCLUDES(mutex_);

 private:
  void renew_in_child() GRANT_EXCLUDES(mutex_);
  [[nodiscard]] Balance balance(std::uint64_t turn, std::span<std::uint32_t> in_flight) const;
  /// Gives the nodes that were found to be of another history just now.
  [[nodiscard]] std::vector<std::size_t> publish_locked() GRANT_REQUIRES(mutex_);
  std::vector<std::shared_ptr<io::Signal>> take_waiting_locked() GRANT_REQUIRES(mutex_);
  void probe_soon() const;
  /// It is not the primary any more: its connections go.
  void demote(std::size_t node);

  const std::string database_;
  const std::string shard_;
  const std::string name_;
  const Origin& origin_;
  const std::vector<std::unique_ptr<Node>> nodes_;
  const RoutingOptions routing_;
  const HealthCheckOptions health_;
  const Clock& clock_;
  const EventSink events_;
  std::function<void()> probe_wanted_;  // constant once the cluster is used
  std::atomic<TimePoint> promotion_seen_ = TimePoint::min();
  LoadBalancer balancer_;

  // Guards everything below. Not held across I/O, callbacks or logging.
  mutable Mutex mutex_;
  std::vector<HealthRecord> records_ GRANT_GUARDED_BY(mutex_);
  std::shared_ptr<const RoutingTable> table_ GRANT_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<io::Signal>> waiting_ GRANT_GUARDED_BY(mutex_);
  bool closed_ GRANT_GUARDED_BY(mutex_) = false;

  std::unique_ptr<detail::HeldOverForks> held_;
  std::unique_ptr<detail::RenewedInChildren> renewed_;
};

}  // namespace grant
