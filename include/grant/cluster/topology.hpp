#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grant/cluster/cluster_options.hpp"
#include "grant/cluster/health.hpp"
#include "grant/cluster/node.hpp"
#include "grant/cluster/role.hpp"
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

/// A node in a cluster: which one, and what for.
struct Member {
  std::shared_ptr<Node> node{};
  Role role{};
};

/// What is known of a cluster's nodes: probes and statements tell it, and it publishes a table of
/// them, by which statements go. Nodes come and go while statements run.
///
/// One mutex guards what is known; tables are immutable. Thread-safe.
class Topology {
 public:
  /// `members`: at least one. `clock` must outlive it. `name` is the cluster's.
  Topology(std::string name, std::vector<Member> members, ClusterOptions options,
           const Clock& clock, EventSink events);
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;
  ~Topology();

  // -- The table ----------------------------------------------------------------------------------

  /// What is known now. Never null.
  [[nodiscard]] std::shared_ptr<const RoutingTable> table() const GRANT_EXCLUDES(mutex_);

  /// Of the newest table: it grows with each. Costs a load.
  [[nodiscard]] std::uint64_t version() const noexcept {
    return version_.load(std::memory_order_acquire);
  }

  /// Waits until a table newer than `version` is there. False: the deadline passed first. Errors:
  /// closed; cancelled.
  Task<bool> newer_table(io::Call call, std::uint64_t version);

  // -- What probes saw ----------------------------------------------------------------------------

  /// Takes in that a probe of `node` is under way. False: the node was removed.
  bool begin_probe(NodeId node) GRANT_EXCLUDES(mutex_);

  /// Takes in how a probe of `node` ended, and publishes a table, also where nothing has changed:
  /// somebody may wait for just that. Nothing, where the node was removed meanwhile.
  void record(NodeId node, const ProbeResult& probe) GRANT_EXCLUDES(mutex_);

  /// How long until all nodes should be probed again. Where one of them is not well, lags too far,
  /// or no primary is known, that is soon.
  [[nodiscard]] Duration next_check_in() const GRANT_EXCLUDES(mutex_);

  /// Longest probe.
  [[nodiscard]] Duration probe_timeout() const GRANT_EXCLUDES(mutex_);

  // -- What statements saw ------------------------------------------------------------------------

  /// Takes in that a statement which went by the table `seen` could not reach `node`: counts as a
  /// failed probe, unless a later table has an answer of the node, and asks for real ones. Gives
  /// the version of the table that says so: a later one may know better.
  std::uint64_t report_unreachable(const Node& node, const ErrorInfo& error, std::uint64_t seen)
      GRANT_EXCLUDES(mutex_);

  /// Takes in that `node` refused a write as read-only, over a connection whose kind_hint() is
  /// `hint`. If it is the primary by the table and does not say so itself, it is the primary no
  /// more, its connections are dropped, and probes are asked for. False: it still is, and would
  /// refuse the write again.
  bool report_read_only(const Node& node, NodeKind hint = NodeKind::unknown);

  /// Takes in that a connection was lost: asks for probes.
  void report_lost() const;

  /// Takes in that what was a replica says that it is a primary: asks for probes, once within
  /// recheck_interval.
  void report_promoted();

  // -- What the operator says ---------------------------------------------------------------------

  /// Takes these nodes and options in place of those that were there. Of a node that stays where it
  /// is, what is known stays; one that has moved to another host, port or database is asked first.
  /// One that goes is not chosen any more; statements under way on it end, and it goes
  /// with the last of them.
  void change(std::vector<Member> members, ClusterOptions options) GRANT_EXCLUDES(mutex_);

  /// See Cluster::accept_history().
  void accept_history() GRANT_EXCLUDES(mutex_);

  [[nodiscard]] std::vector<Member> members() const GRANT_EXCLUDES(mutex_);
  [[nodiscard]] ClusterOptions options() const GRANT_EXCLUDES(mutex_);

  struct Known {
    Member member{};
    HealthRecord record{};
    std::uint64_t answered = 0;  ///< The version of the table that its last answer made.
  };

  /// All nodes, in their order.
  [[nodiscard]] std::vector<Known> known() const GRANT_EXCLUDES(mutex_);

  /// Called when the nodes should be probed soon, when they have changed, and at the end. Set once,
  /// before the topology is used.
  void on_probe_wanted(std::function<void()> callback);

  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }

  /// Ends the waits for a table, and refuses later ones. Final.
  void close() noexcept;

  [[nodiscard]] bool closed() const GRANT_EXCLUDES(mutex_);

 private:
  void renew_in_child() GRANT_EXCLUDES(mutex_);
  [[nodiscard]] Known* find_locked(NodeId node) GRANT_REQUIRES(mutex_);
  /// What follows from a change, once the lock is free.
  struct Effects {
    std::vector<std::shared_ptr<io::Signal>> woken{};
    std::shared_ptr<Node> superseded{};  ///< It is not the primary any more: its connections go.
    std::vector<Event> events{};
    /// Tables and nodes that may end here: a node waits for what its pool is in the middle of.
    std::vector<std::shared_ptr<const void>> released{};
  };

  /// Takes in what a probe, or a statement in its place, found.
  void judge_locked(Known& known, const ProbeResult& probe, Effects& effects)
      GRANT_REQUIRES(mutex_);
  /// Publishes what is known. `even_so`: also where it is what the last table says.
  void publish_locked(bool even_so, Effects& effects) GRANT_REQUIRES(mutex_);
  void act(Effects effects) const;
  void probe_soon() const;

  const std::string name_;
  const Clock& clock_;
  const EventSink events_;
  std::function<void()> probe_wanted_;  // constant once the topology is used
  std::atomic<TimePoint> promotion_seen_ = TimePoint::min();
  std::atomic<std::uint64_t> version_ = 0;  // of table_, for who only looks whether it is newer

  // Guards everything below. Not held across I/O, callbacks or logging.
  mutable Mutex mutex_;
  std::vector<Known> known_ GRANT_GUARDED_BY(mutex_);
  ClusterOptions options_ GRANT_GUARDED_BY(mutex_);
  std::shared_ptr<const RoutingTable> table_ GRANT_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<io::Signal>> waiting_ GRANT_GUARDED_BY(mutex_);
  bool closed_ GRANT_GUARDED_BY(mutex_) = false;

  std::unique_ptr<detail::HeldOverForks> held_;
  std::unique_ptr<detail::RenewedInChildren> renewed_;
};

}  // namespace grant
