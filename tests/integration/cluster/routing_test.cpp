#include <fmt/format.h>

#include <atomic>
#include <map>

#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Routing = SharedCluster;

struct PatientItem : Model<PatientItem> {
  std::int64_t id{};

  static constexpr auto table =
      grant::table<PatientItem>("items", column<&PatientItem::id>.primary_key());
  static constexpr auto connection = connects_to("primary").replica_lag_threshold(24h);
};

struct ProudItem : Model<ProudItem> {
  std::int64_t id{};

  static constexpr auto table =
      grant::table<ProudItem>("items", column<&ProudItem::id>.primary_key());
  static constexpr auto connection = connects_to("primary").failover_retry_attempts(0);
};

/// How many of `reads` each node serves.
std::map<std::string, int> spread(const std::shared_ptr<Registry>& registry, int reads) {
  std::map<std::string, int> served;
  for (int i = 0; i < reads; ++i) ++served[server_of_a_read(registry)];
  return served;
}

using Spread = std::map<std::string, int>;

TEST_F(Routing, ReadsTakeTurnsOverTheReplicas) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  EXPECT_EQ(spread(registry, 10), (Spread{{"reader-1", 5}, {"reader-2", 5}}));
}

TEST_F(Routing, RandomReadsUseEveryReplica) {
  auto spec = spec_of(cluster());
  spec.routing.strategy = Strategy::random;
  const auto registry = connect(spec);
  wait_for_replicas(*registry);
  const auto served = spread(registry, 60);  // one replica alone: once in 2^59 runs
  EXPECT_EQ(served.size(), 2U);
  EXPECT_FALSE(served.contains("writer"));
}

TEST_F(Routing, LeastConnectionsPrefersTheIdleReplica) {
  auto spec = spec_of(cluster());
  spec.routing.strategy = Strategy::least_connections;
  const auto registry = connect(spec);
  wait_for_replicas(*registry);

  auto busy = in_background([&registry] {
    return error_of(
        [&] { Session(registry).run([] { return sql("select pg_sleep(60)").read().run(); }); });
  });
  int node = 0;
  ASSERT_TRUE(eventually([&node] {
    for (const int i : {1, 2}) {
      if (sleepers_on(cluster(), i) == 1) node = i;
    }
    return node != 0;
  }));
  EXPECT_EQ(spread(registry, 6), (Spread{{fmt::format("reader-{}", 3 - node), 6}}));

  registry->load_balancer("primary")->set_strategy(Strategy::round_robin);
  EXPECT_EQ(spread(registry, 6), (Spread{{"reader-1", 3}, {"reader-2", 3}}));
  wake_sleepers(cluster(), node);
  EXPECT_EQ(busy.get().code, Errc::cancelled);
}

TEST_F(Routing, WritesAndUnmarkedSqlGoToThePrimary) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  Session(registry).run([] {
    sql("select 1").read().run();
    EXPECT_EQ(reason(), RouteReason::replica);
    connected_to({.role = Role::writing}, [] { return Item::count(); });
    EXPECT_EQ(reason(), RouteReason::writing_role);
    EXPECT_EQ(server(), "writer");
    sql("select id from items for update").run();
    EXPECT_EQ(reason(), RouteReason::write);
    EXPECT_EQ(server(), "writer");
  });
}

