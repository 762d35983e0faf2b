#pragma once

#include <atomic>
#include <cassert>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace grant {

template <class T>
class Task;

/// What a finished Task<void> is made from: `return grant::Done();`.
struct Done {};

namespace detail {

template <class T>
using Finished = std::conditional_t<std::is_void_v<T>, Done, T>;

/// Memory for the frame of a coroutine, of `size` bytes. Each thread keeps a few that it was done
/// with for the next ones: every call has some, and they last as long as it.
[[nodiscard]] void* take_frame(std::size_t size);
void give_frame(void* frame, std::size_t size) noexcept;

/// What every Task's frame holds: who awaits it, and whether it has ended.
class TaskPromiseBase {
 public:
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    void await_resume() const noexcept {}

    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      TaskPromiseBase& promise = self.promise();
      // Whoever comes second carries on. If the awaiting side is already asleep, wake it; if not,
      // it will see `ended`, and may destroy this frame at once: touch nothing after the exchange.
      if (promise.state_.exchange(State::ended, std::memory_order_acq_rel) == State::awaited) {
        return promise.continuation_;
      }
      return std::noop_coroutine();
    }
  };

  static void* operator new(std::size_t size) { return take_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { give_frame(frame, size); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  [[nodiscard]] bool ended() const noexcept {
    return state_.load(std::memory_order_acquire) == State::ended;
  }

  /// False: the task has ended meanwhile, so `continuation` must go on by itself.
  bool await_with(std::coroutine_handle<> continuation) noexcept {
    continuation_ = continuation;
    return state_.exchange(State::awaited, std::memory_order_acq_rel) != State::ended;
  }

 protected:
  void rethrow_if_failed() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  enum class State : unsigned char { running, awaited, ended };

  std::atomic<State> state_ = State::running;
  std::coroutine_handle<> continuation_;
  std::exception_ptr error_;
};

template <class T>
class TaskPromise : public TaskPromiseBase {
 public:
  Task<T> get_return_object() noexcept;

  template <class U>
  requires std::convertible_to<U, T>
  void return_value(U&& value) { value_.emplace(std::forward<U>(value)); }

  T take() {
    rethrow_if_failed();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> : public TaskPromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const { rethrow_if_failed(); }
};

}  // namespace detail

/// A computation that may wait. Nothing runs before it is awaited (or given to run()); then it runs
/// on the caller's stack until it has to wait for something. If it never has to, as with the
/// blocking waiter, awaiting it is a plain call: the caller is not suspended, and the stack does
/// not grow from one await to the next.
///
/// A task may also hold a result that is there already: `return value;` in a plain function that
/// gives a Task. That costs no frame.
///
/// Await or run a task exactly once. It owns its frame; destroying a task that waits is only safe
/// once its waiter has given it up.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  /// With a finished result. Constrained to what becomes one, which no task does.
  // NOLINTBEGIN(google-explicit-constructor,bugprone-forwarding-reference-overload)
  template <class U>
  requires std::convertible_to<U, detail::Finished<T>> Task(U&& result)
      : result_(std::forward<U>(result)) {}
  // NOLINTEND(google-explicit-constructor,bugprone-forwarding-reference-overload)

  Task(Task&& other) noexcept
      : handle_(std::exchange(other.handle_, {})), result_(std::move(other.result_)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(result_, other.result_);
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    const Task& task;

    // The work happens here, before the awaiting coroutine is suspended, so that work which never
    // waits costs no suspension.
    bool await_ready() const { return task.go(); }
    bool await_suspend(std::coroutine_handle<> caller) const noexcept {
      return task.handle_.promise().await_with(caller);
    }
    T await_resume() const { return task.take(); }
  };

  /// Whether it holds a result that was there when it was made: awaiting it runs nothing.
  [[nodiscard]] bool is_finished() const noexcept { return result_.has_value(); }

  /// The task must stay where it is until it has ended.
  Awaiter operator co_await() const noexcept {
    assert(result_ || (handle_ && !handle_.promise().ended()));
    return Awaiter{*this};
  }

 private:
  friend promise_type;
  template <class U>
  friend U run(Task<U> task);

  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  /// Runs up to the first wait. True: the result is there.
  bool go() const {
    if (result_) return true;
    handle_.resume();
    return handle_.promise().ended();
  }

  T take() const {
    if constexpr (std::is_void_v<T>) {
      if (!result_) handle_.promise().take();
    } else {
      return result_ ? std::move(*result_) : handle_.promise().take();
    }
  }

  std::coroutine_handle<promise_type> handle_;
  mutable std::optional<detail::Finished<T>> result_;  // taken by whoever awaits, once
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

[[noreturn]] void fail_run_suspended();

}  // namespace detail

/// Runs `task` to its end on this thread and returns its result, or throws its exception. For tasks
/// that wait through the blocking waiter only: one that suspends ends the program, because nobody
/// would ever resume it.
template <class T>
T run(Task<T> task) {
  if (!task.go()) detail::fail_run_suspended();
  return task.take();
}

}  // namespace grant
