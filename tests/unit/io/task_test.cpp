#include "grant/io/task.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "grant/io/waiter.hpp"

namespace grant {
namespace {

Task<int> number(int value) { co_return value; }

Task<int> sum(int count) {
  int total = 0;
  for (int i = 0; i < count; ++i) total += co_await number(i);
  co_return total;
}

Task<int> deep(int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await deep(depth - 1);
  co_return below + 1;
}

Task<void> fail(std::string message) {
  throw std::runtime_error(message);
  co_return;
}

Task<std::string> catch_below() {
  try {
    co_await fail("below");
  } catch (const std::runtime_error& error) {
    co_return std::string("caught ") + error.what();
  }
  co_return "nothing";
}

Task<std::unique_ptr<int>> owned(int value) { co_return std::make_unique<int>(value); }

Task<int> pass_on() {
  auto pointer = co_await owned(7);
  co_return *pointer;
}

Task<void> set(bool& flag) {
  flag = true;
  co_return;
}

/// Where the stack is: a local variable of a coroutine would be in its frame.
[[gnu::noinline]] std::uintptr_t stack_place_now() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

Task<std::uintptr_t> stack_place() { co_return stack_place_now(); }

Task<std::uintptr_t> stack_growth(int awaits) {
  std::uintptr_t least = co_await stack_place();
  std::uintptr_t most = least;
  for (int i = 0; i < awaits; ++i) {
    const auto place = co_await stack_place();
    least = std::min(least, place);
    most = std::max(most, place);
  }
  co_return most - least;
}

TEST(Task, GivesItsValue) { EXPECT_EQ(run(number(42)), 42); }

TEST(Task, DoesNotStartBeforeItIsRun) {
  bool started = false;
  auto task = set(started);
  EXPECT_FALSE(started);
  run(std::move(task));
  EXPECT_TRUE(started);
}

TEST(Task, DestroyedUnstartedDoesNothing) {
  bool started = false;
  { const auto task = set(started); }
  EXPECT_FALSE(started);
}

TEST(Task, ThrowsToWhoeverRunsIt) { EXPECT_THROW(run(fail("here")), std::runtime_error); }

TEST(Task, ThrowsToWhoeverAwaitsIt) { EXPECT_EQ(run(catch_below()), "caught below"); }

TEST(Task, CarriesValuesThatCanOnlyBeMoved) { EXPECT_EQ(run(pass_on()), 7); }

TEST(Task, MovesItsWork) {
  auto first = number(1);
  auto second = number(2);
  first = std::move(second);
  EXPECT_EQ(run(std::move(first)), 2);
}

TEST(Task, MayBeNestedDeeply) { EXPECT_EQ(run(deep(1'000)), 1'000); }

TEST(Task, AMillionAwaitsInALoopDoNotGrowTheStack) {
  EXPECT_EQ(run(stack_growth(1'000'000)), 0U);
  EXPECT_EQ(run(sum(1'000)), 499'500);
}

/// Keeps every wait until the test ends it.
class ManualWaiter final : public io::Waiter {
 public:
  std::shared_ptr<io::Signal> make_signal() override { return nullptr; }
  bool finish_now(io::Wait& /*wait*/) override { return false; }
  void start(io::Wait& wait) override { wait_ = &wait; }

  [[nodiscard]] bool is_waiting() const { return wait_ != nullptr; }
  void end(io::Outcome outcome) {
    auto* const wait = std::exchange(wait_, nullptr);
    wait->outcome = outcome;
    wait->waiting.resume();
  }

 private:
  io::Wait* wait_ = nullptr;
};

/// Starts a task that may suspend, and keeps it.
class Started {
 public:
  struct promise_type {
    Started get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

Started start(Task<int> task, int& result) { result = co_await task; }

Task<int> wait_once(ManualWaiter& waiter) {
  const io::Call call(waiter);
  const auto outcome = co_await call.ready(0, io::Interest::read);
  co_return outcome == io::Outcome::ready ? 1 : -1;
}

Task<int> wait_often(ManualWaiter& waiter, int count) {
  int total = 0;
  for (int i = 0; i < count; ++i) total += co_await wait_once(waiter);
  co_return total;
}

Task<int> wait_deep(ManualWaiter& waiter, int depth) {
  if (depth == 0) co_return co_await wait_once(waiter);
  co_return co_await wait_deep(waiter, depth - 1);
}

Task<int> fail_after_waiting(ManualWaiter& waiter) {
  co_await wait_once(waiter);
  throw std::runtime_error("late");
}

Task<int> catch_late(ManualWaiter& waiter) {
  try {
    co_return co_await fail_after_waiting(waiter);
  } catch (const std::runtime_error&) {
    co_return 99;
  }
}

TEST(SuspendingTask, GoesOnWhereItWaited) {
  ManualWaiter waiter;
  int result = 0;
  start(wait_often(waiter, 10'000), result);
  int waits = 0;
  while (waiter.is_waiting()) {
    ++waits;
    waiter.end(io::Outcome::ready);
  }
  EXPECT_EQ(waits, 10'000);
  EXPECT_EQ(result, 10'000);
}

TEST(SuspendingTask, WaitsBelowManyOthers) {
  ManualWaiter waiter;
  int result = 0;
  start(wait_deep(waiter, 100), result);
  ASSERT_TRUE(waiter.is_waiting());
  waiter.end(io::Outcome::timed_out);
  EXPECT_EQ(result, -1);
}

TEST(SuspendingTask, ThrowsAfterItWaited) {
  ManualWaiter waiter;
  int result = 0;
  start(catch_late(waiter), result);
  waiter.end(io::Outcome::ready);
  EXPECT_EQ(result, 99);
}

TEST(SuspendingTaskDeathTest, EndsTheProgramWhenItIsRun) {
  ManualWaiter waiter;
  EXPECT_DEATH(run(wait_once(waiter)), "suspended");
}

Task<int> number_there(int value) { return value; }
Task<std::unique_ptr<int>> owned_there(int value) { return std::make_unique<int>(value); }
Task<void> done_there() { return Done(); }

Task<int> add_those_there() {
  co_await done_there();
  const auto pointer = co_await owned_there(3);
  auto kept = number_there(4);
  co_return *pointer + co_await kept;
}

TEST(Task, HoldsAResultThatIsThere) {
  EXPECT_EQ(run(number_there(2)), 2);
  EXPECT_EQ(*run(owned_there(5)), 5);
  run(done_there());
  EXPECT_EQ(run(add_those_there()), 7);
}

TEST(Task, MovesAResultThatIsThere) {
  auto first = owned_there(1);
  auto second = std::move(first);
  first = owned_there(2);
  EXPECT_EQ(*run(std::move(second)), 1);
  EXPECT_EQ(*run(std::move(first)), 2);
}

}  // namespace
}  // namespace grant
