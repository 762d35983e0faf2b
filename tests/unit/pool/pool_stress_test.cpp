#include "grant/pool/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "grant/io/poll_loop.hpp"
#include "support/seed.hpp"
#include "unit/pool/pool_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::blocking;
using test::options;
using test::PoolFixture;

/// One borrower of the stress test; gives up its lease in one of the ways there are.
void borrow(const PoolFixture& f, std::minstd_rand& random) {
  const auto chance = [&random](unsigned percent) { return random() % 100 < percent; };
  const auto limit = chance(20) ? std::chrono::microseconds(random() % 500) : 60s;
  try {
    const auto lease = f.take(blocking(limit));
    if (chance(20)) run(lease->begin(blocking(), {}));
    if (chance(50)) std::this_thread::yield();
    Statement statement;
    statement.sql = "SELECT 1";
    run(lease->execute(blocking(), statement));
    if (chance(5)) f.server.break_connections();
  } catch (const Error& error) {
    if (error.code() != Errc::pool_timeout && error.code() != Errc::unavailable) throw;
  }
}

Task<void> borrow_awaiting(Pool& pool, io::Call call, int rounds) {
  Statement statement;
  statement.sql = "SELECT 1";
  for (int i = 0; i < rounds; ++i) {
    try {
      const auto lease = co_await pool.acquire(call);
      co_await lease->execute(call, statement);
    } catch (const Error& error) {
      if (error.code() != Errc::unavailable) throw;
    }
  }
}

/// What the threads of the long test did.
struct Counts {
  std::atomic<std::uint64_t> leases = 0;
  std::atomic<std::uint64_t> timeouts = 0;
  std::atomic<std::uint64_t> cancelled = 0;
  std::atomic<std::uint64_t> unavailable = 0;
};

void count(Counts& counts, const Error& error) {
  switch (error.code()) {
    case Errc::pool_timeout: ++counts.timeouts; break;
    case Errc::cancelled: ++counts.cancelled; break;
    case Errc::unavailable: ++counts.unavailable; break;
    default: throw error;
  }
}

std::chrono::microseconds limit(std::minstd_rand& random) {
  return random() % 4 == 0 ? std::chrono::microseconds(random() % 2'000) : 60s;
}

void block_at_random(const PoolFixture& f, std::minstd_rand random, Counts& counts, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    try {
      const auto call = blocking(limit(random));
      auto lease = run(f.pool->acquire(call));
      ++counts.leases;
      if (random() % 10 == 0) run(lease->begin(blocking(), {}));
      for (auto turns = random() % 20; turns > 0; --turns) std::this_thread::yield();
      if (random() % 20 == 0) {
        // sleeps: holds a connection for so long that others wait in the queue
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 2'000));
      }
      if (random() % 5 == 0) lease.hand_over();
    } catch (const Error& error) {
      count(counts, error);
    }
  }
}

Task<void> await_at_random(Pool& pool, io::Call call, std::minstd_rand random, Counts& counts) {
  for (int i = 0; i < 30; ++i) {
    try {
      const auto limited = call.until(after(Clock::system().now(), limit(random)));
      const auto lease = co_await pool.acquire(limited);
      ++counts.leases;
      const auto pause = std::chrono::microseconds(random() % 500);
      co_await call.sleep_until(after(Clock::system().now(), pause));
    } catch (const Error& error) {
      count(counts, error);
    }
  }
}

