#pragma once

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/dispatch.hpp>
#include <asio/executor_work_guard.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "grant/asio/operation.hpp"
#include "grant/io/task.hpp"

namespace grant::asio {

namespace detail {

template <class Task>
struct TaskOf;

template <class T>
struct TaskOf<Task<T>> {
  static_assert(std::is_void_v<T> || std::is_default_constructible_v<T>,
                "a handler gets an empty value beside an error, so it must have one");
  using Value = T;
  using Signature = void(std::exception_ptr, T);
};

template <>
struct TaskOf<Task<void>> {
  using Value = void;
  using Signature = void(std::exception_ptr);
};

template <class Function>
using TaskFrom = TaskOf<std::invoke_result_t<Function&, io::Call>>;

template <class Function, class Handler>
class TaskOperation final : public Operation {
 public:
  using Value = typename TaskFrom<Function>::Value;

  TaskOperation(const ::asio::any_io_executor& executor, Function function, Handler handler)
      : Operation(executor),
        function_(std::move(function)),
        work_(::asio::get_associated_executor(handler, executor)),
        handler_(std::move(handler)) {}
  ~TaskOperation() override { abandon(); }

  void begin(TimePoint deadline) { Operation::begin(drive(*this, io::Call(*this, deadline))); }

 private:
  struct Nothing {};
  using Work =
      ::asio::executor_work_guard<::asio::associated_executor_t<Handler, ::asio::any_io_executor>>;

  static Root drive(TaskOperation& self, io::Call call) {
    try {
      if constexpr (std::is_void_v<Value>) {
        co_await (*self.function_)(call);
      } else {
        auto task = (*self.function_)(call);
        self.value_.emplace(co_await task);
      }
    } catch (...) {
      self.error_ = std::current_exception();
    }
    self.ended();
  }

  void complete() override {
    function_.reset();  // before the handler is called: what it holds is free by then
    const Work work = std::move(work_);
    ::asio::dispatch(work.get_executor(), [handler = std::move(handler_), error = std::move(error_),
                                           value = std::move(value_)]() mutable {
      if constexpr (std::is_void_v<Value>) {
        std::move(handler)(std::move(error));
      } else {
        std::move(handler)(std::move(error), value ? std::move(*value) : Value());
      }
    });
  }

  std::optional<Function> function_;
  Work work_;
  Handler handler_;
  std::exception_ptr error_;
  std::optional<std::conditional_t<std::is_void_v<Value>, Nothing, Value>> value_;
};

struct Initiate {
  template <class Handler, class Function>
  void operator()(Handler handler, const ::asio::any_io_executor& executor, Function function,
                  TimePoint deadline) const {
    auto slot = ::asio::get_associated_cancellation_slot(handler);
    const auto operation = std::make_shared<TaskOperation<Function, Handler>>(
        executor, std::move(function), std::move(handler));
    if (slot.is_connected()) {
      slot.assign([wakeup = operation->wakeup()](::asio::cancellation_type type) {
        if (type != ::asio::cancellation_type::none) Operation::cancel(*wakeup);
      });
    }
    operation->begin(deadline);
  }
};

}  // namespace detail

/// Runs `function(call)`, which gives a Task<T>, without blocking: where it waits for a server, a
/// pool or a worker thread, other work of the execution context goes on. `deadline` is the call's.
///
/// Completes with (std::exception_ptr, T), or (std::exception_ptr) for a Task<void>, on the
/// handler's associated executor; `executor` is the default for that, and what the task runs on. T
/// has to be default-constructible. The function is kept until the task has ended, so a lambda that
/// is a coroutine may use what it captures.
///
/// A cancellation of the token's slot, of whatever type, ends the wait under way, and every later
/// one at once. What the task then throws is Errc::cancelled, or outcome_unknown when a write had
/// been sent; the connection is closed.
///
/// Each task runs in a strand of its own on `executor`, so any number may run on one thread, and
/// the context may have several threads; what tasks share beyond a Pool or Registry needs a strand
/// of yours as `executor`. Tasks that have not ended when the context is destroyed are destroyed
/// with it, so pools that they lease from must still be there.
template <class Executor, class Function, class CompletionToken>
auto async_run(const Executor& executor, Function function, TimePoint deadline,
               CompletionToken&& token) {
  using Signature = typename detail::TaskFrom<Function>::Signature;
  return ::asio::async_initiate<CompletionToken, Signature>(
      detail::Initiate{}, token, ::asio::any_io_executor(executor), std::move(function), deadline);
}

/// The same, without a deadline.
template <class Executor, class Function, class CompletionToken>
auto async_run(const Executor& executor, Function function, CompletionToken&& token) {
  return async_run(executor, std::move(function), kNever, std::forward<CompletionToken>(token));
}

}  // namespace grant::asio
