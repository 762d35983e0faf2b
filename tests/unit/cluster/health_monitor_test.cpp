#include "grant/cluster/health_monitor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "support/eventually.hpp"
#include "support/nodes.hpp"
#include "unit/cluster/cluster_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::ClusterFixture;
using test::eventually;
using test::observed;
using ::testing::HasSubstr;

/// Probes only when asked to.
HealthCheckOptions rarely() {
  HealthCheckOptions health;
  health.interval = 1h;
  health.recheck_interval = 1h;
  health.timeout = 1h;
  return health;
}

PoolOptions cold() {
  PoolOptions pool;
  pool.initial_size = 0;
  return pool;
}

/// A cluster whose servers answer probes, and its monitor.
struct Monitored : ClusterFixture {
  explicit Monitored(HealthCheckOptions health = rarely(), PoolOptions pool = cold(),
                     RoutingOptions routing = {})
      : ClusterFixture(2, routing, health, pool) {
    driver.server("writer").observe(observed(NodeKind::primary));
    driver.server("r1").observe(observed(NodeKind::replica));
    driver.server("r2").observe(observed(NodeKind::replica));
  }

  void start() { monitor.emplace(std::vector<std::shared_ptr<Cluster>>{cluster}); }

  [[nodiscard]] bool becomes(std::size_t node, bool healthy) const {
    return eventually([&] {
      const auto view = cluster->topology().table()->nodes[node];
      return view.checked && view.healthy == healthy;
    });
  }

  std::optional<HealthMonitor> monitor;
};

TEST(HealthMonitor, ProbesEveryNodeAtOnce) {
  Monitored f;
  f.start();
  for (const std::size_t node : {0U, 1U, 2U}) EXPECT_TRUE(f.becomes(node, true));
  EXPECT_EQ(f.cluster->topology().table()->primary, 0U);
}

TEST(HealthMonitor, NodeThatHangsDelaysNoOther) {
  Monitored f;
  f.driver.server("r1").probing.shut();
  f.driver.server("writer").connecting.shut();
  f.start();
  EXPECT_TRUE(f.becomes(2, true));
  EXPECT_FALSE(f.cluster->topology().table()->nodes[0].checked);
  EXPECT_FALSE(f.cluster->topology().table()->nodes[1].checked);
  f.driver.server("r1").probing.open();
  EXPECT_TRUE(f.becomes(1, true));
  EXPECT_FALSE(f.cluster->topology().table()->nodes[0].checked);
}

TEST(HealthMonitor, ProbeThatHangsEndsAtTheTimeout) {
  auto health = rarely();
  health.timeout = 10ms;
  Monitored f(health);
  f.driver.server("r1").probing.shut();
  f.driver.server("r2").connecting.shut();
  f.start();
  EXPECT_TRUE(f.becomes(1, false));
  EXPECT_TRUE(f.becomes(2, false));
  EXPECT_THAT(f.cluster->status()[1].last_error, HasSubstr("no answer to the probe in time"));
  EXPECT_THAT(f.cluster->status()[2].last_error, HasSubstr("no connection in time"));
}

TEST(HealthMonitor, EndsPromptlyWhileAProbeHangs) {
  Monitored f;
  f.driver.server("r1").probing.shut();
  f.driver.server("r2").connecting.shut();
  f.start();
  EXPECT_TRUE(eventually([&] {
    return f.driver.server("r1").probing.held() + f.driver.server("r2").connecting.held() == 2;
  }));
  const auto began = Clock::system().now();
  f.monitor.reset();
  EXPECT_LT(Clock::system().now() - began, 20s);
  EXPECT_FALSE(f.cluster->topology().table()->nodes[1].checked)
      << "a cancelled probe tells nothing";
}

TEST(HealthMonitor, CheckNowReturnsWithFreshAnswersOfAll) {
  Monitored f;
  f.start();
  f.monitor->check_now();
  EXPECT_TRUE(f.cluster->topology().table()->nodes[0].healthy);
  f.driver.server("writer").observe(std::nullopt);
  f.driver.server("r1").observe(observed(NodeKind::primary, 200, 2));
  f.monitor->check_now();
  EXPECT_FALSE(f.cluster->topology().table()->nodes[0].healthy);
  EXPECT_EQ(f.cluster->topology().table()->primary, 1U);
}

