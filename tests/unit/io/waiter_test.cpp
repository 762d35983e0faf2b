#include "grant/io/waiter.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "grant/io/task.hpp"
#include "unit/io/pipe.hpp"

namespace grant::io {
namespace {

using namespace std::chrono_literals;

TimePoint soon() { return Clock::system().now() + 5ms; }

Task<Outcome> wait_for(Call call, int fd, Interest interest) {
  co_return co_await call.ready(fd, interest);
}

Task<Outcome> wait_for_signal(Call call, Signal& signal) {
  co_return co_await call.signalled(signal);
}

Task<Outcome> sleep(Call call, TimePoint time) { co_return co_await call.sleep_until(time); }

TEST(BlockingWaiter, SeesAReadyDescriptor) {
  const test::Pipe pipe;
  const Call call(blocking_waiter());
  EXPECT_EQ(run(wait_for(call, pipe.write_end(), Interest::write)), Outcome::ready);
  EXPECT_EQ(run(wait_for(call, pipe.write_end(), Interest::read_or_write)), Outcome::ready);
  pipe.write();
  EXPECT_EQ(run(wait_for(call, pipe.read_end(), Interest::read)), Outcome::ready);
}

TEST(BlockingWaiter, EndsAtTheDeadline) {
  const test::Pipe pipe;
  const auto deadline = soon();
  const Call call(blocking_waiter(), deadline);
  EXPECT_EQ(run(wait_for(call, pipe.read_end(), Interest::read)), Outcome::timed_out);
  EXPECT_GE(Clock::system().now(), deadline);
}

TEST(BlockingWaiter, EarliestDeadlineOfAllHasPassed) {
  const test::Pipe pipe;
  const Call call(blocking_waiter(), TimePoint::min());
  EXPECT_EQ(run(wait_for(call, pipe.read_end(), Interest::read)), Outcome::timed_out);
}

TEST(BlockingWaiter, PassedDeadlineStillSeesAReadyDescriptor) {
  const test::Pipe pipe;
  const Call call(blocking_waiter(), Clock::system().now() - 1h);
  EXPECT_EQ(run(wait_for(call, pipe.read_end(), Interest::read)), Outcome::timed_out);
  pipe.write();
  EXPECT_EQ(run(wait_for(call, pipe.read_end(), Interest::read)), Outcome::ready);
}

TEST(BlockingWaiter, WakesWhenTheDescriptorBecomesReady) {
  const test::Pipe pipe;
  std::thread writer([&pipe] { pipe.write(); });
  EXPECT_EQ(run(wait_for(Call(blocking_waiter()), pipe.read_end(), Interest::read)),
            Outcome::ready);
  writer.join();
}

TEST(BlockingWaiter, SignalSetBeforeTheWaitEndsItAtOnce) {
  const auto signal = blocking_waiter().make_signal();
  signal->set();
  EXPECT_EQ(run(wait_for_signal(Call(blocking_waiter()), *signal)), Outcome::ready);
}

TEST(BlockingWaiter, SignalSetByAnotherThreadEndsTheWait) {
  const auto signal = blocking_waiter().make_signal();
  std::thread setter([&signal] { signal->set(); });
  EXPECT_EQ(run(wait_for_signal(Call(blocking_waiter()), *signal)), Outcome::ready);
  setter.join();
}

TEST(BlockingWaiter, SignalNeverSetTimesOut) {
  const auto signal = blocking_waiter().make_signal();
  EXPECT_EQ(run(wait_for_signal(Call(blocking_waiter(), soon()), *signal)), Outcome::timed_out);
}

TEST(BlockingWaiter, SleepsUntilTheSoonerOfTimeAndDeadline) {
  const auto time = soon();
  EXPECT_EQ(run(sleep(Call(blocking_waiter()), time)), Outcome::timed_out);
  EXPECT_GE(Clock::system().now(), time);
  const Call hurried(blocking_waiter(), Clock::system().now());
  EXPECT_EQ(run(sleep(hurried, Clock::system().now() + 1h)), Outcome::timed_out);
}

TEST(Call, UntilOnlyEverShortens) {
  const TimePoint early(1h);
  const TimePoint late(2h);
  const Call call(blocking_waiter(), early);
  EXPECT_EQ(call.until(late).deadline(), early);
  EXPECT_EQ(Call(blocking_waiter(), late).until(early).deadline(), early);
  EXPECT_EQ(Call(blocking_waiter()).deadline(), kNever);
  EXPECT_EQ(&call.until(late).waiter(), &blocking_waiter());
}

}  // namespace
}  // namespace grant::io
