#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "grant/session/execution.hpp"
#include "open_transaction.hpp"
#include "registry/shares.hpp"
#include "session_state.hpp"

namespace grant::detail {

/// Where the statements of one operation go: found once, owned until the operation ends, and asked
/// for everything that depends on it. What it was found by may be gone by then.
class Place {
 public:
  /// Errors: as Registry::cluster().
  explicit Place(Access access);

  [[nodiscard]] Adapter adapter() const noexcept { return cluster().adapter(); }
  [[nodiscard]] Timestamp wall_time() const { return cluster().clock().wall_time(); }
  [[nodiscard]] const Origin& origin() const noexcept { return cluster().origin(); }

  [[nodiscard]] Cluster& cluster() const noexcept { return *found_->cluster; }
  [[nodiscard]] SessionState& session() const noexcept { return *session_; }

  /// What owns the cluster, and the session.
  [[nodiscard]] const std::shared_ptr<const Found>& found() const noexcept { return found_; }
  [[nodiscard]] const ContextPtr& context() const noexcept { return context_; }

  /// The transaction that the statements join; null: none.
  [[nodiscard]] const std::shared_ptr<OpenTransaction>& transaction() const noexcept {
    return transaction_;
  }

  /// The context's deadline.
  [[nodiscard]] TimePoint deadline() const noexcept { return deadline_; }

  /// Whether the SQL is the caller's own.
  [[nodiscard]] bool is_raw() const noexcept { return raw_; }

  /// The line of the user's that asked.
  [[nodiscard]] CallSite site() const noexcept { return site_; }

  /// How often a statement that was certainly not executed is tried again.
  [[nodiscard]] std::size_t retries() const noexcept {
    return connection_.retry_attempts.value_or(routing().failover_retry_attempts);
  }
  [[nodiscard]] const RoutingOptions& routing() const noexcept {
    return found_->table->options.routing;
  }

  /// What routing asks about a statement with this effect.
  [[nodiscard]] RouteRequest request(Effect effect) const;

  /// Throws ReadOnlyError for a write where writes are prevented.
  void refuse_prevented(Effect effect) const;

  /// The session reads its own writes from now on.
  void wrote() const { session_->wrote(cluster(), routing().sticky_period); }

 private:
  ContextPtr context_;                  // owns the session
  std::shared_ptr<const Found> found_;  // owns the cluster
  SessionState* session_;
  std::shared_ptr<OpenTransaction> transaction_;
  ModelConnection connection_;  // its database is not looked at any more
  std::optional<Role> role_;
  TimePoint deadline_;
  CallSite site_;
  bool prevents_writes_;
  bool raw_;
};

}  // namespace grant::detail
