#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "grant/cluster/role.hpp"
#include "grant/core/clock.hpp"

namespace grant {

/// What connected_to() changes, for as long as its function runs. Fields that are left out keep
/// what the surrounding context says.
struct ConnectedTo {
  /// Run the queries on this database, whatever the model says.
  std::string database{};
  std::optional<Role> role{};
  std::string shard{};
  /// Refuse writes with ReadOnlyError.
  bool prevent_writes = false;
  /// Longest time that the function's statements may take together.
  std::optional<std::chrono::milliseconds> timeout{};
};

namespace detail {

class SessionState;
class OpenTransaction;

/// One level of the context, and the ones around it. Immutable.
struct ContextFrame {
  std::shared_ptr<const ContextFrame> outer{};
  /// The database whose models this level is for; empty: all.
  std::string only_for{};
  std::string database{};
  std::optional<Role> role{};
  std::string shard{};
  bool prevent_writes = false;
  TimePoint deadline = kNever;
  std::shared_ptr<SessionState> session{};
  /// Looked at only by the thread whose context this is, while it is in the transaction.
  OpenTransaction* transaction = nullptr;
};

using Context = std::shared_ptr<const ContextFrame>;

/// What a context means for the models of one database.
struct Target {
  std::string_view database;
  std::string_view shard = "default";
  std::optional<Role> role{};
  bool prevent_writes = false;
  TimePoint deadline = kNever;
};

/// Inner levels come first, and each field by itself; only a shard does not reach into a level that
/// names another database. The views belong to `context` and `database`. Pure.
[[nodiscard]] Target resolve(const ContextFrame* context, std::string_view database);

/// The calling thread's context; never null. Its outermost level has the thread's own session.
[[nodiscard]] const Context& current_context() noexcept;

/// Makes `frame` the calling thread's context while it lives.
class ContextScope {
 public:
  explicit ContextScope(ContextFrame frame);
  ContextScope(std::string_view only_for, ConnectedTo change);
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  ~ContextScope();
};

}  // namespace detail

/// Runs `function` with the queries that it makes connected as `to` says, and returns its result.
/// Calls nest. Applies to the calling thread.
///
///     grant::connected_to({.role = grant::Role::reading}, [] { return User::count(); });
template <class Function>
decltype(auto) connected_to(ConnectedTo to, Function&& function) {
  const detail::ContextScope scope("", std::move(to));
  return std::forward<Function>(function)();
}

/// Runs `function` and refuses the writes that it tries, with ReadOnlyError.
template <class Function>
decltype(auto) while_preventing_writes(Function&& function) {
  ConnectedTo to;
  to.prevent_writes = true;
  return connected_to(std::move(to), std::forward<Function>(function));
}

}  // namespace grant
