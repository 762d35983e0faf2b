#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "grant/cluster/cluster.hpp"
#include "grant/core/mutex.hpp"
#include "grant/registry/registry.hpp"
#include "grant/session/session.hpp"

namespace grant::detail {

/// One of a few, which forked children find unlocked: there are too many sessions for one each.
[[nodiscard]] Mutex& mutex_for_session() noexcept;

/// What the copies of one Session share. Thread-safe.
class SessionState {
 public:
  explicit SessionState(std::shared_ptr<Registry> registry) : registry_(std::move(registry)) {}

  /// Errors: configuration, when there is none.
  [[nodiscard]] std::shared_ptr<Registry> registry() const {
    return registry_ ? registry_ : shared_registry();
  }

  /// From now on, and for its sticky_period, reads of `cluster` go to the primary.
  void wrote(const Cluster& cluster) {
    const auto period = cluster.routing().sticky_period;
    if (period.count() > 0) stick_key(cluster.name(), after(cluster.clock().now(), period));
  }

  /// Reads of every shard of `database` go to the primary until then.
  void stick_database(std::string_view database, TimePoint until) {
    stick_key(every_shard(database), until);
  }

  [[nodiscard]] bool sticks_to_primary(const Cluster& cluster, TimePoint now) const {
    const Lock lock(mutex_);
    if (sticky_until_.empty()) return false;
    return runs_locked(cluster.name(), now) || runs_locked(every_shard(cluster.database()), now);
  }

  void served(const std::shared_ptr<Cluster>& cluster, std::size_t node, RouteReason reason) {
    auto name = cluster->node(node).shared_name();
    const Lock lock(mutex_);
    last_node_.swap(name);
    last_reason_ = reason;
  }

  [[nodiscard]] std::optional<Served> last_served() const {
    const Lock lock(mutex_);
    if (!last_node_) return std::nullopt;
    return Served{*last_node_, last_reason_};
  }

 private:
  static std::string every_shard(std::string_view database) { return std::string(database) + "@*"; }

  void stick_key(std::string key, TimePoint until) {
    const Lock lock(mutex_);
    auto& slot = sticky_until_[std::move(key)];
    slot = std::max(slot, until);
  }

  [[nodiscard]] bool runs_locked(const std::string& key, TimePoint now) const
      GRANT_REQUIRES(mutex_) {
    const auto found = sticky_until_.find(key);
    return found != sticky_until_.end() && now < found->second;
  }

  const std::shared_ptr<Registry> registry_;  // null: the global one

  Mutex& mutex_ = mutex_for_session();
  std::map<std::string, TimePoint> sticky_until_ GRANT_GUARDED_BY(mutex_);
  // Only its name: a session must not keep a cluster that was closed.
  std::shared_ptr<const std::string> last_node_ GRANT_GUARDED_BY(mutex_);
  RouteReason last_reason_ GRANT_GUARDED_BY(mutex_){};
};

/// The session that `context` is in: the innermost one that it names, or the calling thread's own.
[[nodiscard]] std::shared_ptr<SessionState> session_of(const ContextFrame* context);

}  // namespace grant::detail
