#include "grant/asio/async_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>
#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>
#if defined(ASIO_HAS_CO_AWAIT)
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>
#endif

#include "grant/io/worker.hpp"
#include "support/soon.hpp"
#include "unit/io/pipe.hpp"

namespace grant::asio {
namespace {

using test::in;
using namespace std::chrono_literals;
using io::Call;
using io::Interest;
using io::Outcome;
using test::Pipe;

/// Notes what a task gave.
template <class T>
struct Ending {
  std::exception_ptr error{};
  T value{};
  int times = 0;

  auto handler() {
    return [this](std::exception_ptr thrown, T given) {
      error = std::move(thrown);
      value = std::move(given);
      ++times;
    };
  }
};

auto ready(int fd, Interest interest) {
  return
      [fd, interest](Call call) -> Task<Outcome> { co_return co_await call.ready(fd, interest); };
}

auto signalled(std::shared_ptr<io::Signal>& signal) {
  return [&signal](Call call) -> Task<Outcome> {
    signal = call.waiter().make_signal();
    co_return co_await call.signalled(*signal);
  };
}

auto asleep() {
  return [](Call call) -> Task<Outcome> { co_return co_await call.sleep_until(kNever); };
}

TEST(AsyncRun, GivesAValueLater) {
  ::asio::io_context context;
  Ending<int> ending;
  async_run(
      context.get_executor(), [](Call) -> Task<int> { co_return 7; }, ending.handler());
  EXPECT_EQ(ending.times, 0);
  context.run();
  EXPECT_EQ(ending.times, 1);
  EXPECT_EQ(ending.value, 7);
  EXPECT_FALSE(ending.error);
}

TEST(AsyncRun, GivesWhatTheTaskThrew) {
  ::asio::io_context context;
  const auto fail = [](Call) -> Task<int> {
    throw std::runtime_error("no");
    co_return 1;
  };
  auto future = async_run(context.get_executor(), fail, ::asio::use_future);
  context.run();
  EXPECT_THROW(future.get(), std::runtime_error);
}

TEST(AsyncRun, TakesTasksWithoutAValueAndValuesThatCanOnlyBeMoved) {
  ::asio::io_context context;
  auto nothing = async_run(
      context.get_executor(), [](Call) -> Task<void> { co_return; }, ::asio::use_future);
  auto owned = async_run(
      context.get_executor(),
      [](Call) -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); },
      ::asio::use_future);
  context.run();
  nothing.get();
  EXPECT_EQ(*owned.get(), 3);
}

TEST(AsyncRun, KeepsWhatTheFunctionHoldsUntilTheTaskEndsAndNoLonger) {
  ::asio::io_context context;
  const Pipe pipe;
  auto held = std::make_shared<int>(5);
  const std::weak_ptr<int> seen = held;
  bool was_freed = false;
  async_run(
      context.get_executor(),
      [held = std::move(held), &pipe](Call call) -> Task<int> {
        co_await call.ready(pipe.read_end(), Interest::read);
        co_return *held;
      },
      [&](const std::exception_ptr&, int value) { was_freed = value == 5 && seen.expired(); });
  context.poll();
  EXPECT_FALSE(seen.expired());
  pipe.write();
  context.run();
  EXPECT_TRUE(was_freed);
}

TEST(AsyncRun, WaitsForDescriptors) {
  ::asio::io_context context;
  const Pipe pipe;
  Ending<Outcome> reading;
  Ending<Outcome> writing;
  Ending<Outcome> either;
  const auto executor = context.get_executor();
  async_run(executor, ready(pipe.read_end(), Interest::read), reading.handler());
  async_run(executor, ready(pipe.write_end(), Interest::write), writing.handler());
  context.poll();
  EXPECT_EQ(writing.times, 1);
  EXPECT_EQ(reading.times, 0);
  async_run(executor, ready(pipe.write_end(), Interest::read_or_write), either.handler());
  context.poll();
  EXPECT_EQ(either.times, 1);
  pipe.write();
  context.run();
  EXPECT_EQ(reading.times, 1);
  EXPECT_EQ(reading.value, Outcome::ready);
}

TEST(AsyncRun, LetsGoOfADescriptorBeforeTheTaskCanCloseIt) {
  ::asio::io_context context;
  const auto wait_for_new_pipes = [](Call call) -> Task<int> {
    int waits = 0;
    for (int i = 0; i < 100; ++i) {
      const Pipe pipe;  // gets the numbers of the one before
      pipe.write();
      if (co_await call.ready(pipe.read_end(), Interest::read_or_write) == Outcome::ready) ++waits;
    }
    co_return waits;
  };
  Ending<int> ending;
  async_run(context.get_executor(), wait_for_new_pipes, in(60s), ending.handler());
  context.run();
  EXPECT_EQ(ending.value, 100);
}

