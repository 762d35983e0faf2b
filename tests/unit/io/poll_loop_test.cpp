#include "grant/io/poll_loop.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <memory>
#include <thread>
#include <vector>

#include "support/soon.hpp"
#include "unit/io/pipe.hpp"

namespace grant::io {
namespace {

using test::in;
using namespace std::chrono_literals;

Task<void> note_ready(Call call, int fd, std::vector<Outcome>& outcomes) {
  const auto outcome = co_await call.ready(fd, Interest::read);
  outcomes.push_back(outcome);
}

Task<void> note_signal(Call call, Signal& signal, std::vector<Outcome>& outcomes) {
  const auto outcome = co_await call.signalled(signal);
  outcomes.push_back(outcome);
}

Task<void> note_sleep(Call call, TimePoint time, std::vector<Outcome>& outcomes) {
  const auto outcome = co_await call.sleep_until(time);
  outcomes.push_back(outcome);
}

Task<void> cancel_at(PollLoop& loop, TimePoint time, bool& too_early) {
  const Call call(loop);
  co_await call.sleep_until(time);
  too_early = Clock::system().now() < time;
  loop.cancel();
}

Task<void> write_to(const test::Pipe& pipe) {
  pipe.write();
  co_return;
}

Task<void> wait_in_turn(Call call, int count, int& done) {
  for (int i = 0; i < count; ++i) {
    const auto now = Clock::system().now();
    co_await call.sleep_until(now);
  }
  ++done;
}

Task<void> spawn_another(PollLoop& loop, int depth, int& done) {
  const Call call(loop);
  const auto now = Clock::system().now();
  co_await call.sleep_until(now);
  ++done;
  if (depth > 0) loop.spawn(spawn_another(loop, depth - 1, done));
}

Task<void> note_wait(Call call, int fd, Interest interest, std::vector<Outcome>& outcomes) {
  const auto outcome = co_await call.ready(fd, interest);
  outcomes.push_back(outcome);
}

Task<void> close_soon(Call call, int fd) {
  const auto now = call.now();
  co_await call.sleep_until(now);
  ::close(fd);
}

std::chrono::nanoseconds thread_cpu_time() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

/// When the first of them goes on, sets `used` to the CPU time since `used`.
Task<void> sleep_among(Call call, int& awake, std::chrono::nanoseconds& used) {
  co_await call.sleep_until(kNever);
  if (++awake == 1) used = thread_cpu_time() - used;
}

/// At most `most` descriptors, for a scope.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{most, before_.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &now) != 0) throw std::runtime_error("setrlimit");
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// Waits of a loop are kept in another way when there are more than a few descriptors: this many
/// others wait.
class PollLoopBesideOthers : public testing::TestWithParam<int> {
 protected:
  PollLoopBesideOthers() {
    for (int i = 0; i < GetParam(); ++i) {
      const auto& pipe = others_.emplace_back(std::make_unique<test::Pipe>());
      loop_.spawn(note_ready(Call(loop_, others_end_), pipe->read_end(), of_others_));
    }
  }

  /// Beside one that is written to as well.
  void run() {
    loop_.run();
    EXPECT_EQ(of_others_, std::vector(static_cast<std::size_t>(GetParam()), Outcome::timed_out));
  }

  PollLoop loop_;

