#pragma once

#include <utility>

#include "grant/driver/connection.hpp"

namespace grant {

class Pool;

namespace detail {
class PoolCore;
struct PoolSlot;
}  // namespace detail

/// A connection checked out of a pool, returned by the destructor. For one caller at a time; it may
/// move between threads. It may outlive its Pool.
///
/// What a borrower left behind is never handed on. An open transaction is rolled back: in the
/// destructor, waiting at most a second for the server, where the lease was taken by a blocking
/// caller, and otherwise in the background. A changed session (Connection::session_changed()) is
/// reset in the background. Where that fails, the connection is closed.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)), may_block_(other.may_block_) {}
  Lease& operator=(Lease&& other) noexcept {
    std::swap(slot_, other.slot_);
    std::swap(may_block_, other.may_block_);
    return *this;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (slot_ != nullptr) give_back();
  }

  [[nodiscard]] explicit operator bool() const noexcept { return slot_ != nullptr; }
  [[nodiscard]] Connection& operator*() const noexcept { return connection(); }
  [[nodiscard]] Connection* operator->() const noexcept { return &connection(); }

  /// Says that another thread will give the connection back. Without it, the thread that checked
  /// out all connections of a pool and asks for one more is refused at once, as one that would wait
  /// for itself.
  void hand_over() noexcept;

 private:
  friend class detail::PoolCore;

  Lease(detail::PoolSlot& slot, bool may_block) noexcept : slot_(&slot), may_block_(may_block) {}

  [[nodiscard]] Connection& connection() const noexcept;
  void give_back() noexcept;

  detail::PoolSlot* slot_ = nullptr;
  bool may_block_ = false;
};

}  // namespace grant
