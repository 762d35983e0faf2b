#include "integration/postgres_registry.hpp"
#include "support/nodes.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using Health = SharedCluster;

TEST_F(Health, StatusTellsWhatEachNodeIs) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  EXPECT_TRUE(registry->system_healthy());

  const auto all = registry->health_status();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].key, "primary/writer");
  EXPECT_EQ(all[0].kind, NodeKind::primary);
  EXPECT_EQ(all[0].lag, std::nullopt);
  EXPECT_EQ(all[1].key, "primary/reader-1");
  EXPECT_EQ(all[2].key, "primary/reader-2");
  const auto version = cluster().sql(0, "show server_version");
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].database, "primary");
    EXPECT_EQ(all[i].shard, "default");
    EXPECT_TRUE(all[i].healthy);
    EXPECT_EQ(all[i].last_error, "");
    ASSERT_TRUE(all[i].last_check.has_value());
    EXPECT_LT(*all[i].last_check, kPatience);
    EXPECT_EQ(registry->cluster("primary")->topology().known()[i].record.seen.version, version);
    if (i == 0) continue;
    EXPECT_EQ(all[i].kind, NodeKind::replica);
    EXPECT_TRUE(is_level(all[i]));
  }
}

TEST_F(Health, StoppedReplicaIsUnhealthyAndComesBackByItself) {
  const auto registry = connect(spec_of(cluster()));
  {
    const Stopped stopped(1);
    registry->check_health_now();
    registry->check_health_now();  // the first one may have found what the server said in leaving
    const auto status = status_of(*registry, "reader-1");
    EXPECT_FALSE(status.healthy);
    EXPECT_EQ(status.kind, NodeKind::unknown);
    EXPECT_EQ(status.lag, std::nullopt);
    EXPECT_THAT(status.last_error, HasSubstr("primary/reader-1"));
    EXPECT_THAT(status.last_error, HasSubstr("Connection refused"));
    EXPECT_THAT(status.last_error, Not(HasSubstr("app-secret")));
    EXPECT_FALSE(registry->system_healthy());
    EXPECT_EQ(registry->load_balancer("primary")->healthy_count(), 1U);
    EXPECT_EQ(registry->load_balancer("primary")->size(), 2U);
  }
  EXPECT_TRUE(eventually([&] { return registry->system_healthy(); }));
  EXPECT_EQ(status_of(*registry, "reader-1").last_error, "");
  EXPECT_EQ(registry->load_balancer("primary")->healthy_count(), 2U);
}

TEST_F(Health, NodeThatIsWellIsOnlyCheckedWhenAsked) {
  const auto registry = connect(spec_of(cluster()));
  {
    const Killed killed(1);
    EXPECT_TRUE(status_of(*registry, "reader-1").healthy);
    registry->check_health_now();
    EXPECT_FALSE(status_of(*registry, "reader-1").healthy);
  }
}

TEST_F(Health, HungReplicaFailsItsProbeAtTheTimeoutAndDelaysNobodyElse) {
  auto spec = spec_of(cluster());
  spec.health_check.interval = 20ms;
  spec.health_check.recheck_interval = 20ms;
  spec.health_check.timeout = 500ms;
  const auto registry = connect(spec);
  const auto nodes = registry->cluster("primary");
  {
    const Hung hung(cluster(), 1);
    const auto failures = [&] { return nodes->topology().known()[1].record.failures; };
    ASSERT_TRUE(eventually([&] { return failures() > 0; }));
    EXPECT_THAT(status_of(*registry, "reader-1").last_error,
                MatchesRegex("node \"primary/reader-1\": no answer .*within [0-9]+ ms.*"));
    // While a probe of the hung one waits, the others are probed again and again. It may have
    // failed more than once by now, but of two more failures one probe at least begins after this.
    const auto others = nodes->topology().known()[2].record.successes;
    const auto before = failures();
    const auto took =
        duration_of([&] { EXPECT_TRUE(eventually([&] { return failures() >= before + 2; })); });
    EXPECT_GE(took, 400ms);
    EXPECT_GE(nodes->topology().known()[2].record.successes - others, 3U);
    EXPECT_TRUE(status_of(*registry, "reader-2").healthy);
    EXPECT_TRUE(status_of(*registry, "writer").healthy);
  }
  EXPECT_TRUE(eventually([&] { return registry->system_healthy(); }));
}