 private:
  const TimePoint others_end_ = in(20ms);
  std::vector<std::unique_ptr<test::Pipe>> others_;
  std::vector<Outcome> of_others_;
};

INSTANTIATE_TEST_SUITE_P(FewAndMany, PollLoopBesideOthers, testing::Values(0, 1, 7, 8, 9, 100));

TEST_P(PollLoopBesideOthers, ResumesAgainAndAgainWhoWaitsForAReadyDescriptor) {
  const test::Pipe pipe;
  pipe.write();
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 3; ++i) {
    loop_.spawn([](Call call, int fd, std::vector<Outcome>& seen) -> Task<void> {
      for (int round = 0; round < 10; ++round) co_await note_ready(call, fd, seen);
    }(Call(loop_), pipe.read_end(), outcomes));
  }
  run();
  EXPECT_EQ(outcomes, std::vector(30, Outcome::ready));
}

TEST_P(PollLoopBesideOthers, OneReadsAndOneWritesOnTheSameDescriptor) {
  int ends[2]{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  std::vector<Outcome> of_readers;
  std::vector<Outcome> of_writer;
  loop_.spawn(note_wait(Call(loop_, in(60s)), ends[0], Interest::read, of_readers));
  loop_.spawn(note_wait(Call(loop_, in(60s)), ends[0], Interest::write, of_writer));
  loop_.spawn(note_wait(Call(loop_, in(10ms)), ends[0], Interest::read, of_readers));
  // Written to when the writer and one of the readers are gone.
  loop_.spawn([](Call call, int end, std::vector<Outcome>& seen) -> Task<void> {
    const auto time = in(15ms);
    co_await call.sleep_until(time);
    EXPECT_EQ(seen, std::vector{Outcome::timed_out});
    EXPECT_EQ(::write(end, "x", 1), 1);
  }(Call(loop_), ends[1], of_readers));
  run();
  EXPECT_EQ(of_writer, std::vector{Outcome::ready});
  EXPECT_EQ(of_readers, (std::vector{Outcome::timed_out, Outcome::ready}));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_P(PollLoopBesideOthers, WhatCannotBePolledIsReady) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  std::vector<Outcome> outcomes;
  loop_.spawn(note_ready(Call(loop_), file, outcomes));
  loop_.spawn(note_ready(Call(loop_), file, outcomes));
  const int closed = ::dup(file);
  ::close(closed);
  loop_.spawn(note_ready(Call(loop_), closed, outcomes));
  run();
  EXPECT_EQ(outcomes, std::vector(3, Outcome::ready));
  ::close(file);
}

TEST_P(PollLoopBesideOthers, ADescriptorThatIsClosedMeanwhileDoesNotOutliveTheDeadline) {
  const test::Pipe pipe;
  const int closed = ::dup(pipe.read_end());
  std::vector<Outcome> outcomes;
  loop_.spawn(note_ready(Call(loop_, in(10ms)), closed, outcomes));
  loop_.spawn(close_soon(Call(loop_), closed));
  run();
  EXPECT_EQ(outcomes.size(), 1U);
}

TEST_P(PollLoopBesideOthers, ANewDescriptorOfTheSameNumberIsAnother) {
  std::vector<Outcome> outcomes;
  const test::Pipe first;
  const int number = ::dup(first.read_end());
  // What the first is open as stays open, so that an epoll would not forget it by itself.
  loop_.spawn(note_ready(Call(loop_, in(1ms)), number, outcomes));
  loop_.run();
  const test::Pipe second;
  ASSERT_EQ(::dup2(second.read_end(), number), number);
  first.write();
  loop_.spawn(note_ready(Call(loop_, in(5ms)), number, outcomes));
  loop_.run();
  second.write();
  loop_.spawn(note_ready(Call(loop_, in(60s)), number, outcomes));
  run();
  EXPECT_EQ(outcomes, (std::vector{Outcome::timed_out, Outcome::timed_out, Outcome::ready}));
  ::close(number);
}

TEST_P(PollLoopBesideOthers, PassedDeadlineStillSeesEachReadyDescriptor) {
  const test::Pipe pipe;
  pipe.write();
  std::vector<std::unique_ptr<test::Pipe>> pipes;
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 200; ++i) {
    pipes.push_back(std::make_unique<test::Pipe>());
    pipes.back()->write();
    loop_.spawn(note_ready(Call(loop_, in(-1h)), pipes.back()->read_end(), outcomes));
  }
  run();
  EXPECT_EQ(outcomes, std::vector(200, Outcome::ready));
}

TEST(PollLoop, ThousandsOfSleepersNeedNeitherDescriptorsNorTime) {
  constexpr int kSleepers = 5000;
  PollLoop loop;
  const DescriptorLimit limit(256);
  int awake = 0;
  std::chrono::nanoseconds used{};
  for (int i = 0; i < kSleepers; ++i) loop.spawn(sleep_among(Call(loop), awake, used));
  bool too_early = true;
  loop.spawn(cancel_at(loop, in(200ms), too_early));
  const auto signal = loop.make_signal();
  std::vector<Outcome> of_signal;
  loop.spawn(note_signal(Call(loop), *signal, of_signal));
  signal->set();
  used = thread_cpu_time();
  loop.run();
  EXPECT_FALSE(too_early);
  EXPECT_EQ(awake, kSleepers);
  EXPECT_LT(used, 20ms);
}

TEST(PollLoop, WithoutADescriptorToSpareWaitsForManyAllTheSame) {
  PollLoop loop;
  std::vector<std::unique_ptr<test::Pipe>> pipes;
  for (int i = 0; i < 50; ++i) pipes.push_back(std::make_unique<test::Pipe>());
  std::vector<Outcome> outcomes;
  {
    const DescriptorLimit limit(static_cast<rlim_t>(pipes.back()->write_end()) + 1);
    for (const auto& pipe : pipes) {
      loop.spawn(note_ready(Call(loop), pipe->read_end(), outcomes));
    }
  }
  for (const auto& pipe : pipes) pipe->write();
  loop.run();
  EXPECT_EQ(outcomes, std::vector(50, Outcome::ready));
}

TEST(PollLoop, SignalsGoOnInTheOrderInWhichTheyWereSet) {
  PollLoop loop;
  std::vector<int> order;
  std::vector<std::shared_ptr<Signal>> signals;
  for (int i = 0; i < 3; ++i) {
    signals.push_back(loop.make_signal());
    loop.spawn([](Call call, Signal& signal, std::vector<int>& seen, int number) -> Task<void> {
      co_await call.signalled(signal);
      seen.push_back(number);
    }(Call(loop), *signals.back(), order, i));
  }
  for (const int i : {2, 0, 1}) signals[static_cast<std::size_t>(i)]->set();
  loop.run();
  EXPECT_EQ(order, (std::vector{2, 0, 1}));
}

TEST(PollLoop, SignalThatIsSetAsTheWaitBeginsEndsIt) {
  PollLoop loop;
  const auto signal = loop.make_signal();
  struct SetBetween {
    PollLoop& loop;
    Signal& signal;
    Wait wait{};
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
      wait.signal = &signal;
      wait.waiting = waiting;
      EXPECT_FALSE(loop.finish_now(wait));
      signal.set();
      loop.start(wait);
    }
    [[nodiscard]] Outcome await_resume() const noexcept { return wait.outcome; }
  };
  std::vector<Outcome> outcomes;
  loop.spawn([](PollLoop& on, Signal& set, std::vector<Outcome>& seen) -> Task<void> {
    SetBetween between{on, set};
    const auto outcome = co_await between;
    seen.push_back(outcome);
  }(loop, *signal, outcomes));
  loop.run();
  EXPECT_EQ(outcomes, std::vector{Outcome::ready});
}

