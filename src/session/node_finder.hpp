#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "place.hpp"

namespace grant::detail {

/// What the failure of a statement says about its node.
enum class Verdict : std::uint8_t {
  unharmed,      ///< Nothing: the server's own word about the statement.
  lost,          ///< Probes were asked for, and a later table will know more.
  not_writable,  ///< It is not the primary, or no more.
  refuses,       ///< It is the primary and refused the write: it would do so again.
};

/// Tells `topology` what the failure of a statement with this effect says about its node.
Verdict report_failure(Topology& topology, Node& node, Effect effect, const Error& error,
                       const Connection& connection);

/// A node. Its table owns it: that of the place that was asked, unless a newer one is here.
struct Chosen {
  Node& node;
  std::shared_ptr<const RoutingTable> newer;
};

/// Finds a node for one statement, and another one when that fails, until one takes it or the
/// attempts are used up. For one task.
class NodeFinder {
 public:
  /// `place` must outlive the finder. Nothing is tried again after the call's deadline.
  NodeFinder(const Place& place, Effect effect, io::Call call);

  /// The node to try. Waits while a primary is needed and none is known, or the one that failed has
  /// not been probed since, at most failover_timeout altogether. Errors: what the statement failed
  /// with, where a primary is known and waiting cannot change its mind; unavailable; configuration,
  /// when no node can ever be reached as configured; cancelled; closed.
  Task<Chosen> next();

  /// Before the statement is sent once more after it has broken a connection: whether this one
  /// lives, so that the statement is not blamed for one that had been dead for long. False: call
  /// next() again. Errors: what was wrong with it, when nothing is to be tried any more.
  Task<bool> verify(Connection& connection);

  /// Takes in that the node has taken the statement on this connection.
  void succeeded(Effect effect, const Connection& connection);

  /// Takes in that opening or leasing a connection failed. True: call next() again.
  [[nodiscard]] bool retry_after_checkout_failure(const Error& error);

  /// Takes in that the statement failed on this connection. True: it was certainly not executed;
  /// call next() again.
  [[nodiscard]] bool retry_after_failure(const Error& error, const Connection& connection);

  /// Before the statement is tried again.
  Task<void> pause();

 private:
  [[nodiscard]] bool choose();
  Task<Chosen> wait_for_next();
  Task<void> sleep();
  Task<bool> probe(Connection& connection);
  [[nodiscard]] const NodeView& chosen() const { return table_->nodes[*route_.node]; }
  void served(Effect effect);
  /// Whether the newest table shows a primary that failed this statement before, and has been
  /// found well since.
  [[nodiscard]] bool primary_is_well_again() const;
  [[nodiscard]] TimePoint wait_until() const;
  [[nodiscard]] bool attempt_again(const Error& error);
  [[nodiscard]] bool out_of_time() const;
  [[noreturn]] void give_up() const;
  void give_up_if_hopeless() const;

  Cluster& cluster_;
  Topology& topology_;
  const Place& place_;
  const io::Call call_;
  RouteRequest request_;
  std::size_t attempts_left_;
  TimePoint missing_since_ = kNever;           ///< When no node was found first.
  const RoutingTable* table_;                  ///< The place's, or the newer one ...
  std::shared_ptr<const RoutingTable> newer_;  ///< ... that was looked up since.
  Route route_;

  std::vector<ErrorInfo> failures_;
  /// The newest table that cannot know yet what became of the node that failed last.
  std::uint64_t reported_ = 0;
  /// Whether a later table can tell more about it: its failure was its own, not the statement's.
  bool may_recover_ = true;
  /// Whether the primary refused the write and said that it is the primary.
  bool refused_ = false;
  /// How many connections broke under this statement.
  unsigned lost_ = 0;
};

}  // namespace grant::detail
