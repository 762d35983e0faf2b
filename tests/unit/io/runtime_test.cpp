#include "grant/io/runtime.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <vector>

#include "grant/core/mutex.hpp"

namespace grant::io {
namespace {

using namespace std::chrono_literals;

Task<void> sleep_and_tell(Call call, std::shared_ptr<std::promise<Outcome>> told) {
  told->set_value(co_await call.sleep_until(call.deadline()));
}

TEST(SystemRuntime, StartsTasksOnALoopWhoseTimeItHas) {
  auto& runtime = system_runtime();
  const auto told = std::make_shared<std::promise<Outcome>>();
  auto outcome = told->get_future();
  const auto began = runtime.now();
  runtime.start([&runtime, told](Loop& loop) {
    EXPECT_FALSE(loop.blocks());
    EXPECT_LE(loop.now() - runtime.now(), 1s);
    loop.spawn(sleep_and_tell(Call(loop, after(loop.now(), 5ms)), told));
  });
  EXPECT_EQ(outcome.get(), Outcome::timed_out);
  EXPECT_GE(runtime.now() - began, 5ms);
}

TEST(SystemRuntime, LoopsAreCancelledFromOutside) {
  const auto told = std::make_shared<std::promise<Outcome>>();
  const auto begun = std::make_shared<std::promise<Loop*>>();
  auto outcome = told->get_future();
  auto started = begun->get_future();
  system_runtime().start([told, begun](Loop& loop) {
    loop.spawn(sleep_and_tell(Call(loop), told));
    begun->set_value(&loop);
  });
  started.get()->cancel();
  EXPECT_EQ(outcome.get(), Outcome::cancelled);
}

TEST(SystemRuntime, PostsWork) {
  const auto told = std::make_shared<std::promise<int>>();
  auto number = told->get_future();
  system_runtime().post([told] { told->set_value(3); });
  EXPECT_EQ(number.get(), 3);
}

TEST(SystemRuntime, CallsInTheOrderOfTheirTimes) {
  auto& runtime = system_runtime();
  struct Seen {
    Mutex mutex;
    std::vector<int> order GRANT_GUARDED_BY(mutex);
    std::promise<void> last;
  };
  const auto seen = std::make_shared<Seen>();
  const auto note = [seen](int which) {
    const Lock lock(seen->mutex);
    seen->order.push_back(which);
    if (seen->order.size() == 3) seen->last.set_value();
  };
  const auto now = runtime.now();
  runtime.call_at(now + 30ms, [note] { note(3); });
  runtime.call_at(now + 10ms, [note] { note(1); });
  runtime.call_at(now + 20ms, [note] { note(2); });
  seen->last.get_future().wait();
  EXPECT_GE(runtime.now(), now + 30ms);
  const Lock lock(seen->mutex);
  EXPECT_EQ(seen->order, (std::vector{1, 2, 3}));
}

TEST(SystemRuntime, BitsDiffer) {
  auto& runtime = system_runtime();
  EXPECT_NE(runtime.random_bits(), runtime.random_bits());
}

TEST(SystemRuntime, BitsOfAForkedChildAreNotItsParents) {
  auto& runtime = system_runtime();
  static_cast<void>(runtime.random_bits());
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto bits = runtime.random_bits();
    ::_exit(::write(ends[1], &bits, sizeof bits) == sizeof bits ? 0 : 1);
  }
  std::uint64_t of_child = 0;
  EXPECT_EQ(::read(ends[0], &of_child, sizeof of_child), static_cast<ssize_t>(sizeof of_child));
  EXPECT_NE(runtime.random_bits(), of_child);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace grant::io
