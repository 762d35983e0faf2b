#include "grant/io/poll_loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "descriptors.hpp"
#include "poll_events.hpp"

namespace grant::io {

/// Ends the loop's poll from any thread.
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

  /// The wait of `signal` is over. From any thread.
  void deliver(LoopSignal& signal) noexcept;

  /// The waits of those that were delivered, in that order.
  void take_delivered(std::vector<Wait*>& over);

  std::atomic<bool> cancelled = false;

 private:
  int fd_;
  std::atomic<LoopSignal*> delivered_ = nullptr;
};

/// Finds its wait by itself, so that the loop need not look at all of them.
class PollLoop::LoopSignal final : public Signal {
 public:
  explicit LoopSignal(std::shared_ptr<Wakeup> wakeup) : wakeup_(std::move(wakeup)) {}

  void set() noexcept override {
    if (state_.exchange(State::set, std::memory_order_acq_rel) == State::waited_for) {
      wakeup_->deliver(*this);
    }
  }

  [[nodiscard]] bool is_set() const noexcept {
    return state_.load(std::memory_order_acquire) == State::set;
  }

  // For the loop's thread.

  /// False when it is set: then it will not be delivered.
  [[nodiscard]] bool start(Wait& wait) noexcept {
    wait_ = &wait;
    auto state = State::idle;
    return state_.compare_exchange_strong(state, State::waited_for, std::memory_order_acq_rel);
  }

  /// False when it is set: then it will be delivered, and the wait, which keeps it alive, must last
  /// until then.
  [[nodiscard]] bool stop() noexcept {
    auto state = State::waited_for;
    return state_.compare_exchange_strong(state, State::idle, std::memory_order_acq_rel);
  }

 private:
  friend class Wakeup;

  enum class State : std::uint8_t { idle, waited_for, set };

  std::shared_ptr<Wakeup> wakeup_;
  std::atomic<State> state_ = State::idle;
  Wait* wait_ = nullptr;
  LoopSignal* next_ = nullptr;  // among the delivered ones
};

void PollLoop::Wakeup::deliver(LoopSignal& signal) noexcept {
  // The loop may end the wait, and the signal lose one of its owners, as soon as it is in the list.
  auto* first = delivered_.load(std::memory_order_relaxed);
  do {
    signal.next_ = first;
  } while (!delivered_.compare_exchange_weak(first, &signal, std::memory_order_release,
                                             std::memory_order_relaxed));
  wake();
}

void PollLoop::Wakeup::take_delivered(std::vector<Wait*>& over) {
  const auto before = static_cast<std::ptrdiff_t>(over.size());
  const auto* signal = delivered_.exchange(nullptr, std::memory_order_acquire);
  for (; signal != nullptr; signal = signal->next_) over.push_back(signal->wait_);
  std::reverse(over.begin() + before, over.end());  // the first to be set goes on first
}

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

PollLoop::PollLoop()
    : wakeup_(std::make_shared<Wakeup>()), descriptors_(std::make_unique<Descriptors>()) {}

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

void PollLoop::start(Wait& wait) {
  waits_.emplace(wait.deadline, &wait);
  if (wait.fd >= 0) descriptors_->add(wait);
  if (wait.signal != nullptr && !static_cast<LoopSignal*>(wait.signal)->start(wait)) {
    ready_.push_back(&wait);
  }
}

void PollLoop::wait_once() {
  auto over = std::exchange(ready_, {});
  const auto until = !over.empty()    ? TimePoint::min()
                     : waits_.empty() ? kNever
                                      : waits_.begin()->first;
  if (descriptors_->poll(wakeup_->fd(), poll_timeout(until, now()), over)) wakeup_->drain();
  wakeup_->take_delivered(over);
  for (auto* wait : over) {
    wait->outcome = Outcome::ready;
    waits_.erase({wait->deadline, wait});
  }
  take_due(over);
  // Resumed coroutines may add waits, and end others: what is over is all known by now.
  for (const auto* wait : over) wait->waiting.resume();
}

/// Those whose deadline has passed; all, when the loop is cancelled.
void PollLoop::take_due(std::vector<Wait*>& over) {
  const bool cancelled = is_cancelled();
  const auto time = now();
  for (auto next = waits_.begin(); next != waits_.end() && (cancelled || next->first <= time);) {
    auto& wait = *next->second;
    if (wait.signal != nullptr && !static_cast<LoopSignal*>(wait.signal)->stop()) {
      ++next;  // on its way
      continue;
    }
    if (wait.fd >= 0) descriptors_->remove(wait);
    wait.outcome = Outcome::timed_out;
    over.push_back(&wait);
    next = waits_.erase(next);
  }
  if (cancelled) {
    for (auto* wait : over) wait->outcome = Outcome::cancelled;
  }
}

}  // namespace grant::io
