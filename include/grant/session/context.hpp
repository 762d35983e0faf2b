#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "grant/cluster/origin.hpp"
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
  /// The transaction that is open in this level, and the database and shard that it is on; null:
  /// none is. Expired: it has ended.
  std::weak_ptr<OpenTransaction> transaction{};
  const Origin* transaction_on = nullptr;
};

using ContextPtr = std::shared_ptr<const ContextFrame>;

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
[[nodiscard]] const ContextPtr& current_context() noexcept;

/// Makes `frame` the calling thread's context while it lives.
class ContextScope {
 public:
  /// As a level inside the context that there is.
  explicit ContextScope(ContextFrame frame);
  ContextScope(std::string_view only_for, ConnectedTo change);

  /// In place of the context that there is.
  explicit ContextScope(ContextPtr context);
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  ~ContextScope();

 private:
  ContextPtr before_;
};

/// What a statement is made in: the calling thread's context, or one that it was handed.
struct Scope {
  ContextPtr context{};
  bool handed = false;

  /// The calling thread's.
  [[nodiscard]] static Scope here() { return {current_context(), false}; }
};

}  // namespace detail

/// Where and how queries run, as a value: whose session it is, what connected_to() changed, and
/// which transaction is open. Immutable; copies are the same context, may go to other threads, and
/// are cheap.
///
/// Each thread has one of its own, which Session::run(), connected_to() and transaction() change
/// for as long as their function runs; queries are made in that one unless they are handed another:
///
///     grant::Session session;
///     auto reading = session.context().connected_to({.role = grant::Role::reading});
///     auto user = User::in(reading).find(1);
///
/// A coroutine that may go on on another thread hands its queries what it captured.
class Context {
 public:
  /// The calling thread's.
  [[nodiscard]] static Context current() { return Context(detail::current_context()); }

  /// This one with these changes; a timeout counts from now.
  [[nodiscard]] Context connected_to(ConnectedTo to) const;

  /// This one, in which writes are refused with ReadOnlyError.
  [[nodiscard]] Context preventing_writes() const;

  /// Runs `function` with this as the calling thread's context, and returns its result.
  template <class Function>
  decltype(auto) run(Function&& function) const {
    const detail::ContextScope scope(frames_);
    return std::forward<Function>(function)();
  }

  /// For the functions that take a context.
  [[nodiscard]] detail::Scope scope() const { return {frames_, true}; }

 private:
  friend class Session;
  friend class Transaction;

  explicit Context(detail::ContextPtr frames) noexcept : frames_(std::move(frames)) {}

  detail::ContextPtr frames_;  // never null
};

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
