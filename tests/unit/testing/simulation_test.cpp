#include "grant/testing/simulation.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace grant::testing {
namespace {

using namespace std::chrono_literals;

Task<void> sleep(io::Call call, TimePoint until, std::string& trace, char mark) {
  const auto outcome = co_await call.sleep_until(until);
  trace += outcome == io::Outcome::cancelled ? 'x' : mark;
}

Task<void> wait(io::Call call, std::shared_ptr<io::Signal> signal, std::string& trace) {
  const auto outcome = co_await call.signalled(*signal);
  trace += outcome == io::Outcome::ready ? 'r' : 't';
}

TEST(Simulation, TimePassesWhereNothingElseIsDue) {
  Simulation simulation(1);
  const auto began = simulation.now();
  std::string trace;
  const io::Call call(simulation.loop());
  simulation.spawn(sleep(call, began + 2h, trace, 'b'));
  simulation.spawn(sleep(call, began + 1h, trace, 'a'));
  EXPECT_EQ(trace, "");
  simulation.run_for(90min);
  EXPECT_EQ(trace, "a");
  EXPECT_EQ(simulation.now(), began + 90min);
  EXPECT_EQ(call.now(), simulation.clock().now());
  simulation.run_for(30min);
  EXPECT_EQ(trace, "ab");
}

TEST(Simulation, SignalsEndWaitsOnce) {
  Simulation simulation(1);
  std::string trace;
  const auto call = io::Call(simulation.loop()).until(simulation.now() + 1s);
  const auto signal = simulation.loop().make_signal();
  simulation.spawn(wait(call, signal, trace));
  signal->set();
  EXPECT_EQ(trace, "");  // not on the caller's stack
  simulation.run_for(0s);
  EXPECT_EQ(trace, "r");
  simulation.spawn(wait(call, signal, trace));  // is set already
  EXPECT_EQ(trace, "rr");
  simulation.spawn(wait(call, simulation.loop().make_signal(), trace));
  simulation.run_for(2s);
  EXPECT_EQ(trace, "rrt");
}

TEST(Simulation, CancellingALoopEndsItsWaitsAndNoOthers) {
  Simulation simulation(1);
  std::string trace;
  io::Loop* started = nullptr;
  simulation.start([&](io::Loop& loop) {
    started = &loop;
    loop.spawn(sleep(io::Call(loop), kNever, trace, 's'));
  });
  simulation.spawn(sleep(io::Call(simulation.loop()), simulation.now() + 1s, trace, 'o'));
  simulation.run_for(0s);
  started->cancel();
  simulation.run_for(2s);
  EXPECT_EQ(trace, "xo");
}

TEST(Simulation, WhatOwnsATaskStaysUntilTheTaskEnds) {
  Simulation simulation(1);
  const auto kept = std::make_shared<std::string>();
  const std::weak_ptr<std::string> watched = kept;
  simulation.start([owned = kept](io::Loop& loop) {
    loop.spawn(sleep(io::Call(loop), loop.now() + 1s, *owned, 's'));
  });
  simulation.run_for(2s);
  EXPECT_EQ(*kept, "s");
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(Simulation, CallsAtTheirTimes) {
  Simulation simulation(1);
  std::string trace;
  simulation.call_at(simulation.now() + 2s, [&] { trace += 'b'; });
  simulation.call_at(simulation.now() + 1s, [&] { trace += 'a'; });
  simulation.post([&] { trace += 'p'; });
  simulation.run_for(3s);
  EXPECT_EQ(trace, "pab");
}

std::string order_by(std::uint64_t seed) {
  Simulation simulation(seed);
  std::string trace;
  for (char mark = 'a'; mark <= 'z'; ++mark) {
    simulation.spawn(sleep(io::Call(simulation.loop()), simulation.now() + 1s, trace, mark));
  }
  simulation.run_for(1s);
  return trace;
}

TEST(Simulation, TheSeedDecidesTheOrderOfWhatIsDueAtOnce) {
  EXPECT_EQ(order_by(1), order_by(1));
  EXPECT_NE(order_by(1), order_by(2));
}

TEST(Simulation, TheTimeOfDayFollows) {
  Simulation simulation(1);
  const auto before = simulation.clock().wall_time();
  simulation.run_for(1h);
  EXPECT_EQ(simulation.clock().wall_time() - before, 1h);
}

}  // namespace
}  // namespace grant::testing
