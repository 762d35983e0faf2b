#include "grant/io/waiter.hpp"

#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "grant/core/mutex.hpp"
#include "grant/io/task.hpp"
#include "poll_events.hpp"

namespace grant {

void detail::fail_run_suspended() {
  std::fputs(
      "grant::run: the task suspended; only tasks that wait through the blocking waiter may be "
      "run\n",
      stderr);
  std::abort();
}

namespace io {
namespace {

class BlockingSignal final : public Signal {
 public:
  void set() noexcept override {
    {
      const Lock lock(mutex_);
      set_ = true;
    }
    condition_.notify_one();
  }

  Outcome wait_until(TimePoint deadline) {
    const Lock lock(mutex_);
    while (!set_ && Clock::system().now() < deadline) condition_.wait_until(mutex_, deadline);
    return set_ ? Outcome::ready : Outcome::timed_out;
  }

 private:
  Mutex mutex_;
  Condition condition_;
  bool set_ GRANT_GUARDED_BY(mutex_) = false;
};

/// poll() on one descriptor, or a sleep when `fd` is -1.
Outcome poll_until(int fd, Interest interest, TimePoint deadline) {
  pollfd entry{fd, poll_events(interest), 0};
  while (true) {
    const auto left = poll_timeout(deadline, Clock::system().now());
    const int ready = ::ppoll(&entry, 1, left ? &*left : nullptr, nullptr);
    if (ready > 0) return Outcome::ready;
    if (ready == 0 && deadline <= Clock::system().now()) return Outcome::timed_out;
    // Anything but an interrupted call (a bad descriptor, no memory) shows at once in the read or
    // write that follows.
    if (ready < 0 && errno != EINTR) return Outcome::ready;
  }
}

class BlockingWaiter final : public Waiter {
 public:
  [[nodiscard]] bool blocks() const noexcept override { return true; }

  std::shared_ptr<Signal> make_signal() override { return std::make_shared<BlockingSignal>(); }

  bool finish_now(Wait& wait) override {
    wait.outcome = wait.signal != nullptr
                       ? static_cast<BlockingSignal*>(wait.signal)->wait_until(wait.deadline)
                       : poll_until(wait.fd, wait.interest, wait.deadline);
    return true;
  }

  void start(Wait& wait) override {
    finish_now(wait);
    wait.waiting.resume();
  }
};

}  // namespace

TimePoint Waiter::now() const noexcept { return Clock::system().now(); }

Waiter& blocking_waiter() noexcept {
  // Never destroyed: connections may be closed while the process ends.
  static auto& waiter = *new BlockingWaiter;
  return waiter;
}

}  // namespace io
}  // namespace grant
