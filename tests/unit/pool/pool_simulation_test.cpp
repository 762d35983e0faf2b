#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "grant/pool/pool.hpp"
#include "grant/testing/simulation.hpp"
#include "support/memory_driver.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

PoolOptions simulated_options() {
  PoolOptions options;
  options.max_size = 3;
  options.min_idle = 1;
  options.checkout_timeout = 200ms;
  options.retry_attempts = 2;
  options.retry_delay = 20ms;
  options.idle_timeout = 10min;
  options.max_lifetime = 30min;
  options.keepalive = 5min;
  return options;
}

/// A pool, its server and its callers, all on one thread and in virtual time.
class SimulatedPool {
 public:
  explicit SimulatedPool(std::uint64_t seed) : simulation(seed) {
    ConnectOptions target;
    target.url = Url::parse("mariadb://server/db");
    target.node = "db/writer";
    pool = std::make_unique<Pool>(
        simulated_options(), driver, target, simulation.clock(),
        [this](const Event& event) { note(to_string(event)); }, simulation);
  }

  /// The time since the beginning, and `what`.
  void note(std::string what) {
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(simulation.now() - began).count();
    trace.push_back(fmt::format("{} {}", ms, what));
  }

  [[nodiscard]] Duration up_to(Duration most) {
    return Duration(simulation.random_bits() % static_cast<std::uint64_t>(most.count()));
  }

  /// Comes at some moment, and holds a connection for some time.
  Task<void> borrow(std::string name, Duration latest, Duration longest) {
    const io::Call call(simulation.loop());
    co_await call.sleep_until(after(call.now(), up_to(latest)));
    try {
      const auto lease = co_await pool->acquire(call);
      note(fmt::format("{} has {}", name, dynamic_cast<test::MemoryConnection&>(*lease).id()));
      co_await call.sleep_until(after(call.now(), up_to(longest)));
    } catch (const Error& error) {
      note(fmt::format("{} {}", name, to_string(error.code())));
    }
  }

  Task<void> drain() {
    const auto left = co_await pool->drain(io::Call(simulation.loop()));
    note(fmt::format("drained, {} left", left));
  }

  [[nodiscard]] std::size_t count(std::string_view part) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        trace, [part](const std::string& line) { return line.find(part) != std::string::npos; }));
  }

  testing::Simulation simulation;
  const TimePoint began = simulation.now();
  test::MemoryDriver driver;
  test::MemoryServer& server = driver.server("server");
  std::vector<std::string> trace;
  std::unique_ptr<Pool> pool;
};

/// A rush to a server that is not there yet, an hour of which somebody uses the pool now and then,
/// and its end.
std::vector<std::string> hour(std::uint64_t seed) {
  SimulatedPool f(seed);
  f.server.refuse_connects(Errc::unavailable, 1);
  for (int i = 0; i < 60; ++i) f.simulation.spawn(f.borrow(fmt::format("#{}", i), 400ms, 150ms));
  f.simulation.run_for(400ms);
  EXPECT_EQ(f.pool->stats().open(), 3U);
  f.simulation.run_for(5s);
  EXPECT_GT(f.server.attempts(), f.server.opened()) << "it was tried again";
  EXPECT_EQ(f.count(" has ") + f.count(" pool_timeout"), 60U);
  EXPECT_GT(f.count(" has "), 10U);
  EXPECT_GT(f.count(" pool_timeout"), 0U);

  f.simulation.run_for(11min);
  EXPECT_EQ(f.pool->stats().open(), 1U) << "min_idle";
  EXPECT_THAT(f.server.statements(), Contains("SELECT 1")) << "it was kept alive";
  for (int i = 0; i < 10; ++i) f.simulation.spawn(f.borrow(fmt::format("late {}", i), 35min, 1s));
  f.simulation.run_for(49min);
  EXPECT_GE(f.count("late"), 10U);
  EXPECT_GT(f.server.closed(), 2U) << "its time was over, and another one is in its place";
  EXPECT_EQ(f.pool->stats().idle, 1U);

  f.simulation.spawn(f.drain());
  f.simulation.run_for(1s);
  EXPECT_THAT(f.trace, Contains(HasSubstr("drained, 0 left")));
  EXPECT_EQ(f.server.open(), 0U);
  f.pool.reset();
  const auto before = f.simulation.steps();
  f.simulation.run_for(1h);
  EXPECT_LE(f.simulation.steps(), before + 2) << "nothing goes on";
  f.note(fmt::format("{} steps, {} opened", f.simulation.steps(), f.server.opened()));
  return f.trace;
}

TEST(PoolSimulation, HourGoesTheSameWayWithTheSameSeed) {
  const auto first = hour(7);
  EXPECT_EQ(first, hour(7));
  EXPECT_NE(first, hour(8));
}

TEST(PoolSimulation, CallersThatWaitAreServedInTheirOrder) {
  SimulatedPool f(1);
  for (int i = 0; i < 20; ++i) {
    f.simulation.spawn([](SimulatedPool& pool, int place) -> Task<void> {
      const io::Call call(pool.simulation.loop());
      const auto lease = co_await pool.pool->acquire(call);
      pool.trace.push_back(std::to_string(place));
      co_await call.sleep_until(after(call.now(), 2ms));
    }(f, i));
  }
  f.simulation.run_for(1s);
  ASSERT_EQ(f.trace.size(), 20U);
  // Three at a time; who is served at the same moment runs in any order.
  for (std::size_t i = 0; i < f.trace.size(); ++i) {
    EXPECT_EQ(std::stoul(f.trace[i]) / 3, i / 3) << i;
  }
  f.simulation.spawn(f.drain());
  f.simulation.run_for(1s);
}

}  // namespace
}  // namespace grant