TEST(AsyncRun, EndsAtTheDeadline) {
  ::asio::io_context context;
  const Pipe pipe;
  std::shared_ptr<io::Signal> signal;
  const auto executor = context.get_executor();
  const auto deadline = in(5ms);
  auto descriptor =
      async_run(executor, ready(pipe.read_end(), Interest::read), deadline, ::asio::use_future);
  auto of_signal = async_run(executor, signalled(signal), deadline, ::asio::use_future);
  auto sleep = async_run(executor, asleep(), deadline, ::asio::use_future);
  context.run();
  EXPECT_GE(Clock::system().now(), deadline);
  EXPECT_EQ(descriptor.get(), Outcome::timed_out);
  EXPECT_EQ(of_signal.get(), Outcome::timed_out);
  EXPECT_EQ(sleep.get(), Outcome::timed_out);
}

TEST(AsyncRun, EarlierAndLaterDeadlinesOfOneTaskAreObeyed) {
  ::asio::io_context context;
  const auto sleep_in_turn = [](Call call) -> Task<bool> {
    bool all_late_enough = true;
    for (const auto span : {4ms, 1ms, 3ms, 0ms, 2ms}) {
      const auto time = Clock::system().now() + span;
      co_await call.sleep_until(time);
      all_late_enough = all_late_enough && Clock::system().now() >= time;
    }
    co_return all_late_enough;
  };
  auto slept = async_run(context.get_executor(), sleep_in_turn, in(60s), ::asio::use_future);
  context.run();
  EXPECT_TRUE(slept.get());
}

TEST(AsyncRun, PassedDeadlineStillSeesAReadyDescriptor) {
  ::asio::io_context context;
  const Pipe pipe;
  pipe.write();
  auto outcome = async_run(context.get_executor(), ready(pipe.read_end(), Interest::read), in(-1h),
                           ::asio::use_future);
  context.run();
  EXPECT_EQ(outcome.get(), Outcome::ready);
}

TEST(AsyncRun, SignalsMayBeSetByOtherThreads) {
  for (int round = 0; round < 100; ++round) {
    ::asio::io_context context;
    std::promise<std::shared_ptr<io::Signal>> made;
    const auto wait = [&made](Call call) -> Task<Outcome> {
      const auto signal = call.waiter().make_signal();
      made.set_value(signal);
      co_return co_await call.signalled(*signal);
    };
    Ending<Outcome> ending;
    async_run(context.get_executor(), wait, in(60s), ending.handler());
    std::thread setter([signal = made.get_future()]() mutable {
      const auto mine = signal.get();
      mine->set();
      mine->set();
    });
    context.run();
    setter.join();
    ASSERT_EQ(ending.times, 1);
    EXPECT_EQ(ending.value, Outcome::ready);
  }
}

TEST(AsyncRun, AnyKindOfCancellationEndsTheWaitAndEveryLaterOne) {
  for (const auto type : {::asio::cancellation_type::terminal, ::asio::cancellation_type::partial,
                          ::asio::cancellation_type::total}) {
    ::asio::io_context context;
    const Pipe pipe;
    const auto wait_often = [&pipe](Call call) -> Task<std::vector<Outcome>> {
      std::vector<Outcome> outcomes;
      outcomes.push_back(co_await call.ready(pipe.read_end(), Interest::read));
      outcomes.push_back(co_await call.ready(pipe.write_end(), Interest::write));
      outcomes.push_back(co_await call.sleep_until(kNever));
      co_return outcomes;
    };
    ::asio::cancellation_signal signal;
    Ending<std::vector<Outcome>> ending;
    async_run(context.get_executor(), wait_often,
              ::asio::bind_cancellation_slot(signal.slot(), ending.handler()));
    context.poll();
    EXPECT_EQ(ending.times, 0);
    signal.emit(::asio::cancellation_type::none);
    context.poll();
    EXPECT_EQ(ending.times, 0);
    signal.emit(type);
    context.run();
    EXPECT_EQ(ending.times, 1);
    EXPECT_THAT(ending.value,
                ::testing::ElementsAre(Outcome::cancelled, Outcome::cancelled, Outcome::cancelled));
    signal.emit(type);  // has nothing left to do
  }
}

TEST(AsyncRun, CancellationBeforeTheTaskBeginsEndsItsFirstWait) {
  ::asio::io_context context;
  ::asio::cancellation_signal signal;
  Ending<Outcome> ending;
  async_run(context.get_executor(), asleep(),
            ::asio::bind_cancellation_slot(signal.slot(), ending.handler()));
  signal.emit(::asio::cancellation_type::terminal);
  context.run();
  EXPECT_EQ(ending.value, Outcome::cancelled);
}

TEST(AsyncRun, CompletesOnTheExecutorOfTheHandler) {
  ::asio::io_context context;
  ::asio::thread_pool other(1);
  const Pipe pipe;
  std::promise<std::thread::id> where;
  async_run(
      context.get_executor(), ready(pipe.read_end(), Interest::read),
      ::asio::bind_executor(other.get_executor(), [&where](const std::exception_ptr&, Outcome) {
        where.set_value(std::this_thread::get_id());
      }));
  pipe.write();
  context.run();
  EXPECT_NE(where.get_future().get(), std::this_thread::get_id());
  other.join();
}