TEST(HealthMonitor, CheckNowServesSeveralThreads) {
  Monitored f;
  f.start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&f] {
      for (int round = 0; round < 20; ++round) f.monitor->check_now();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(f.cluster->topology().table()->nodes[2].healthy);
}

TEST(HealthMonitor, CheckNowIsOverAtTheTimeout) {
  auto health = rarely();
  health.timeout = 10ms;
  Monitored f(health);
  f.driver.server("r1").probing.shut();
  f.start();
  f.monitor->check_now();
  EXPECT_FALSE(f.cluster->topology().table()->nodes[1].healthy);
  EXPECT_TRUE(f.cluster->topology().table()->nodes[2].healthy);
}

TEST(HealthMonitor, ProbesWhenAQueryReportsALoss) {
  Monitored f;
  f.start();
  f.monitor->check_now();
  f.driver.server("r1").observe(std::nullopt);
  f.cluster->topology().report_lost();
  EXPECT_TRUE(f.becomes(1, false));
}

TEST(HealthMonitor, ProbesAgainAfterADemotion) {
  Monitored f;
  f.start();
  f.monitor->check_now();
  f.cluster->topology().report_read_only(test::node_of(*f.cluster, 0));
  EXPECT_TRUE(eventually([&] { return f.cluster->topology().table()->primary == 0U; }));
}

TEST(HealthMonitor, ProbesAtTheInterval) {
  auto health = rarely();
  health.interval = 2ms;
  Monitored f(health);
  f.start();
  EXPECT_TRUE(f.becomes(1, true));
  f.driver.server("r1").observe(std::nullopt);
  EXPECT_TRUE(f.becomes(1, false));
}

TEST(HealthMonitor, RechecksAnUnhealthyNodeSooner) {
  auto health = rarely();
  health.recheck_interval = 2ms;
  Monitored f(health);
  f.driver.server("r1").refuse_connects(Errc::unavailable);
  f.start();
  EXPECT_TRUE(f.becomes(1, false));
  f.driver.server("r1").accept_connects();
  EXPECT_TRUE(f.becomes(1, true));
}

TEST(HealthMonitor, LooksAtAllNodesAsSoonAsThePrimaryIsLost) {
  Monitored f;
  f.start();
  f.monitor->check_now();
  f.driver.server("writer").observe(std::nullopt);
  f.driver.server("r2").observe(observed(NodeKind::primary, 200, 2));
  f.cluster->topology().report_lost();
  EXPECT_TRUE(eventually([&] { return f.cluster->topology().table()->primary == 2U; }));
}

TEST(HealthMonitor, RechecksWellNodesSoonerWhileThereIsNoPrimary) {
  auto health = rarely();
  health.recheck_interval = 2ms;
  RoutingOptions routing;
  routing.replica_lag_threshold.reset();  // lag that nobody knows would be a reason too
  Monitored f(health, cold(), routing);
  f.driver.server("writer").observe(std::nullopt);
  f.start();
  EXPECT_TRUE(f.becomes(2, true));
  f.driver.server("r2").observe(observed(NodeKind::primary, 200, 2));
  EXPECT_TRUE(eventually([&] { return f.cluster->topology().table()->primary == 2U; }));
}

TEST(HealthMonitor, SaturatedPoolIsNotASickNode) {
  auto pool = cold();
  pool.max_size = 1;
  Monitored f(rarely(), pool);
  const auto lease = run(test::node_of(*f.cluster, 0).pool().acquire(test::blocking()));
  f.start();
  f.monitor->check_now();
  EXPECT_TRUE(f.cluster->topology().table()->nodes[0].healthy);
  EXPECT_EQ(f.driver.server("writer").open(), 2U);
}

TEST(HealthMonitor, KeepsItsConnectionFromOneProbeToTheNext) {
  Monitored f;
  f.start();
  for (int i = 0; i < 3; ++i) f.monitor->check_now();
  EXPECT_EQ(f.driver.server("writer").opened(), 1U);
  f.driver.server("writer").break_connections();
  f.monitor->check_now();
  EXPECT_TRUE(f.cluster->topology().table()->nodes[0].healthy);
  EXPECT_EQ(f.driver.server("writer").opened(), 2U);
}

