#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "grant/cluster/cluster.hpp"
#include "grant/session/transaction.hpp"
#include "registry/shares.hpp"

namespace grant::detail {

struct Attempt;
class Place;
class SessionState;

/// A transaction that statements can join, one at a time: who comes while another one is at it is
/// told so.
class OpenTransaction {
 public:
  /// The one statement that is under way in it. Errors: invalid_argument, when there is another.
  class InUse {
   public:
    explicit InUse(OpenTransaction& transaction);
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;
    ~InUse() { transaction_.in_use_.store(false, std::memory_order_release); }

   private:
    OpenTransaction& transaction_;
  };

  /// `runs`, if any, is told what becomes of it.
  OpenTransaction(const Place& place, Attempt attempt, Effect effect, TransactionRuns* runs);
  OpenTransaction(const OpenTransaction&) = delete;
  OpenTransaction& operator=(const OpenTransaction&) = delete;
  ~OpenTransaction();

  [[nodiscard]] SessionState& session() const noexcept { return *session_; }
  [[nodiscard]] Cluster& cluster() const noexcept { return *found_->cluster; }
  [[nodiscard]] Node& node() const noexcept { return node_; }

  /// What owns the cluster.
  [[nodiscard]] const std::shared_ptr<const Found>& found() const noexcept { return found_; }
  [[nodiscard]] Connection& connection() const noexcept { return *lease_; }

  /// Other threads than the one that began it may end it.
  void hand_over() noexcept { lease_.hand_over(); }

  [[nodiscard]] bool wrote() const noexcept { return wrote_; }
  void note_write() noexcept { wrote_ = true; }

  /// Whether a statement inside has ended it, so that what follows would not be part of it.
  [[nodiscard]] bool is_over() const noexcept { return over_.has_value(); }

  /// Throws where it is over; `tried` says what for.
  void refuse_if_over(std::string_view tried) const;

  /// Takes in what the statement that was just run has made of it. `sql` is that statement.
  void look(std::string_view sql);

  /// Takes in that `statement` has failed, and throws what that means here.
  [[noreturn]] void fail(const Statement& statement, const Error& error);

  /// The same for the commit.
  [[noreturn]] void fail_commit(const Error& error);

  /// One more transaction inside this one, as a savepoint: how many there are now.
  unsigned enter() noexcept { return ++depth_; }
  void leave() noexcept { --depth_; }

 private:
  [[noreturn]] void rethrow(ErrorInfo info, Effect effect);
  void note(TransactionRuns::Fate fate) const noexcept {
    if (runs_ != nullptr) runs_->note(fate);
  }

  /// The session reads its own writes from now on.
  void mark_written() const;

  const ContextPtr context_;  // owns the session
  SessionState* const session_;
  const std::shared_ptr<const Found> found_;
  const std::shared_ptr<const RoutingTable> newer_;  // owns the node, where `found_` does not
  Node& node_;
  Node::InFlight in_flight_;
  Lease lease_;
  Effect effect_;
  TransactionRuns* runs_;
  std::atomic<bool> in_use_ = false;

  // Of whoever uses it:
  std::optional<ErrorInfo> over_;
  bool wrote_ = false;
  unsigned depth_ = 0;
};

}  // namespace grant::detail