TEST_F(Routing, NoReadFailsWhileReplicasStopCrashAndComeBack) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  std::atomic<bool> ending = false;
  std::atomic<int> reads = 0;
  const auto read_on = [&] {
    std::vector<std::string> errors;
    while (!ending) {
      try {
        server_of_a_read(registry);
        ++reads;
      } catch (const Error& error) {
        errors.emplace_back(error.what());
      }
    }
    return errors;
  };
  std::vector<std::future<std::vector<std::string>>> readers;
  for (int i = 0; i < 3; ++i) readers.push_back(in_background(read_on));

  // At each step, until some more reads have been served.
  const auto read_some = [&reads] {
    EXPECT_TRUE(eventually([&reads, goal = reads + 20] { return reads >= goal; }));
  };
  const auto away_and_back = [&](int node, const auto& take_away) {
    read_some();
    take_away(node);
    read_some();
    cluster().start(node);
    const auto name = fmt::format("reader-{}", node);
    EXPECT_TRUE(eventually([&] { return server_of_a_read(registry) == name; })) << name;
  };
  away_and_back(1, [](int node) { cluster().stop(node); });
  away_and_back(2, [](int node) { cluster().kill(node); });
  away_and_back(1, [](int node) { cluster().stop(node, "immediate"); });
  ending = true;
  for (auto& reader : readers) EXPECT_THAT(reader.get(), ::testing::IsEmpty());
}

TEST_F(Routing, WithAllReplicasStoppedThePrimaryServesReads) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  {
    const Stopped first(1);
    const Stopped second(2);
    Session(registry).run([] {
      EXPECT_EQ(Item::count(), 0U);
      EXPECT_EQ(server(), "writer");
      EXPECT_EQ(reason(), RouteReason::no_fit_replica);
    });
  }
  EXPECT_TRUE(eventually([&] { return server_of_a_read(registry) != "writer"; }));
}

TEST_F(Routing, WithAllReplicasStoppedReadsFailWhereThatIsWanted) {
  auto spec = spec_of(cluster());
  spec.routing.on_no_replica = OnNoReplica::fail;
  const auto registry = connect(spec);
  const Stopped first(1);
  const Stopped second(2);
  registry->check_health_now();
  Session(registry).run([] {
    const auto error = error_of([] { return Item::count(); });
    EXPECT_EQ(error.code, Errc::unavailable);
    EXPECT_THAT(error.message, StartsWith("database \"primary\": no replica is fit and the primary "
                                          "is not wanted; nothing was executed."));
    Item::create(item_name = "writes are not meant");
  });
}

/// Writes, and looks until replica `node` is known to lag by more than `least`.
void fall_behind(const std::shared_ptr<Registry>& registry, std::size_t node, Duration least) {
  Session(registry).run([] { Item::create(item_name = "not replayed"); });
  ASSERT_TRUE(eventually([&] {
    registry->check_health_now();
    const auto lag = registry->cluster("primary")->topology().known()[node].record.lag;
    return lag && *lag > least;
  }));
}

TEST_F(Routing, ReplicaThatLagsTooMuchServesNoReadsUntilItHasCaughtUp) {
  auto spec = spec_of(cluster());
  spec.routing.replica_lag_threshold = 100ms;
  const auto registry = connect(spec);
  wait_for_replicas(*registry);
  {
    const Paused paused(1);
    fall_behind(registry, 1, 100ms);
    // The other one may have been asked before it had replayed the write.
    ASSERT_TRUE(eventually([&] { return server_of_a_read(registry) == "reader-2"; }));
    EXPECT_TRUE(status_of(*registry, "reader-1").healthy);
    EXPECT_EQ(spread(registry, 4), (Spread{{"reader-2", 4}}));
    const auto why = Session(registry).run([] { return Item::query().explain_route(); });
    EXPECT_THAT(why.candidates[1].verdict, ::testing::MatchesRegex("lag [0-9]+ ms is over 100 ms"));
  }
  // A node behind its threshold is probed more often: nobody asks for it here.
  EXPECT_TRUE(eventually([&] { return server_of_a_read(registry) == "reader-1"; }));
}

TEST_F(Routing, ReplicaThatFallsBehindIsFoundByAProbeAndComesBackByItself) {
  auto spec = spec_of(cluster(), {1});
  spec.routing.replica_lag_threshold = 50ms;
  const auto registry = connect(spec);
  wait_for_replicas(*registry);
  {
    const Paused paused(1);  // takes longer than the threshold
    Session(registry).run([] { Item::create(item_name = "not replayed"); });
    EXPECT_TRUE(eventually([&] {
      registry->check_health_now();
      return server_of_a_read(registry) == "writer";
    }));
  }
  EXPECT_TRUE(eventually([&] { return server_of_a_read(registry) == "reader-1"; }, 5s));
}

