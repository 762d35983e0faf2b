#include "grant/io/poll_loop.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "unit/io/pipe.hpp"

namespace grant::io {
namespace {

using namespace std::chrono_literals;

TimePoint in(Duration span) { return Clock::system().now() + span; }

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