TEST_F(Health, CheckNowReturnsAtTheTimeoutOfAHungNode) {
  auto spec = spec_of(cluster());
  spec.health_check.timeout = 300ms;
  const auto registry = connect(spec);
  const Hung hung(cluster(), 2);
  const auto took = duration_of([&] { registry->check_health_now(); });
  EXPECT_GE(took, 300ms);
  EXPECT_LT(took, 3s);
  EXPECT_FALSE(status_of(*registry, "reader-2").healthy);
  EXPECT_TRUE(status_of(*registry, "reader-1").healthy);
}

TEST_F(Health, ReadersWithTheSameUrlAreTwoNodesWithRecordsOfTheirOwn) {
  auto spec = spec_of(cluster(), {1, 1});
  spec.health_check.recovery_threshold = 1'000'000;  // who fails once stays unhealthy
  const auto registry = connect(spec);
  wait_for_replicas(*registry);
  EXPECT_EQ(registry->load_balancer("primary")->size(), 2U);
  const auto first = server_of_a_read(registry);
  const auto second = server_of_a_read(registry);
  EXPECT_NE(first, second);

  ErrorInfo error;
  error.code = Errc::unavailable;
  error.message = "just so";
  registry->cluster("primary")->topology().report_unreachable(
      test::node_of(*registry->cluster("primary"), 1), error,
      registry->cluster("primary")->topology().version());
  registry->check_health_now();
  EXPECT_FALSE(status_of(*registry, "reader-1").healthy);
  EXPECT_EQ(status_of(*registry, "reader-1").last_error, "just so");
  EXPECT_TRUE(status_of(*registry, "reader-2").healthy);
  EXPECT_EQ(server_of_a_read(registry), "reader-2");
  EXPECT_EQ(server_of_a_read(registry), "reader-2");
}

TEST_F(Health, KilledPrimaryIsUnhealthyWhileReadsGoOn) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  {
    const Killed killed(0);
    registry->check_health_now();
    const auto status = status_of(*registry, "writer");
    EXPECT_FALSE(status.healthy);
    EXPECT_EQ(status.kind, NodeKind::unknown);
    EXPECT_THAT(status.last_error, HasSubstr("primary/writer"));
    EXPECT_THAT(server_of_a_read(registry), HasSubstr("reader"));
  }
  ASSERT_TRUE(eventually([&] { return status_of(*registry, "writer").healthy; }));
  EXPECT_EQ(status_of(*registry, "writer").kind, NodeKind::primary);
  Session(registry).run([] { Item::create(item_name = "after the crash"); });
}

TEST_F(Health, ReaderThatReachesThePrimaryServesNoReadsAndMakesNoRivals) {
  const auto registry = connect(spec_of(cluster(), {0, 1}));
  const Session writer(registry);
  writer.run([] { Item::create(item_name = "written"); });
  wait_for_replicas(*registry);
  EXPECT_EQ(status_of(*registry, "reader-1").kind, NodeKind::primary);
  EXPECT_TRUE(registry->cluster("primary")->topology().table()->rivals.empty());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(server_of_a_read(registry), "reader-2");
  EXPECT_EQ(registry->load_balancer("primary")->healthy_count(), 1U);
  EXPECT_EQ(rows_on(cluster(), 0, "written"), 1);
}

TEST_F(Health, WithoutAReplicaAmongTheReadersThePrimaryServesReads) {
  const auto registry = connect(spec_of(cluster(), {0}));
  const Session session(registry);
  session.run([] {
    EXPECT_EQ(Item::count(), 0U);
    EXPECT_EQ(reason(), RouteReason::no_fit_replica);
    EXPECT_EQ(server(), "writer");
  });
}

TEST_F(Health, SaturatedPoolIsNotASickNode) {
  auto spec = spec_of(cluster());
  spec.pool.max_size = 1;
  const auto registry = connect(spec);
  const Session session(registry);
  session.run([&] {
    transaction("primary", [&] {
      EXPECT_EQ(status_of(*registry, "writer").pool.leased, 1U);
      registry->check_health_now();
      EXPECT_TRUE(status_of(*registry, "writer").healthy);
    });
  });
}

}  // namespace
}  // namespace grant::test
