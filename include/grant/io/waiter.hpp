#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>

#include "grant/core/clock.hpp"

namespace grant::io {

/// What to wait for on a descriptor.
enum class Interest : std::uint8_t { read, write, read_or_write };

/// How a wait ended.
enum class Outcome : std::uint8_t { ready, timed_out, cancelled };

/// Wakes one wait, once. Made by the Waiter that will wait for it.
class Signal {
 public:
  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  virtual ~Signal() = default;

  /// Ends the wait, or lets a later one end at once. Thread-safe; never blocks for long.
  virtual void set() noexcept = 0;
};

/// One wait: for a descriptor, for a signal, or (neither given) for the deadline alone. Lives in
/// the frame of the coroutine that waits.
struct Wait {
  int fd = -1;
  Interest interest{};
  Signal* signal = nullptr;
  TimePoint deadline = kNever;
  Outcome outcome{};
  std::coroutine_handle<> waiting;  ///< Whom to resume.
};

/// How a call waits: by blocking its thread, or by suspending into an event loop; and by which
/// time. To run Grant on an event loop of your own, derive from this and implement make_signal(),
/// finish_now() and start().
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual ~Waiter() = default;

  /// The time that the deadlines of its calls are in: by default the machine's monotonic clock.
  /// Whatever waits here asks this and no other clock. Thread-safe.
  [[nodiscard]] virtual TimePoint now() const noexcept;

  /// Whether every wait is carried out at once, on the thread of its caller, which stands still
  /// meanwhile.
  [[nodiscard]] virtual bool blocks() const noexcept { return false; }

  [[nodiscard]] virtual std::shared_ptr<Signal> make_signal() = 0;

  /// True when `wait` was carried out right here and its outcome is set.
  virtual bool finish_now(Wait& wait) = 0;

  /// Arranges that `wait.outcome` is set and then `wait.waiting` resumed, once. `wait` stays where
  /// it is until then. A deadline that has passed is reported as timed_out, unless the wait is
  /// ready: whoever waits looks at the clock himself, and takes what has arrived by then.
  virtual void start(Wait& wait) = 0;
};

/// How one operation waits, and until when. Passed down from the caller to the socket. Small; pass
/// it by value. The waiter must outlive the operation.
class Call {
 public:
  explicit Call(Waiter& waiter, TimePoint deadline = kNever) noexcept
      : waiter_(&waiter), deadline_(deadline) {}

  [[nodiscard]] Waiter& waiter() const noexcept { return *waiter_; }
  [[nodiscard]] TimePoint deadline() const noexcept { return deadline_; }

  /// The waiter's time.
  [[nodiscard]] TimePoint now() const noexcept { return waiter_->now(); }

  /// The same call, ending at `deadline` if that is sooner.
  [[nodiscard]] Call until(TimePoint deadline) const noexcept {
    return Call(*waiter_, deadline < deadline_ ? deadline : deadline_);
  }

  class Awaiter {
   public:
    Awaiter(Waiter& waiter, Wait wait) noexcept : waiter_(waiter), wait_(wait) {}
    bool await_ready() { return waiter_.finish_now(wait_); }
    void await_suspend(std::coroutine_handle<> waiting) {
      wait_.waiting = waiting;
      waiter_.start(wait_);
    }
    Outcome await_resume() const noexcept { return wait_.outcome; }

   private:
    Waiter& waiter_;
    Wait wait_;
  };

  /// Until `fd` is ready. Awaiting it gives the Outcome.
  [[nodiscard]] Awaiter ready(int fd, Interest interest) const noexcept {
    Wait wait;
    wait.fd = fd;
    wait.interest = interest;
    wait.deadline = deadline_;
    return Awaiter(*waiter_, wait);
  }

  /// Until `signal` is set. It must come from this waiter's make_signal().
  [[nodiscard]] Awaiter signalled(Signal& signal) const noexcept {
    Wait wait;
    wait.signal = &signal;
    wait.deadline = deadline_;
    return Awaiter(*waiter_, wait);
  }

  /// Until `time` or the deadline, whichever is first; ends with timed_out or cancelled.
  [[nodiscard]] Awaiter sleep_until(TimePoint time) const noexcept {
    Wait wait;
    wait.deadline = time < deadline_ ? time : deadline_;
    return Awaiter(*waiter_, wait);
  }

 private:
  Waiter* waiter_;
  TimePoint deadline_;
};

/// Blocks the calling thread. One for the whole process; thread-safe.
[[nodiscard]] Waiter& blocking_waiter() noexcept;

}  // namespace grant::io