TEST(PoolStress, EverybodyIsAnsweredWhateverIsCancelledDroppedOrRefused) {
  static constexpr std::size_t max_size = 4;
  auto changing = options(max_size);
  changing.min_idle = 1;
  changing.leak_threshold = 40ms;
  changing.verify_idle = 40ms;
  changing.keepalive = 60ms;
  changing.idle_timeout = 100ms;
  changing.max_lifetime = 200ms;
  PoolFixture f(changing);
  const test::Seed seed;
  Counts counts;
  std::atomic<int> running = 0;
  std::vector<std::thread> threads;
  const auto start = [&](auto work) {
    ++running;
    threads.emplace_back([&running, work] {
      work();
      --running;
    });
  };
  for (unsigned part = 0; part < 8; ++part) {
    start([&, part] { block_at_random(f, seed.dice(part), counts, 1'500); });
  }
  for (unsigned part = 10; part <= 11; ++part) {
    start([&, part] {
      auto random = seed.dice(part);
      for (unsigned round = 0; round < 15; ++round) {
        io::PollLoop loop;
        for (unsigned i = 0; i < 4; ++i) {
          loop.spawn(await_at_random(*f.pool, io::Call(loop),
                                     seed.dice(part * 1'000 + round * 10 + i), counts));
        }
        std::thread canceller([&loop, pause = std::chrono::microseconds(random() % 20'000)] {
          // sleeps: cancels at a random moment
          std::this_thread::sleep_for(pause);
          loop.cancel();
        });
        loop.run();
        canceller.join();
      }
    });
  }
  auto random = seed.dice(99);
  std::uint64_t operations = 0;
  while (running > 0) {
    ++operations;
    f.clock.advance(std::chrono::milliseconds(random() % 20));
    switch (random() % 8) {
      case 0: f.pool->drop_connections(); break;
      case 1: f.pool->drop_idle(); break;
      case 2: f.pool->resize(1 + random() % max_size); break;
      case 3: f.server.refuse_connects(Errc::unavailable, 1); break;
      case 4: f.server.lose_connections(); break;
      case 5: {
        f.pool->suspend();
        std::this_thread::yield();
        f.pool->resume();
        break;
      }
      case 6: f.pool->look_after(); break;
      default: break;
    }
    const auto stats = f.pool->stats();
    EXPECT_LE(stats.open() + stats.opening, 2 * max_size);
    // sleeps: lets the others get on
    std::this_thread::sleep_for(300us);
  }
  for (auto& thread : threads) thread.join();

  EXPECT_TRUE(f.opening(0));
  const auto stats = f.pool->stats();
  EXPECT_EQ(stats.leased, 0U);
  EXPECT_EQ(stats.waiting, 0U);
  EXPECT_EQ(stats.opened - stats.closed, stats.idle);
  EXPECT_GE(stats.checkouts, counts.leases);  // dead ones that were checked count too
  EXPECT_EQ(f.server.misuses(), 0U);
  std::printf(
      "seed %u, 10 threads, 120 coroutines: %llu leases, %llu timeouts, %llu cancelled, %llu "
      "unavailable; "
      "%llu operations, %llu openings, %llu failed, %llu closed\n",
      seed.value(), static_cast<unsigned long long>(counts.leases),
      static_cast<unsigned long long>(counts.timeouts),
      static_cast<unsigned long long>(counts.cancelled),
      static_cast<unsigned long long>(counts.unavailable),
      static_cast<unsigned long long>(operations), static_cast<unsigned long long>(stats.opened),
      static_cast<unsigned long long>(stats.failed), static_cast<unsigned long long>(stats.closed));
  f.pool->close();
  EXPECT_TRUE(f.open(0));
}

TEST(PoolStress, NothingIsLeakedOrSharedByManyThreads) {
  static constexpr std::size_t max_size = 3;
  const PoolFixture f(options(max_size));
  const test::Seed seed;
  std::vector<std::thread> threads;
  for (unsigned part = 0; part < 6; ++part) {
    threads.emplace_back([&f, &seed, part] {
      auto random = seed.dice(part);
      for (int i = 0; i < 300; ++i) {
        borrow(f, random);
        const auto stats = f.pool->stats();
        EXPECT_LE(stats.open() + stats.opening, max_size);
        if (random() % 50 == 0) f.pool->drop_connections();
        if (random() % 50 == 0) f.server.refuse_connects(Errc::unavailable, 1);
      }
    });
  }
  threads.emplace_back([&f] {
    io::PollLoop loop;
    for (int i = 0; i < 4; ++i) loop.spawn(borrow_awaiting(*f.pool, io::Call(loop), 100));
    loop.run();
  });
  for (auto& thread : threads) thread.join();

  const auto stats = f.pool->stats();
  EXPECT_EQ(stats.leased, 0U);
  EXPECT_EQ(stats.waiting, 0U);
  EXPECT_EQ(stats.opening, 0U);
  EXPECT_EQ(f.server.open(), stats.idle);
  EXPECT_EQ(f.server.misuses(), 0U);
  EXPECT_GT(f.server.closed(), 0U);
  f.pool->close();
  EXPECT_EQ(f.server.open(), 0U);
}

}  // namespace
}  // namespace grant