TEST(HealthMonitor, LossOfItsOwnConnectionIsNotASickNode) {
  Monitored f;
  f.start();
  f.monitor->check_now();
  const auto events = f.events.lines();
  f.driver.server("writer").lose_connections();
  f.monitor->check_now();
  EXPECT_TRUE(f.cluster->topology().table()->nodes[0].healthy);
  EXPECT_EQ(f.events.lines(), events);
  EXPECT_EQ(f.driver.server("writer").opened(), 2U);
}

TEST(HealthMonitor, WarmsThePoolUpOnceTheNodeAnswers) {
  auto pool = cold();
  pool.initial_size = 2;
  auto health = rarely();
  health.recheck_interval = 2ms;
  Monitored f(health, pool);
  f.driver.server("writer").refuse_connects(Errc::unavailable);
  f.start();
  EXPECT_TRUE(f.becomes(0, false));
  EXPECT_EQ(test::node_of(*f.cluster, 0).pool().stats().open(), 0U);
  f.driver.server("writer").accept_connects();
  EXPECT_TRUE(eventually([&] { return test::node_of(*f.cluster, 0).pool().stats().idle == 2; }));
}

TEST(HealthMonitor, WarmUpThatHangsDelaysNoProbe) {
  auto pool = cold();
  pool.initial_size = 1;
  Monitored f(rarely(), pool);
  auto& writer = f.driver.server("writer");
  writer.probing.shut();
  f.start();
  EXPECT_TRUE(eventually([&] { return writer.probing.held() == 1; }));
  writer.connecting.shut();
  writer.probing.open();
  EXPECT_TRUE(f.becomes(0, true));
  EXPECT_TRUE(eventually([&] { return writer.connecting.held() == 1; }));
  writer.observe(observed(NodeKind::replica));
  f.cluster->topology().report_lost();
  EXPECT_TRUE(eventually(
      [&] { return f.cluster->topology().table()->nodes[0].kind == NodeKind::replica; }));
}

TEST(HealthMonitor, WatchesSeveralClusters) {
  Monitored f;
  Monitored g;
  HealthMonitor monitor({f.cluster, g.cluster});
  monitor.check_now();
  g.driver.server("r2").observe(std::nullopt);
  g.cluster->topology().report_lost();
  EXPECT_TRUE(g.becomes(2, false));
  EXPECT_TRUE(f.cluster->topology().table()->nodes[2].healthy);
}

/// Has a node's turn for the worse run `action` on the monitor's thread, where its sink is called.
template <class Action>
void on_the_monitors_thread(Monitored& f, const Action& action) {
  std::atomic<bool> done = false;
  f.also([&](const Event& event) {
    if (event.name != "node.unhealthy" || done) return;
    action();
    done = true;
  });
  f.driver.server("r1").observe(std::nullopt);
  f.cluster->topology().report_lost();
  EXPECT_TRUE(eventually([&] { return done.load(); }));
  f.also({});
}

TEST(HealthMonitor, RefusesToWaitForItself) {
  Monitored f;
  f.start();
  f.monitor->check_now();
  on_the_monitors_thread(f, [&] {
    const auto error = test::error_of([&] { f.monitor->check_now(); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr("on which the event sink is called"));
  });
  f.monitor->check_now();
}

TEST(HealthMonitor, MayBeStoppedOnItsOwnThread) {
  Monitored f;
  f.start();
  f.monitor->check_now();
  on_the_monitors_thread(f, [&] { f.monitor->stop(); });
  f.monitor->check_now();
  f.monitor.reset();
  EXPECT_TRUE(eventually([&] { return f.cluster.use_count() == 1; })) << "its thread ends";
}

TEST(HealthMonitor, ClusterMayOutliveIt) {
  Monitored f;
  f.start();
  f.monitor->check_now();
  f.monitor.reset();
  f.cluster->topology().report_lost();
  f.cluster->topology().report_read_only(test::node_of(*f.cluster, 0));
  EXPECT_EQ(f.cluster->topology().table()->primary, std::nullopt);
}

}  // namespace
}  // namespace grant
