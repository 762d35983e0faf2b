#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "grant/core/clock.hpp"
#include "grant/core/error.hpp"
#include "grant/io/waiter.hpp"
#include "slot.hpp"

namespace grant::detail {

/// Signals to set later, when no lock is held.
class Wakes {
 public:
  void add(std::shared_ptr<io::Signal> signal) {
    (first_ ? others_.emplace_back() : first_) = std::move(signal);
  }

  void set_all() noexcept {
    if (first_) first_->set();
    for (const auto& signal : others_) signal->set();
  }

 private:
  std::shared_ptr<io::Signal> first_;  // mostly there is one, which then allocates nothing
  std::vector<std::shared_ptr<io::Signal>> others_;
};

/// A caller that waits, and the answer that it finds when its signal is set. Lives in the caller's
/// frame.
struct PoolWaiter {
  enum class Answer : std::uint8_t {
    none,    ///< It waits, or is told to look whether something is idle.
    slot,    ///< It has `slot`, which is leased.
    failed,  ///< Nothing can be opened: `error`.
    closed,  ///< The pool is.
  };

  TimePoint began{};
  TimePoint deadline = kNever;
  const void* thread = nullptr;   ///< Of a blocking caller.
  bool open_before = false;       ///< There was a connection when it came.
  std::uint64_t opened_before{};  ///< How many had ever been opened then.

  // The queue's.
  std::shared_ptr<io::Signal> signal;
  TimePoint since{};
  bool queued = false;
  bool told = false;                          ///< Its signal is set, or going to be.
  std::atomic<Answer> answer = Answer::none;  ///< Read without the lock as a hint.
  PoolSlot* slot = nullptr;
  std::shared_ptr<const ErrorInfo> error;
};

/// Those who wait for a connection: who comes first is served first. A value, which does not
/// synchronise itself: in a pool its lock guards it. Whom to wake goes into `Wakes`, for after
/// that.
class WaitingQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return waiters_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return waiters_.size(); }
  [[nodiscard]] const PoolWaiter* head() const noexcept {
    return waiters_.empty() ? nullptr : waiters_.front();
  }
  [[nodiscard]] TimePoint latest_deadline() const noexcept;

  /// At the end.
  void join(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal, TimePoint now);

  /// After it has looked in vain: its place stays, and with it the right to be next.
  static void stay(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal) noexcept;

  void leave(PoolWaiter& waiter);

  /// Has the head look for something idle, and compete for it.
  void tell_head(Wakes& wakes);

  /// Gives the head a slot, which is leased for it.
  void serve_head(PoolSlot& slot, Wakes& wakes);

  /// Ends the wait of all but the first `spared`.
  void dismiss(std::size_t spared, PoolWaiter::Answer answer,
               const std::shared_ptr<const ErrorInfo>& error, Wakes& wakes);

 private:
  static void tell(PoolWaiter& waiter, Wakes& wakes);

  std::deque<PoolWaiter*> waiters_;
};

}  // namespace grant::detail