TEST(PollLoop, SignalThatIsSetAfterTheDeadlineEndsNothing) {
  PollLoop loop;
  const auto signal = loop.make_signal();
  const auto end = in(1ms);
  std::vector<Outcome> outcomes;
  // Both waits end in one round, in this order.
  loop.spawn([](Call call, Signal& set, TimePoint time) -> Task<void> {
    co_await call.sleep_until(time - 1ns);
    set.set();
    // Another round, in which nobody is resumed for it.
    co_await call.sleep_until(time + 1ms);
  }(Call(loop), *signal, end));
  loop.spawn(note_signal(Call(loop, end), *signal, outcomes));
  loop.spawn(note_sleep(Call(loop), in(20ms), outcomes));
  while (Clock::system().now() < end) {
  }
  loop.run();
  EXPECT_EQ(outcomes, std::vector(2, Outcome::timed_out));
}

TEST(PollLoop, SignalThatComesWithTheDeadlineEndsTheWaitOnce) {
  PollLoop loop;
  for (int round = 0; round < 300; ++round) {
    std::vector<Outcome> outcomes;
    auto signal = loop.make_signal();
    std::thread setter([signal, time = in(200us)] {
      while (Clock::system().now() < time) {
      }
      signal->set();
    });
    loop.spawn(
        [](Call call, std::shared_ptr<Signal> own, std::vector<Outcome>& seen) -> Task<void> {
          const auto outcome = co_await call.signalled(*own);
          seen.push_back(outcome);
        }(Call(loop, in(200us)), std::move(signal), outcomes));
    loop.run();
    setter.join();
    EXPECT_EQ(outcomes.size(), 1U);
  }
}

TEST(PollLoop, WithoutTasksReturnsAtOnce) {
  PollLoop loop;
  loop.run();
}

TEST(PollLoop, StartsATaskAtOnce) {
  PollLoop loop;
  std::vector<Outcome> outcomes;
  const auto signal = loop.make_signal();
  signal->set();
  loop.spawn(note_signal(Call(loop), *signal, outcomes));
  EXPECT_EQ(outcomes.size(), 1U);
  loop.run();
}