TEST_F(Routing, ModelsLagThresholdReplacesTheDatabases) {
  auto spec = spec_of(cluster());
  spec.routing.replica_lag_threshold = 50ms;
  const auto registry = connect(spec);
  wait_for_replicas(*registry);
  const Paused first(1);
  const Paused second(2);
  fall_behind(registry, 1, 50ms);
  fall_behind(registry, 2, 50ms);
  Session(registry).run([] {
    EXPECT_EQ(Item::count(), 2U);
    EXPECT_EQ(server(), "writer");
    EXPECT_EQ(PatientItem::count(), 0U);
    EXPECT_THAT(server(), StartsWith("reader"));
  });
}

TEST_F(Routing, WithoutALagThresholdLagIsNotJudged) {
  auto spec = spec_of(cluster(), {1});
  spec.routing.replica_lag_threshold.reset();
  const auto registry = connect(spec);
  wait_for_replicas(*registry);
  const Paused paused(1);
  fall_behind(registry, 1, 200ms);
  EXPECT_EQ(server_of_a_read(registry), "reader-1");
}

TEST_F(Routing, StaleReplicaServesReadsOnceThePrimaryIsGoneAndThatIsAllowed) {
  auto spec = spec_of(cluster());
  spec.routing.replica_lag_threshold = 50ms;
  spec.routing.failover_timeout = 100ms;
  const auto strict = connect(spec);
  spec.routing.allow_stale = true;
  const auto lenient = connect(spec);
  wait_for_replicas(*strict);
  wait_for_replicas(*lenient);
  const Paused first(1);
  const Paused second(2);
  for (const auto& registry : {strict, lenient}) {
    fall_behind(registry, 1, 50ms);
    fall_behind(registry, 2, 50ms);
  }
  const Killed killed(0);
  for (const auto& registry : {strict, lenient}) registry->check_health_now();

  const auto error = error_of([&] { return server_of_a_read(strict); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("no primary is known"));
  Session(lenient).run([] {
    EXPECT_EQ(Item::count(), 0U);
    EXPECT_EQ(reason(), RouteReason::stale_replica);
    EXPECT_THAT(server(), StartsWith("reader"));
  });
}

TEST_F(Routing, ReadOnADeadConnectionIsOnlyRetriedAsOftenAsTheModelSays) {
  const auto registry = connect(spec_of(cluster(), {1}));
  wait_for_replicas(*registry);
  Session(registry).run([] {
    EXPECT_EQ(ProudItem::count(), 0U);
    EXPECT_EQ(server(), "reader-1");
    const Killed killed(1);
    EXPECT_EQ(error_of([] { return ProudItem::count(); }).code, Errc::unavailable);
    EXPECT_EQ(Item::count(), 0U);
    EXPECT_EQ(server(), "writer");
  });
}

TEST_F(Routing, ReadInFlightIsRunAgainElsewhereWhenItsReplicaIsKilled) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  // Sleeps on the first replica alone. Of two reads in turn one goes there.
  const auto read = [&registry] {
    return Session(registry).run([] {
      sql("select pg_sleep(case inet_server_port() when $1 then 60 else 0 end)", cluster().port(1))
          .read()
          .run();
      return server();
    });
  };
  auto one = in_background(read);
  auto other = in_background(read);
  ASSERT_TRUE(eventually([] { return sleepers_on(cluster(), 1) == 1; }));
  const Killed killed(1);
  EXPECT_EQ(one.get(), "reader-2");
  EXPECT_EQ(other.get(), "reader-2");
}

}  // namespace
}  // namespace grant::test
