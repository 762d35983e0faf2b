#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant::io {

/// Threads for work that can only block. They own what they run: nobody ever joins them, and they
/// are cut off wherever they are when the process ends. Thread-safe.
class Workers {
 public:
  /// At most `most` threads, at least 1. Each is started when it is first needed, and stays.
  explicit Workers(std::size_t most);

  /// Does not wait: what was posted still runs, and then the threads end.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Runs `work`, which must not throw, on a thread, as soon as one is free; in order, if it has to
  /// queue. Returns at once. Errors: unavailable, when there is no thread and none can be started.
  void post(std::function<void()> work);

 private:
  class Shared;

  std::shared_ptr<Shared> shared_;
};

/// The workers for everything that has none of its own; up to 32 threads.
[[nodiscard]] Workers& workers();

/// How a wait for a worker ended, and what the work gave: a value when it is Outcome::ready.
template <class T>
struct Offloaded {
  Outcome outcome{};
  std::optional<T> value{};
};

template <>
struct Offloaded<void> {
  Outcome outcome{};
};

namespace detail {

/// What the waiting call and the worker share.
template <class F>
class Job {
 public:
  using Value = std::invoke_result_t<F&>;

  Job(F work, std::shared_ptr<Signal> done) : work_(std::move(work)), done_(std::move(done)) {}

  void run() noexcept {
    if (!abandoned_.load(std::memory_order_relaxed)) try_work();
    work_.reset();  // before the call goes on: what the work holds is free by then
    done_->set();
  }

  /// For the waiting call, which takes no value then.
  void abandon() noexcept { abandoned_.store(true, std::memory_order_relaxed); }

  [[nodiscard]] Signal& done() const noexcept { return *done_; }

  Offloaded<Value> take() {
    if (error_) std::rethrow_exception(std::move(error_));
    if constexpr (std::is_void_v<Value>) {
      return {Outcome::ready};
    } else {
      return {Outcome::ready, std::move(value_)};
    }
  }

 private:
  struct Nothing {};

  void try_work() noexcept {
    try {
      if constexpr (std::is_void_v<Value>) {
        (*work_)();
      } else {
        value_.emplace((*work_)());
      }
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  std::optional<F> work_;
  std::optional<std::conditional_t<std::is_void_v<Value>, Nothing, Value>> value_;
  std::exception_ptr error_;
  const std::shared_ptr<Signal> done_;
  std::atomic<bool> abandoned_ = false;
};

}  // namespace detail

/// Runs `work()` on one of the `threads` and waits for it as `call` says. Gives its value, or
/// throws what it threw.
///
/// When the deadline passes or the wait is cancelled first, the task ends with that outcome; work
/// that has not begun then never does, and work that has begun runs on, its result unseen. So it
/// must own whatever it uses; it is destroyed on the worker, before this task goes on.
///
/// Before GCC 13, give the work a name first: a lambda that is written inside the co_await, and
/// owns what it captures, is destroyed twice.
template <class F>
Task<Offloaded<std::invoke_result_t<F&>>> offload(Call call, F work, Workers& threads = workers()) {
  const auto job = std::make_shared<detail::Job<F>>(std::move(work), call.waiter().make_signal());
  threads.post([job] { job->run(); });
  const Outcome outcome = co_await call.signalled(job->done());
  if (outcome == Outcome::ready) co_return job->take();
  job->abandon();
  co_return Offloaded<std::invoke_result_t<F&>>{outcome};
}

}  // namespace grant::io
