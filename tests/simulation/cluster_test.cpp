// The real registry, monitor, pools and sessions in virtual time.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grant/registry/registry.hpp"
#include "grant/session/execution.hpp"
#include "grant/session/session.hpp"
#include "simulation/simulated_servers.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::SimulatedServers;

/// What happened, in the order in which it did.
class Trace {
 public:
  void add(std::string_view what) {
    for (const char c : what) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
    hash_ *= 31;
    ++size_;
  }
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

 private:
  std::uint64_t hash_ = 14695981039346656037U;
  std::uint64_t size_ = 0;
};

/// A primary and two replicas, two hundred sessions, and what befalls them within an hour.
class SimulatedHour {
 public:
  explicit SimulatedHour(std::uint64_t seed) : simulation(seed), servers(simulation) {
    register_driver(servers);
    servers.add("a", NodeKind::primary);
    servers.add("b", NodeKind::replica);
    servers.add("c", NodeKind::replica);
    ConnectionSpec spec;
    spec.writer = "mariadb://a/db";
    spec.readers = {"mariadb://b/db", "mariadb://c/db"};
    spec.pool.max_size = 20;
    registry = std::make_shared<Registry>(Databases{{"shop", spec}},
                                          RegistryOptions{simulation.clock(),
                                                          [this](const Event& event) {
                                                            note(to_string(event));
                                                            ++events[std::string(event.name)];
                                                          },
                                                          simulation});
  }

  void run() {
    for (std::size_t i = 0; i < kSessions; ++i) simulation.spawn(work(i));
    const auto at = [&](Duration when, auto what) {
      simulation.call_at(after(began, when), [this, what] { what(servers); });
    };
    at(20min, [](auto& all) { all.crash("a"); });
    at(20min + 3s, [](auto& all) { all.promote("b"); });
    at(21min, [](auto& all) { all.come_back("a"); });
    at(40min, [](auto& all) { all.server("c").replicates = false; });
    at(42min, [](auto& all) {
      all.server("c").replicates = true;
      all.server("c").position = all.server("b").position;
    });
    simulation.run_for(1h);
    over = true;
    simulation.run_for(1min);
    registry->close(0ms);
    simulation.run_for(1min);
    registry.reset();
  }

  static constexpr std::size_t kSessions = 200;

  testing::Simulation simulation;
  const TimePoint began = simulation.now();
  SimulatedServers servers;
  std::shared_ptr<Registry> registry;
  Trace trace;
  std::map<std::string, std::size_t> events;
  std::map<std::string, std::size_t> served;  ///< How often each node did.
  std::map<Errc, std::size_t> failed;
  std::size_t stale = 0;  ///< Reads that did not see their session's own write.
  std::size_t working = 0;
  bool over = false;

 private:
  void note(std::string_view what) {
    trace.add(fmt::format("{} {}", (simulation.now() - began).count(), what));
  }

  Task<void> work(std::size_t number) {
    ++working;
    const Session session(registry);
    const io::Call call(simulation.loop());
    std::uint64_t written = 0;
    std::uint64_t promotions = 0;
    TimePoint last_write{};
    while (!over) {
      co_await call.sleep_until(
          after(call.now(), Duration(10s) * (simulation.random_bits() % 1000) / 1000));
      const bool write = simulation.random_bits() % 4 == 0;
      Statement statement;
      statement.sql = write ? "WRITE" : "READ";
      statement.effect = write ? Effect::write : Effect::read;
      detail::Access access;
      access.scope = session.context().scope();
      access.connection = connects_to("shop");
      std::string what;
      try {
        const auto done = co_await detail::execute(std::move(access), statement,
                                                   call.until(after(call.now(), 10s)));
        const auto position = static_cast<std::uint64_t>(done.result->cell(0, 0).as_integer());
        const auto by = session.last_served()->summary();
        ++served[session.last_served()->node];
        what = fmt::format("{} {} {} {}", number, statement.sql, by, position);
        if (write) {
          written = position;
          promotions = servers.promotions();
          last_write = call.now();
        } else if (position < written && promotions == servers.promotions() &&
                   call.now() - last_write < 2s) {
          ++stale;
        }
      } catch (const Error& error) {
        ++failed[error.code()];
        what = fmt::format("{} {} {}", number, statement.sql, to_string(error.code()));
      }
      note(what);
    }
    --working;
  }
};

TEST(Simulation, AnHourOfAClusterInWhichThePrimaryFails) {
  SimulatedHour hour(1);
  hour.run();
  EXPECT_EQ(hour.working, 0U);
  EXPECT_GT(hour.trace.size(), 100'000U);
  EXPECT_EQ(hour.stale, 0U);
  // The replicas serve most reads; the second one became the primary.
  EXPECT_GT(hour.served["shop/reader-1"], 10'000U);
  EXPECT_GT(hour.served["shop/reader-2"], 10'000U);
  EXPECT_GT(hour.served["shop/writer"], 10'000U);
  // What was under way when the primary crashed is in doubt; all else waited for the new one.
  EXPECT_LE(hour.failed[Errc::outcome_unknown], 5U);
  EXPECT_EQ(hour.failed.size(), hour.failed.contains(Errc::outcome_unknown) ? 1U : 0U);
  EXPECT_GE(hour.events["node.unhealthy"], 1U);
  for (const std::string name : {"a", "b", "c"}) EXPECT_EQ(hour.servers.server(name).open, 0U);
}

TEST(Simulation, TheSameSeedGivesTheSameHour) {
  SimulatedHour first(7);
  first.run();
  SimulatedHour second(7);
  second.run();
  SimulatedHour other(8);
  other.run();
  EXPECT_EQ(first.trace.hash(), second.trace.hash());
  EXPECT_EQ(first.trace.size(), second.trace.size());
  EXPECT_EQ(first.simulation.steps(), second.simulation.steps());
  EXPECT_NE(first.trace.hash(), other.trace.hash());
}

}  // namespace
}  // namespace grant
