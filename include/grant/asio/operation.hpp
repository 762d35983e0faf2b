#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include "grant/io/waiter.hpp"

namespace grant::asio::detail {

/// One asynchronous operation: a task, and the waiter that it waits with. Everything runs in a
/// strand of its own; wake-ups come from anywhere.
///
/// Who owns whom: handlers that Asio keeps for the operation own it, and it owns the task. So when
/// the execution context is destroyed first, the task goes with the handlers. Signals and
/// cancellation, which outlive either, own a Wakeup, which only knows the operation.
class Operation : public io::Waiter, public std::enable_shared_from_this<Operation> {
 public:
  enum class Wake : std::uint8_t { signalled, cancelled };
  class Wakeup;

  /// What the task runs in. It starts at once and frees itself at its end.
  class Root {
   public:
    struct promise_type {
      Root get_return_object() noexcept {
        return Root(std::coroutine_handle<promise_type>::from_promise(*this));
      }
      std::suspend_always initial_suspend() const noexcept { return {}; }
      std::suspend_never final_suspend() const noexcept { return {}; }
      void return_void() const noexcept {}
      [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    };

    [[nodiscard]] std::coroutine_handle<> handle() const noexcept { return handle_; }

   private:
    explicit Root(std::coroutine_handle<> handle) noexcept : handle_(handle) {}
    std::coroutine_handle<> handle_;
  };

  explicit Operation(const ::asio::any_io_executor& executor);
  ~Operation() override;

  /// Posts the start of `root`, which has to call ended() last.
  void begin(Root root);

  /// Ends the wait under way, and every later one at once, with Outcome::cancelled. For any thread.
  [[nodiscard]] std::shared_ptr<Wakeup> wakeup() const noexcept { return wakeup_; }
  static void cancel(Wakeup& wakeup) noexcept;

  [[nodiscard]] std::shared_ptr<io::Signal> make_signal() override;
  bool finish_now(io::Wait& wait) override;
  void start(io::Wait& wait) override;

 protected:
  void ended() noexcept { root_ = {}; }

  /// Called once, outside the task, when it has ended.
  virtual void complete() = 0;

  /// Destroys a task that has not ended. For the destructor of the derived class, which owns what
  /// the task uses.
  void abandon() noexcept;

 private:
  class StrandSignal;

  void resume(std::coroutine_handle<> coroutine);
  void finish(io::Outcome outcome);
  void watch(::asio::posix::stream_descriptor::wait_type what);
  void forget_descriptor() noexcept;
  void arm(TimePoint time);
  void on_time();
  void on_wake(Wake why);

  ::asio::strand<::asio::any_io_executor> strand_;
  ::asio::posix::stream_descriptor descriptor_;  // open while a wait for one is under way
  ::asio::steady_timer timer_;  // pending as long as the task lives; its handler owns this
  TimePoint armed_ = kNever;    // when it will fire
  std::shared_ptr<Wakeup> wakeup_;
  std::coroutine_handle<> root_;
  io::Wait* wait_ = nullptr;       // under way
  std::uint64_t wait_number_ = 0;  // tells late handlers of earlier waits
};

}  // namespace grant::asio::detail
