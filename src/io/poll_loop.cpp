#include "grant/io/poll_loop.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <system_error>
#include <utility>

#include "poll_events.hpp"

namespace grant::io {

/// Ends the loop's poll() from any thread.
class PollLoop::Wakeup {
 public:
  Wakeup() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  ~Wakeup() { ::close(fd_); }

  [[nodiscard]] int fd() const noexcept { return fd_; }

  void wake() const noexcept {
    // Fails only when the counter is full, and then the loop is being woken anyway.
    static_cast<void>(::eventfd_write(fd_, 1));
  }

  void drain() const noexcept {
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(fd_, &count));
  }

  std::atomic<bool> cancelled = false;

 private:
  int fd_;
};

class PollLoop::LoopSignal final : public Signal {
 public:
  explicit LoopSignal(std::shared_ptr<Wakeup> wakeup) : wakeup_(std::move(wakeup)) {}

  void set() noexcept override {
    set_.store(true, std::memory_order_release);
    wakeup_->wake();
  }

  [[nodiscard]] bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }

 private:
  std::shared_ptr<Wakeup> wakeup_;
  std::atomic<bool> set_ = false;
};

/// A coroutine that nobody awaits: it frees itself.
struct PollLoop::Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

PollLoop::PollLoop() : wakeup_(std::make_shared<Wakeup>()) {}

PollLoop::~PollLoop() { assert(tasks_ == 0 && "run() the loop to its end before destroying it"); }

PollLoop::Detached PollLoop::keep(Task<void> task) {
  ++tasks_;
  co_await task;
  --tasks_;
}

void PollLoop::spawn(Task<void> task) { keep(std::move(task)); }

void PollLoop::run() {
  while (tasks_ > 0) wait_once();
}

void PollLoop::cancel() noexcept {
  wakeup_->cancelled.store(true, std::memory_order_release);
  wakeup_->wake();
}

bool PollLoop::is_cancelled() const noexcept {
  return wakeup_->cancelled.load(std::memory_order_acquire);
}

std::shared_ptr<Signal> PollLoop::make_signal() { return std::make_shared<LoopSignal>(wakeup_); }

bool PollLoop::finish_now(Wait& wait) {
  if (is_cancelled()) {
    wait.outcome = Outcome::cancelled;
    return true;
  }
  // A signal that was set earlier has used up its wake-up already.
  if (wait.signal != nullptr && static_cast<LoopSignal*>(wait.signal)->is_set()) {
    wait.outcome = Outcome::ready;
    return true;
  }
  return false;
}

void PollLoop::start(Wait& wait) { waits_.push_back(&wait); }

bool PollLoop::finish_if_over(Wait& wait, short seen, TimePoint now) const {
  if (is_cancelled()) {
    wait.outcome = Outcome::cancelled;
  } else if (seen != 0 ||
             (wait.signal != nullptr && static_cast<LoopSignal*>(wait.signal)->is_set())) {
    wait.outcome = Outcome::ready;
  } else if (wait.deadline <= now) {
    wait.outcome = Outcome::timed_out;
  } else {
    return false;
  }
  return true;
}

void PollLoop::wait_once() {
  std::vector<pollfd> polled;
  polled.reserve(waits_.size() + 1);
  TimePoint deadline = kNever;
  for (const Wait* wait : waits_) {
    polled.push_back({wait->fd, poll_events(wait->interest), 0});  // poll() skips fd -1
    deadline = std::min(deadline, wait->deadline);
  }
  polled.push_back({wakeup_->fd(), POLLIN, 0});

  const auto left = poll_timeout(deadline, Clock::system().now());
  if (::ppoll(polled.data(), polled.size(), left ? &*left : nullptr, nullptr) < 0) {
    for (auto& entry : polled) entry.revents = 0;  // interrupted
  }
  wakeup_->drain();

  // Resumed coroutines may add waits: take those that are over out of the list first.
  const auto now = Clock::system().now();
  std::vector<Wait*> over;
  std::vector<Wait*> pending;
  for (std::size_t i = 0; i < waits_.size(); ++i) {
    (finish_if_over(*waits_[i], polled[i].revents, now) ? over : pending).push_back(waits_[i]);
  }
  waits_ = std::move(pending);
  for (const Wait* wait : over) wait->waiting.resume();
}

}  // namespace grant::io
