#include "grant/io/worker.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "grant/io/poll_loop.hpp"
#include "support/sanitizers.hpp"
#include "support/soon.hpp"

namespace grant::io {
namespace {

using test::in;
using namespace std::chrono_literals;

Call blocking() { return Call(blocking_waiter(), in(60s)); }

/// Work waits at it until the test opens it. Copies are one gate.
class Gate {
 public:
  void open() const { opened_->set_value(); }
  void wait() const { passage_.wait(); }
  [[nodiscard]] bool opens() const { return passage_.wait_for(60s) == std::future_status::ready; }

 private:
  std::shared_ptr<std::promise<void>> opened_ = std::make_shared<std::promise<void>>();
  std::shared_future<void> passage_ = opened_->get_future().share();
};

template <class F>
Task<void> note(Call call, F work, std::vector<Outcome>& outcomes, Workers& threads) {
  const auto done = co_await offload(call, std::move(work), threads);
  outcomes.push_back(done.outcome);
}

Task<void> note_error(Call call, std::string& seen, Workers& threads) {
  try {
    co_await offload(
        call, [] { throw std::runtime_error("over there"); }, threads);
  } catch (const std::runtime_error& error) {
    seen = error.what();
  }
}

Task<void> count_ticks(Call call, const std::vector<Outcome>& outcomes, Gate gate, int& ticks) {
  while (outcomes.empty()) {
    const auto next = Clock::system().now() + 1ms;
    co_await call.sleep_until(next);
    if (++ticks == 5) gate.open();
  }
}

TEST(Offload, GivesTheValueOfWorkDoneOnAnotherThread) {
  const auto here = std::this_thread::get_id();
  const auto done = run(offload(blocking(), [] { return std::this_thread::get_id(); }));
  EXPECT_EQ(done.outcome, Outcome::ready);
  ASSERT_TRUE(done.value);
  EXPECT_NE(*done.value, here);
}

TEST(Offload, TakesWorkAndValuesThatCanOnlyBeMoved) {
  auto owned = std::make_unique<int>(7);
  auto done =
      run(offload(blocking(), [owned = std::move(owned)]() mutable { return std::move(owned); }));
  ASSERT_TRUE(done.value);
  EXPECT_EQ(**done.value, 7);
}

TEST(Offload, TakesWorkWithoutAValue) {
  int worked = 0;
  EXPECT_EQ(run(offload(blocking(), [&worked] { ++worked; })).outcome, Outcome::ready);
  EXPECT_EQ(worked, 1);
}

TEST(Offload, ThrowsWhatTheWorkThrew) {
  std::string seen;
  run(note_error(blocking(), seen, workers()));
  EXPECT_EQ(seen, "over there");
}

TEST(Offload, EndsAtTheDeadlineWhileTheWorkRunsOn) {
  Workers threads(1);
  const Gate gate;
  const Gate ended;
  const Call call(blocking_waiter(), in(20ms));
  const auto work = [gate, ended] {
    gate.wait();
    ended.open();
  };
  EXPECT_EQ(run(offload(call, work, threads)).outcome, Outcome::timed_out);
  gate.open();
  EXPECT_TRUE(ended.opens());
}

TEST(Offload, NeverBeginsWorkThatNobodyWaitsForAnyMore) {
  Workers threads(1);
  const Gate gate;
  const Gate busy;
  threads.post([gate, busy] {
    busy.open();
    gate.wait();
  });
  busy.wait();
  std::atomic<bool> begun = false;
  const Call call(blocking_waiter(), in(5ms));
  EXPECT_EQ(run(offload(
                    call, [&begun] { begun = true; }, threads))
                .outcome,
            Outcome::timed_out);
  gate.open();
  EXPECT_EQ(run(offload(
                    blocking(), [] {}, threads))
                .outcome,
            Outcome::ready);  // queued behind it
  EXPECT_FALSE(begun);
}

TEST(Offload, FreesTheWorkBeforeTheCallGoesOn) {
  for (int round = 0; round < 200; ++round) {
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = held;
    run(offload(blocking(), [held = std::move(held)] { return *held; }));
    EXPECT_TRUE(seen.expired());
  }
}

TEST(OffloadInALoop, LetsOtherTasksRunMeanwhile) {
  Workers threads(1);
  PollLoop loop;
  const Gate gate;
  std::vector<Outcome> outcomes;
  int ticks = 0;
  loop.spawn(note(
      Call(loop, in(60s)), [gate] { gate.wait(); }, outcomes, threads));
  loop.spawn(count_ticks(Call(loop), outcomes, gate, ticks));
  loop.run();
  EXPECT_EQ(outcomes, std::vector{Outcome::ready});
  EXPECT_GE(ticks, 5);
}

TEST(OffloadInALoop, EndsAtTheDeadline) {
  Workers threads(1);
  PollLoop loop;
  const Gate gate;
  std::vector<Outcome> outcomes;
  loop.spawn(note(
      Call(loop, in(5ms)), [gate] { gate.wait(); }, outcomes, threads));
  loop.run();
  EXPECT_EQ(outcomes, std::vector{Outcome::timed_out});
  gate.open();
}

TEST(OffloadInALoop, EndsWhenTheLoopIsCancelled) {
  Workers threads(1);
  PollLoop loop;
  const Gate gate;
  std::vector<Outcome> outcomes;
  loop.spawn(note(
      Call(loop), [gate] { gate.wait(); }, outcomes, threads));
  std::thread canceller([&loop] { loop.cancel(); });
  loop.run();
  canceller.join();
  EXPECT_EQ(outcomes, std::vector{Outcome::cancelled});
  gate.open();
}

TEST(OffloadInALoop, ThrowsWhatTheWorkThrew) {
  Workers threads(1);
  PollLoop loop;
  std::string seen;
  loop.spawn(note_error(Call(loop, in(60s)), seen, threads));
  loop.run();
  EXPECT_EQ(seen, "over there");
}

TEST(Workers, RunNoMoreThanTheirThreadsAtOnce) {
  constexpr int kThreads = 3;
  constexpr int kWorks = 200;
  struct Seen {
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    std::atomic<int> left = kWorks;
  };
  const auto seen = std::make_shared<Seen>();
  const Gate all;
  Workers threads(kThreads);
  for (int i = 0; i < kWorks; ++i) {
    threads.post([seen, all] {
      const int now = ++seen->running;
      for (int most = seen->most; most < now && !seen->most.compare_exchange_weak(most, now);) {
      }
      std::this_thread::yield();
      --seen->running;
      if (--seen->left == 0) all.open();
    });
  }
  ASSERT_TRUE(all.opens());
  EXPECT_LE(seen->most, kThreads);
}

TEST(Workers, UseAThreadEachForWorkThatBlocks) {
  constexpr int kThreads = 4;
  Workers threads(kThreads);
  const auto begun = std::make_shared<std::atomic<int>>(0);
  const Gate all;
  for (int i = 0; i < kThreads; ++i) {
    threads.post([begun, all] {
      if (++*begun == kThreads) all.open();
      all.wait();
    });
  }
  EXPECT_TRUE(all.opens());
}

TEST(Workers, RunWhatWasPostedBeforeTheyWereDestroyed) {
  const Gate gate;
  const Gate ended;
  {
    Workers threads(1);
    threads.post([gate] { gate.wait(); });
    threads.post([ended] { ended.open(); });
  }
  gate.open();
  EXPECT_TRUE(ended.opens());
}

TEST(Workers, LeaveSignalsToTheProgram) {
  sigset_t blocked;
  const auto done =
      run(offload(blocking(), [&blocked] { pthread_sigmask(SIG_SETMASK, nullptr, &blocked); }));
  ASSERT_EQ(done.outcome, Outcome::ready);
  EXPECT_EQ(sigismember(&blocked, SIGTERM), 1);
}

TEST(Workers, AreThereInAForkedChildToo) {
  if (!test::kThreadsAfterFork) GTEST_SKIP() << "a sanitizer ends a child that starts a thread";
  run(offload(blocking(), [] {}));  // the parent has a thread; the child does not inherit it
  const pid_t child = ::fork();
  if (child == 0) {
    const Call call(blocking_waiter(), in(60s));
    ::_exit(run(offload(call, [] { return 42; })).value.value_or(1));
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

}  // namespace
}  // namespace grant::io