TEST(AsyncRun, ThrowingHandlerThrowsOutOfTheContext) {
  ::asio::io_context context;
  async_run(
      context.get_executor(), [](Call) -> Task<int> { co_return 1; },
      [](const std::exception_ptr&, int) { throw std::logic_error("handler"); });
  EXPECT_THROW(context.run(), std::logic_error);
  context.run();
}

TEST(AsyncRun, WorkOffLoadedLeavesTheThreadFree) {
  ::asio::io_context context;
  io::Workers threads(1);
  std::promise<void> go;
  const auto work = [&](Call call) -> Task<int> {
    const auto done = co_await io::offload(
        call,
        [&go] {
          go.get_future().wait();
          return 9;
        },
        threads);
    co_return done.value.value_or(0);
  };
  auto nine = async_run(context.get_executor(), work, in(60s), ::asio::use_future);
  async_run(
      context.get_executor(),
      [&go](Call) -> Task<void> {
        go.set_value();
        co_return;
      },
      ::asio::use_future);
  context.run();
  EXPECT_EQ(nine.get(), 9);
}

TEST(AsyncRun, ContextMayBeDestroyedWhileTasksWait) {
  const Pipe pipe;
  std::shared_ptr<io::Signal> signal;
  ::asio::cancellation_signal cancellation;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  Ending<Outcome> ending;
  {
    ::asio::io_context context;
    async_run(context.get_executor(), ready(pipe.read_end(), Interest::read_or_write), in(1h),
              ending.handler());
    async_run(context.get_executor(), signalled(signal), in(1h),
              ::asio::bind_cancellation_slot(cancellation.slot(), ending.handler()));
    async_run(
        context.get_executor(),
        [held = std::move(held)](Call call) -> Task<Outcome> {
          const auto local = held;
          co_return co_await call.sleep_until(kNever);
        },
        ending.handler());
    context.poll();
    async_run(context.get_executor(), asleep(), ending.handler());  // never begins
  }
  EXPECT_TRUE(seen.expired());
  signal->set();
  cancellation.emit(::asio::cancellation_type::terminal);
  EXPECT_EQ(ending.times, 0);
}

TEST(AsyncRun, ManyTasksOnManyThreads) {
  constexpr int kTasks = 200;
  ::asio::thread_pool threads(4);
  std::atomic<int> ended = 0;
  std::vector<std::future<void>> futures;
  futures.reserve(kTasks);
  for (int i = 0; i < kTasks; ++i) {
    futures.push_back(async_run(
        threads.get_executor(),
        [&ended](Call call) -> Task<void> {
          int unguarded = 0;
          for (int wait = 0; wait < 20; ++wait) {
            const auto signal = call.waiter().make_signal();
            const auto set = [signal] { signal->set(); };
            co_await io::offload(call, set);
            co_await call.signalled(*signal);
            const auto soon = Clock::system().now() + 100us;
            co_await call.sleep_until(soon);
            ++unguarded;
          }
          ended += unguarded;
        },
        in(60s), ::asio::use_future));
  }
  for (auto& each : futures) each.get();
  threads.join();
  EXPECT_EQ(ended, kTasks * 20);
}

#if defined(ASIO_HAS_CO_AWAIT)
TEST(AsyncRun, CanBeAwaited) {
  ::asio::io_context context;
  const Pipe pipe;
  int seen = 0;
  const auto wait_twice = [&]() -> ::asio::awaitable<void> {
    const auto executor = co_await ::asio::this_coro::executor;
    for (int i = 0; i < 2; ++i) {
      const Outcome outcome = co_await async_run(executor, ready(pipe.write_end(), Interest::write),
                                                 in(60s), ::asio::use_awaitable);
      if (outcome == Outcome::ready) ++seen;
    }
    try {
      co_await async_run(
          executor,
          [](Call) -> Task<void> {
            throw std::runtime_error("no");
            co_return;
          },
          ::asio::use_awaitable);
    } catch (const std::runtime_error&) {
      ++seen;
    }
  };
  ::asio::co_spawn(context, wait_twice(), ::asio::detached);
  context.run();
  EXPECT_EQ(seen, 3);
}

TEST(AsyncRun, CancelledByTheCoroutineThatAwaitsIt) {
  ::asio::io_context context;
  ::asio::cancellation_signal signal;
  Outcome outcome{};
  const auto wait = [&]() -> ::asio::awaitable<void> {
    const auto executor = co_await ::asio::this_coro::executor;
    outcome = co_await async_run(executor, asleep(), ::asio::use_awaitable);
  };
  ::asio::co_spawn(context, wait(),
                   ::asio::bind_cancellation_slot(signal.slot(), ::asio::detached));
  context.poll();
  signal.emit(::asio::cancellation_type::terminal);
  context.run();
  EXPECT_EQ(outcome, Outcome::cancelled);
}
#endif

}  // namespace
}  // namespace grant::asio