TEST(PollLoop, ResumesTheTaskWhoseDescriptorIsReady) {
  PollLoop loop;
  const test::Pipe quiet;
  const test::Pipe busy;
  std::vector<Outcome> of_quiet;
  std::vector<Outcome> of_busy;
  loop.spawn(note_ready(Call(loop, in(20ms)), quiet.read_end(), of_quiet));
  loop.spawn(note_ready(Call(loop), busy.read_end(), of_busy));
  loop.spawn(write_to(busy));
  loop.run();
  EXPECT_EQ(of_busy, std::vector{Outcome::ready});
  EXPECT_EQ(of_quiet, std::vector{Outcome::timed_out});
}

TEST(PollLoop, PassedDeadlineStillSeesAReadyDescriptor) {
  PollLoop loop;
  const test::Pipe pipe;
  std::vector<Outcome> outcomes;
  loop.spawn(note_ready(Call(loop, in(-1h)), pipe.read_end(), outcomes));
  loop.run();
  pipe.write();
  loop.spawn(note_ready(Call(loop, in(-1h)), pipe.read_end(), outcomes));
  loop.run();
  EXPECT_EQ(outcomes, (std::vector{Outcome::timed_out, Outcome::ready}));
}

TEST(PollLoop, NearDeadlineDoesNotWaitForAFarOne) {
  PollLoop loop;
  std::vector<Outcome> of_far;
  bool too_early = true;
  loop.spawn(note_sleep(Call(loop), in(1h), of_far));
  loop.spawn(cancel_at(loop, in(2ms), too_early));
  loop.run();
  EXPECT_FALSE(too_early);
  EXPECT_EQ(of_far, std::vector{Outcome::cancelled});
}

TEST(PollLoop, SignalFromAnotherThreadEndsTheWait) {
  for (int round = 0; round < 100; ++round) {
    PollLoop loop;
    std::vector<Outcome> outcomes;
    const auto signal = loop.make_signal();
    loop.spawn(note_signal(Call(loop, in(60s)), *signal, outcomes));
    std::thread setter([&signal] { signal->set(); });
    loop.run();
    setter.join();
    EXPECT_EQ(outcomes, std::vector{Outcome::ready});
  }
}

TEST(PollLoop, SignalMayBeSetTwiceAndAfterTheLoopIsGone) {
  std::shared_ptr<Signal> signal;
  {
    PollLoop loop;
    signal = loop.make_signal();
    std::vector<Outcome> outcomes;
    signal->set();
    signal->set();
    loop.spawn(note_signal(Call(loop), *signal, outcomes));
    loop.run();
  }
  signal->set();
}

TEST(PollLoop, SignalNeverSetTimesOut) {
  PollLoop loop;
  std::vector<Outcome> outcomes;
  const auto signal = loop.make_signal();
  loop.spawn(note_signal(Call(loop, in(2ms)), *signal, outcomes));
  loop.run();
  EXPECT_EQ(outcomes, std::vector{Outcome::timed_out});
}

TEST(PollLoop, CancelEndsEveryWaitAndEveryNewOne) {
  PollLoop loop;
  const test::Pipe pipe;
  std::vector<Outcome> outcomes;
  const auto signal = loop.make_signal();
  loop.spawn(note_ready(Call(loop), pipe.read_end(), outcomes));
  loop.spawn(note_signal(Call(loop), *signal, outcomes));
  std::thread canceller([&loop] { loop.cancel(); });
  loop.run();
  canceller.join();
  EXPECT_TRUE(loop.is_cancelled());
  loop.spawn(note_ready(Call(loop), pipe.read_end(), outcomes));
  EXPECT_EQ(outcomes, (std::vector{Outcome::cancelled, Outcome::cancelled, Outcome::cancelled}));
}

TEST(PollLoop, ServesManyTasksThatWaitManyTimes) {
  PollLoop loop;
  int done = 0;
  for (int i = 0; i < 50; ++i) loop.spawn(wait_in_turn(Call(loop), 100, done));
  loop.run();
  EXPECT_EQ(done, 50);
}

TEST(PollLoop, TasksMaySpawnTasks) {
  PollLoop loop;
  int done = 0;
  loop.spawn(spawn_another(loop, 100, done));
  loop.run();
  EXPECT_EQ(done, 101);
}

}  // namespace
}  // namespace grant::io
