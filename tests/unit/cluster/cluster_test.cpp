#include "grant/cluster/cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "grant/io/poll_loop.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/nodes.hpp"
#include "unit/cluster/cluster_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::blocking;
using test::ClusterFixture;
using test::observed;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

RouteRequest reading() {
  RouteRequest request;
  request.lag_threshold = 3s;
  return request;
}

ErrorInfo unreachable() {
  ErrorInfo info;
  info.code = Errc::unavailable;
  info.message = "no route";
  return info;
}

TEST(Cluster, KnowsNothingAtFirst) {
  const ClusterFixture f;
  const auto table = f.cluster->topology().table();
  EXPECT_EQ(table->nodes.size(), 3U);
  EXPECT_EQ(table->primary, std::nullopt);
  for (const auto& node : table->nodes) {
    EXPECT_FALSE(node.checked);
    EXPECT_FALSE(node.healthy);
  }
}

TEST(Cluster, IsNamedAfterItsDatabaseAndShard) {
  EXPECT_EQ(ClusterFixture().cluster->name(), "d");
  const ClusterFixture eu(0, {}, {}, {}, "eu");
  EXPECT_EQ(eu.cluster->name(), "d@eu");
  EXPECT_EQ(&eu.cluster->origin(), &Origin::of("d", "eu"));
}

TEST(Cluster, PublishesWhatProbesSaw) {
  const ClusterFixture f;
  const auto before = f.cluster->topology().table();
  f.see_all();
  const auto table = f.cluster->topology().table();
  EXPECT_GT(table->version, before->version);
  EXPECT_EQ(before->primary, std::nullopt) << "a published table does not change";
  EXPECT_EQ(table->primary, 0U);
  EXPECT_EQ(table->nodes[1].kind, NodeKind::replica);
  EXPECT_EQ(table->nodes[1].lag, 0s);
}

TEST(Cluster, JudgesLagWhicheverNodeAnsweredLast) {
  const ClusterFixture f(1);
  f.see(1, observed(NodeKind::replica, 100));
  EXPECT_EQ(f.cluster->topology().table()->nodes[1].lag, std::nullopt);
  f.see(0, observed(NodeKind::primary, 100));
  EXPECT_EQ(f.cluster->topology().table()->nodes[1].lag, 0s);
}

TEST(Cluster, LagOfAFrozenReplicaGrows) {
  ClusterFixture f(1);
  f.see_all();
  for (const auto behind : {4s, 8s}) {
    f.clock.advance(4s);
    f.see(0, observed(NodeKind::primary, 500));
    f.see(1, observed(NodeKind::replica, 100));
    EXPECT_EQ(f.cluster->topology().table()->nodes[1].lag, behind);
  }
}

TEST(Cluster, ReplicaRecheckedAloneIsNotLevelWithWhatThePrimaryHadLongAgo) {
  ClusterFixture f(1);
  f.see_all();
  f.clock.advance(10s);
  // As far as the primary was ten seconds ago; nobody knows how far it is now.
  f.see(1, observed(NodeKind::replica, 100));
  EXPECT_EQ(f.cluster->topology().table()->nodes[1].lag, 10s);
}

TEST(Cluster, StatusSaysTheLagInBytesWherePositionsCountThem) {
  ClusterFixture f(1);
  auto primary = observed(NodeKind::primary, 500);
  auto replica = observed(NodeKind::replica, 100);
  f.see(0, primary);
  f.see(1, replica);
  EXPECT_EQ(f.cluster->status()[1].lag_bytes, std::nullopt);
  primary.position->place = Lsn{500};
  replica.position->place = Lsn{100};
  replica.unreplayed_bytes = 30;
  f.see(0, primary);
  f.see(1, replica);
  EXPECT_EQ(f.cluster->status()[0].lag_bytes, std::nullopt);
  EXPECT_EQ(f.cluster->status()[1].lag_bytes, 400U);
  EXPECT_EQ(f.cluster->status()[1].unreplayed_bytes, 30U);
}

TEST(Cluster, LastJudgementStandsWhileThePrimarysAnswerIsAwaited) {
  ClusterFixture f(1);
  f.see_all();
  f.clock.advance(10s);
  f.cluster->topology().begin_probe(test::node_of(*f.cluster, 0).id());
  f.cluster->topology().begin_probe(test::node_of(*f.cluster, 1).id());
  f.see(1, observed(NodeKind::replica, 100));
  EXPECT_EQ(f.cluster->topology().table()->nodes[1].lag, 0s);
  f.see(0, observed(NodeKind::primary, 500));
  EXPECT_EQ(f.cluster->topology().table()->nodes[1].lag, 10s);
}

TEST(Cluster, ReplicaThatStaysBehindIsNotTakenForLevelWhoeverAnswersFirst) {
  for (const bool replica_first : {false, true}) {
    ClusterFixture f(1);
    f.see(0, observed(NodeKind::primary, 1000));
    f.see(1, observed(NodeKind::replica, 0));
    for (std::uint64_t round = 1; round <= 5; ++round) {
      f.clock.advance(1s);
      f.cluster->topology().begin_probe(test::node_of(*f.cluster, 0).id());
      f.cluster->topology().begin_probe(test::node_of(*f.cluster, 1).id());
      const auto primary = [&] { f.see(0, observed(NodeKind::primary, 1000 + 1000 * round)); };
      const auto replica = [&] { f.see(1, observed(NodeKind::replica, 400 * round)); };
      if (replica_first) replica();
      primary();
      if (!replica_first) replica();
      const auto lag = f.cluster->topology().table()->nodes[1].lag;
      EXPECT_TRUE(!lag || *lag > 0s) << "round " << round;
    }
  }
}

TEST(Cluster, PrimaryThatDoesNotAnswerLeavesTheLastJudgement) {
  ClusterFixture f(1);
  f.see_all();
  f.clock.advance(10s);
  f.cluster->topology().begin_probe(test::node_of(*f.cluster, 0).id());
  f.miss(0);
  f.see(1, observed(NodeKind::replica, 100));
  EXPECT_EQ(f.cluster->topology().table()->nodes[1].lag, 0s);
}

TEST(Cluster, PrimaryOfAnOlderEpochDoesNotComeBackWhenTheNewerOneFails) {
  const ClusterFixture f;
  f.see_all();
  f.see(1, observed(NodeKind::primary, 200, 2));
  EXPECT_EQ(f.cluster->topology().table()->primary, 1U);
  f.miss(1);
  f.see(0, observed(NodeKind::primary, 900));
  EXPECT_EQ(f.cluster->topology().table()->primary, std::nullopt);
}

TEST(Cluster, TwoReadersOfOneDatabaseAreTwoNodes) {
  ClusterFixture f(0);
  std::vector<Member> nodes;
  nodes.push_back({f.node("d/writer", "writer", {}), Role::writing});
  nodes.push_back({f.node("d/reader-1", "same", {}), Role::reading});
  nodes.push_back({f.node("d/reader-2", "same", {}), Role::reading});
  f.cluster = std::make_shared<Cluster>("d", "default", std::move(nodes), ClusterOptions{}, f.clock,
                                        f.sink());
  f.see_all();
  f.miss(1);
  const auto status = f.cluster->status();
  EXPECT_EQ(status[1].key, "d/reader-1");
  EXPECT_FALSE(status[1].healthy);
  EXPECT_EQ(status[2].key, "d/reader-2");
  EXPECT_TRUE(status[2].healthy);
  EXPECT_EQ(f.cluster->load_balancer()->size(), 2U);
  EXPECT_EQ(f.cluster->load_balancer()->healthy_count(), 1U);
}

TEST(Cluster, StatusTellsEachNodesState) {
  ClusterFixture f(1);
  f.see_all();
  f.clock.advance(7s);
  f.miss(1, "connection refused");
  f.clock.advance(3s);
  const auto lease = run(test::node_of(*f.cluster, 0).pool().acquire(blocking()));
  const auto status = f.cluster->status();
  ASSERT_EQ(status.size(), 2U);
  EXPECT_EQ(status[0].key, "d/writer");
  EXPECT_EQ(status[0].database, "d");
  EXPECT_EQ(status[0].shard, "default");
  EXPECT_EQ(status[0].role, Role::writing);
  EXPECT_EQ(status[0].kind, NodeKind::primary);
  EXPECT_TRUE(status[0].healthy);
  EXPECT_EQ(status[0].last_check, 10s);
  EXPECT_EQ(status[0].last_error, "");
  EXPECT_EQ(status[0].pool.leased, 1U);
  EXPECT_EQ(status[1].role, Role::reading);
  EXPECT_EQ(status[1].kind, NodeKind::unknown);
  EXPECT_FALSE(status[1].healthy);
  EXPECT_EQ(status[1].last_check, 3s);
  EXPECT_EQ(status[1].lag, std::nullopt);
  EXPECT_EQ(status[1].last_error, "connection refused");
}

TEST(Cluster, StatusOfANodeNeverCheckedSaysSo) {
  const ClusterFixture f(0);
  EXPECT_EQ(f.cluster->status()[0].last_check, std::nullopt);
}

TEST(Cluster, RecoveredNodeHasNoErrorInItsStatus) {
  const ClusterFixture f(0);
  f.miss(0);
  f.see_all();
  EXPECT_EQ(f.cluster->status()[0].last_error, "");
}

TEST(Cluster, EmitsAnEventOnlyWhenANodeChanges) {
  const ClusterFixture f(0);
  f.see_all();
  f.see_all();
  f.miss(0);
  f.miss(0);
  EXPECT_THAT(f.events.lines(),
              ElementsAre("node.healthy node=d/writer kind=primary",
                          "node.unhealthy node=d/writer kind=unknown error=refused"));
}

// -- What queries report ----------------------------------------------------------------------

TEST(ClusterReports, UnreachableNodeFailsACheckAndIsProbed) {
  int wanted = 0;
  const ClusterFixture f;
  f.cluster->topology().on_probe_wanted([&wanted] { ++wanted; });
  f.see_all();
  f.cluster->topology().report_unreachable(test::node_of(*f.cluster, 1), unreachable(),
                                           f.cluster->topology().version());
  EXPECT_FALSE(f.cluster->topology().table()->nodes[1].healthy);
  EXPECT_EQ(f.cluster->status()[1].last_error, "no route");
  EXPECT_EQ(wanted, 1);
}

TEST(ClusterReports, NextCheckComesSoonerWhileNoPrimaryIsKnown) {
  const ClusterFixture f;
  f.see_all();
  EXPECT_EQ(f.cluster->topology().next_check_in(), f.cluster->topology().options().health.interval);
  f.cluster->topology().report_read_only(test::node_of(*f.cluster, 0));
  EXPECT_EQ(f.cluster->topology().next_check_in(),
            f.cluster->topology().options().health.recheck_interval);
}

TEST(ClusterReports, UnreachableNodeHasItsFailureThreshold) {
  HealthCheckOptions health;
  health.failure_threshold = 2;
  const ClusterFixture f(1, {}, health);
  f.see_all();
  f.cluster->topology().report_unreachable(test::node_of(*f.cluster, 1), unreachable(),
                                           f.cluster->topology().version());
  EXPECT_TRUE(f.cluster->topology().table()->nodes[1].healthy);
  f.cluster->topology().report_unreachable(test::node_of(*f.cluster, 1), unreachable(),
                                           f.cluster->topology().version());
  EXPECT_FALSE(f.cluster->topology().table()->nodes[1].healthy);
}

TEST(ClusterReports, FailureFromBeforeANewerAnswerMakesNoNodeUnhealthy) {
  const ClusterFixture f;
  f.see_all();
  auto& topology = f.cluster->topology();
  const auto before = topology.version();
  f.see(1, observed(NodeKind::replica));
  topology.report_unreachable(test::node_of(*f.cluster, 1), unreachable(), before);
  EXPECT_TRUE(topology.table()->nodes[1].healthy);
  topology.report_unreachable(test::node_of(*f.cluster, 1), unreachable(), topology.version());
  EXPECT_FALSE(topology.table()->nodes[1].healthy);
}

TEST(ClusterReports, ReportThatChangesNothingPublishesNoTable) {
  const ClusterFixture f;
  f.see_all();
  auto& topology = f.cluster->topology();
  const auto& node = test::node_of(*f.cluster, 1);
  const auto first = topology.report_unreachable(node, unreachable(), topology.version());
  EXPECT_EQ(topology.report_unreachable(node, unreachable(), first), first);
  EXPECT_EQ(topology.version(), first);
}

TEST(ClusterReports, ReadOnlyNodeIsDemotedWithItsConnectionsAndProbed) {
  int wanted = 0;
  ClusterFixture f;
  f.cluster->topology().on_probe_wanted([&wanted] { ++wanted; });
  f.see_all();
  { const auto idle = run(test::node_of(*f.cluster, 0).pool().acquire(blocking())); }
  f.cluster->topology().report_read_only(test::node_of(*f.cluster, 0));
  EXPECT_EQ(f.cluster->topology().table()->primary, std::nullopt);
  EXPECT_EQ(f.cluster->topology().table()->nodes[0].kind, NodeKind::unknown);
  EXPECT_EQ(f.driver.server("writer").open(), 0U);
  EXPECT_EQ(wanted, 1);
  EXPECT_EQ(f.events.lines().back(), "node.demoted node=d/writer");
}

TEST(ClusterReports, ReadOnlyAnswerOfANodeThatIsNotThePrimaryDemotesNobody) {
  const ClusterFixture f;
  f.see_all();
  const auto version = f.cluster->topology().table()->version;
  EXPECT_TRUE(f.cluster->topology().report_read_only(test::node_of(*f.cluster, 1)))
      << "the write belongs elsewhere";
  EXPECT_EQ(f.cluster->topology().table()->version, version);
  // And once it is demoted, each late answer does nothing more.
  EXPECT_TRUE(f.cluster->topology().report_read_only(test::node_of(*f.cluster, 0)));
  const auto demoted = f.cluster->topology().table()->version;
  EXPECT_GT(demoted, version);
  EXPECT_TRUE(f.cluster->topology().report_read_only(test::node_of(*f.cluster, 0)));
  EXPECT_EQ(f.cluster->topology().table()->version, demoted);
}

TEST(ClusterReports, ReadOnlyAnswerOfAServerThatSaysItIsThePrimaryOnlyAsksForAProbe) {
  std::atomic<int> probes = 0;
  const ClusterFixture f;
  f.cluster->topology().on_probe_wanted([&] { ++probes; });
  f.see_all();
  EXPECT_FALSE(
      f.cluster->topology().report_read_only(test::node_of(*f.cluster, 0), NodeKind::primary));
  EXPECT_EQ(f.cluster->topology().table()->primary, 0U);
  EXPECT_EQ(probes, 1);
  EXPECT_TRUE(
      f.cluster->topology().report_read_only(test::node_of(*f.cluster, 0), NodeKind::replica));
  EXPECT_EQ(f.cluster->topology().table()->primary, std::nullopt);
}

TEST(Cluster, TellsWhenOnlyTheKindOfANodeChanges) {
  ClusterFixture f(1);
  f.see_all();
  f.events.clear();
  f.see(1, observed(NodeKind::primary, 100, 2));
  EXPECT_THAT(f.events.lines(),
              ::testing::Contains(AllOf(HasSubstr("node.healthy"), HasSubstr("primary"))));
}

TEST(Cluster, ConnectionsOfAPrimaryThatIsSupersededGo) {
  ClusterFixture f(1);
  f.see_all();
  auto& writer = test::node_of(*f.cluster, 0);
  { const auto lease = run(writer.pool().acquire(blocking())); }
  EXPECT_EQ(writer.pool_stats().open(), 1U);
  f.events.clear();
  f.see(1, observed(NodeKind::primary, 200, 2));
  EXPECT_EQ(f.cluster->topology().table()->primary, 1U);
  EXPECT_EQ(writer.pool_stats().open(), 0U);
  EXPECT_THAT(f.events.lines(), ::testing::Contains(HasSubstr("node.demoted")));
}

Observation of_history(std::string history) {
  auto seen = observed(NodeKind::primary);
  seen.epoch.history = std::move(history);
  return seen;
}

TEST(ClusterHistory, ServerOfAnotherOneIsToldOfOnceAndServesNothing) {
  ClusterFixture f(1);
  f.see_all();
  f.miss(0);
  f.events.clear();
  f.see(1, of_history("another"));
  f.see(1, of_history("another"));
  EXPECT_EQ(f.cluster->topology().table()->primary, std::nullopt);
  EXPECT_THAT(f.events.lines(), ElementsAre(AllOf(HasSubstr("node.foreign"),
                                                  HasSubstr("d/reader-1"), HasSubstr("another")),
                                            HasSubstr("node.healthy")));
  const auto reads = f.cluster->explain(reading());
  EXPECT_EQ(reads.node, std::nullopt);
  EXPECT_EQ(reads.candidates[1].verdict, "follows another history");
}

TEST(ClusterHistory, ReplicaOfAnotherOneIsNotTakenForTheLeastStale) {
  ClusterFixture f(1);
  f.see_all();
  f.miss(0);
  auto stranger = observed(NodeKind::replica);
  stranger.epoch.history = "another";
  f.see(1, stranger);
  auto request = reading();
  request.allow_stale = true;
  EXPECT_EQ(f.cluster->explain(request).node, std::nullopt);
}

TEST(ClusterHistory, OperatorMayAcceptAnother) {
  ClusterFixture f(0);
  f.see_all();
  f.see(0, of_history("restored"));
  EXPECT_EQ(f.cluster->topology().table()->primary, std::nullopt);
  f.cluster->accept_history();
  EXPECT_EQ(f.cluster->topology().table()->primary, 0U);
  EXPECT_EQ(f.cluster->topology().table()->epoch->history, "restored");
}

TEST(ClusterReports, LostConnectionOnlyAsksForAProbe) {
  int wanted = 0;
  const ClusterFixture f;
  f.cluster->topology().on_probe_wanted([&wanted] { ++wanted; });
  f.see_all();
  const auto before = f.cluster->topology().table();
  f.cluster->topology().report_lost();
  EXPECT_EQ(f.cluster->topology().table(), before);
  EXPECT_EQ(wanted, 1);
}

TEST(ClusterReports, PromotedReplicaAsksForAProbeAndNotAgainAndAgain) {
  int wanted = 0;
  ClusterFixture f;
  f.cluster->topology().on_probe_wanted([&wanted] { ++wanted; });
  f.see_all();
  for (int i = 0; i < 3; ++i) f.cluster->topology().report_promoted();
  EXPECT_EQ(wanted, 1);
  f.clock.advance(f.cluster->topology().options().health.recheck_interval);
  f.cluster->topology().report_promoted();
  EXPECT_EQ(wanted, 2);
}

// -- Waiting for news -------------------------------------------------------------------------

TEST(ClusterNews, NewerTableIsThereAtOnceWhenItIs) {
  const ClusterFixture f;
  const auto version = f.cluster->topology().table()->version;
  f.see_all();
  EXPECT_TRUE(run(f.cluster->topology().newer_table(blocking(), version)));
}

TEST(ClusterNews, NewerTableEndsAtTheDeadline) {
  const ClusterFixture f;
  EXPECT_FALSE(run(
      f.cluster->topology().newer_table(blocking(2ms), f.cluster->topology().table()->version)));
}

Task<void> note_news(Cluster& cluster, io::Call call, std::uint64_t version, test::Log& log) {
  try {
    const bool newer = co_await cluster.topology().newer_table(call, version);
    log.add(newer ? "newer" : "none");
  } catch (const Error& error) {
    log.add(std::string(to_string(error.code())));
  }
}

/// What two who wait for news get, one blocking and one awaiting, after `happens`. The blocking one
/// may come late, which makes no difference: news are kept.
template <class Happens>
std::vector<std::string> news(const ClusterFixture& f, const Happens& happens) {
  test::Log log;
  const auto version = f.cluster->topology().table()->version;
  io::PollLoop loop;
  const io::Call awaiting(loop, blocking().deadline());
  loop.spawn(note_news(*f.cluster, awaiting, version, log));
  std::thread blocked([&] { run(note_news(*f.cluster, blocking(), version, log)); });
  happens();
  loop.run();
  blocked.join();
  return log.lines();
}

TEST(ClusterNews, RecordWakesThoseWhoWait) {
  for (int round = 0; round < 50; ++round) {
    const ClusterFixture f;
    EXPECT_THAT(news(f, [&] { f.see_all(); }), ElementsAre("newer", "newer"));
  }
}

TEST(ClusterNews, DemotionWakesThoseWhoWait) {
  const ClusterFixture f;
  f.see_all();
  EXPECT_THAT(
      news(f, [&] { f.cluster->topology().report_read_only(test::node_of(*f.cluster, 0)); }),
      ElementsAre("newer", "newer"));
}

TEST(ClusterNews, CloseEndsThoseWhoWait) {
  const ClusterFixture f;
  EXPECT_THAT(news(f, [&] { f.cluster->close(); }), ElementsAre("closed", "closed"));
}

TEST(ClusterNews, CloseRefusesNewLeases) {
  const ClusterFixture f;
  EXPECT_FALSE(f.cluster->closed());
  f.cluster->close();
  EXPECT_TRUE(f.cluster->closed());
  const auto error =
      test::error_of([&] { return run(test::node_of(*f.cluster, 0).pool().acquire(blocking())); });
  EXPECT_EQ(error.code, Errc::closed);
}

// -- Balancing --------------------------------------------------------------------------------

std::size_t read_from(const ClusterFixture& f) {
  return f.cluster->balancer().route(*f.cluster->topology().table(), reading()).node.value();
}

TEST(LoadBalancer, IsThereOnlyForReaders) {
  EXPECT_EQ(ClusterFixture(0).cluster->load_balancer(), nullptr);
  EXPECT_NE(ClusterFixture(1).cluster->load_balancer(), nullptr);
}

TEST(LoadBalancer, CountsReadersAndTheHealthyAmongThem) {
  const ClusterFixture f;
  const auto& balancer = *f.cluster->load_balancer();
  EXPECT_EQ(balancer.size(), 2U);
  EXPECT_EQ(balancer.healthy_count(), 0U);
  f.see_all();
  EXPECT_EQ(balancer.healthy_count(), 2U);
  f.see(1, observed(NodeKind::primary, 100, 2));
  EXPECT_EQ(balancer.healthy_count(), 1U) << "a promoted reader is no replica";
}

TEST(LoadBalancer, ReadsTakeTurnsAndWritesTakeNone) {
  const ClusterFixture f;
  f.see_all();
  std::vector<std::size_t> picked;
  RouteRequest write;
  write.effect = Effect::write;
  for (int i = 0; i < 4; ++i) {
    picked.push_back(read_from(f));
    EXPECT_EQ(f.cluster->balancer().route(*f.cluster->topology().table(), write).node, 0U);
  }
  EXPECT_NE(picked[0], picked[1]);
  EXPECT_EQ(picked[0], picked[2]);
  EXPECT_EQ(picked[1], picked[3]);
}

TEST(LoadBalancer, ReadsThatGoToThePrimaryTakeNoTurn) {
  const ClusterFixture f(2);
  f.see_all();
  auto to_primary = reading();
  auto sticky = reading();
  to_primary.role = Role::writing;
  sticky.sticky = true;
  for (const auto& other : {to_primary, sticky}) {
    std::vector<std::size_t> chosen;
    for (int i = 0; i < 4; ++i) {
      static_cast<void>(f.cluster->balancer().route(*f.cluster->topology().table(), other));
      chosen.push_back(
          *f.cluster->balancer().route(*f.cluster->topology().table(), reading()).node);
    }
    EXPECT_NE(chosen[0], chosen[1]);
    EXPECT_EQ(chosen[0], chosen[2]);
  }
}

TEST(LoadBalancer, ExplainingTakesNoTurn) {
  const ClusterFixture f;
  f.see_all();
  const auto explained = f.cluster->explain(reading()).node;
  EXPECT_EQ(f.cluster->explain(reading()).node, explained);
  EXPECT_EQ(test::node_of(*f.cluster, read_from(f)).name(), explained);
  EXPECT_NE(f.cluster->explain(reading()).node, explained);
}

TEST(LoadBalancer, StrategyIsTheConfiguredOneUntilItIsSet) {
  RoutingOptions routing;
  routing.strategy = Strategy::random;
  const ClusterFixture f(2, routing);
  EXPECT_EQ(f.cluster->load_balancer()->strategy(), Strategy::random);
  f.cluster->load_balancer()->set_strategy(Strategy::least_connections);
  EXPECT_EQ(f.cluster->load_balancer()->strategy(), Strategy::least_connections);
}

TEST(LoadBalancer, LeastConnectionsGoesByStatementsUnderWay) {
  RoutingOptions routing;
  routing.strategy = Strategy::least_connections;
  const ClusterFixture f(2, routing);
  f.see_all();
  {
    const Node::InFlight one(test::node_of(*f.cluster, 1));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(read_from(f), 2U);
    const Node::InFlight two(test::node_of(*f.cluster, 2));
    const Node::InFlight three(test::node_of(*f.cluster, 2));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(read_from(f), 1U);
    EXPECT_EQ(f.cluster->load_balancer()->status()[1].in_flight, 2U);
  }
  EXPECT_EQ(f.cluster->load_balancer()->status()[1].in_flight, 0U);
}

TEST(LoadBalancer, RandomReachesEveryReplica) {
  RoutingOptions routing;
  routing.strategy = Strategy::random;
  const ClusterFixture f(2, routing);
  f.see_all();
  bool seen[3]{};
  for (int i = 0; i < 200; ++i) seen[read_from(f)] = true;
  EXPECT_FALSE(seen[0]);
  EXPECT_TRUE(seen[1]);
  EXPECT_TRUE(seen[2]);
}

// -- Nodes ------------------------------------------------------------------------------------

TEST(Node, PoolUrlShowsTheOptionsAndHidesThePassword) {
  test::MemoryDriver driver;
  testing::FakeClock clock;
  ConnectOptions target;
  target.url = Url::parse("mariadb://ada:secret@host:3307/shop?charset=utf8");
  target.node = "d/writer";
  PoolOptions pool;
  pool.max_size = 7;
  pool.initial_size = 3;
  pool.checkout_timeout = 1500ms;
  pool.retry_attempts = 4;
  pool.retry_delay = 20ms;
  const Node node(driver, target, pool, clock, {});
  EXPECT_EQ(node.pool_url(),
            "mariadb://ada:***@host:3307/shop?charset=utf8&max_pool_size=7&initial_pool_size=3"
            "&checkout_timeout=1500ms&retry_attempts=4&retry_delay=20ms&min_idle=0"
            "&idle_timeout=600000ms&max_lifetime=1800000ms&keepalive=0ms&verify_idle=30000ms"
            "&max_waiters=0&leak_threshold=0ms");
}

TEST(RoutingOptions, RefusalsNameThePlaceTheFieldAndTheValue) {
  const auto refusal = [](const std::function<void(RoutingOptions&)>& change) {
    RoutingOptions options;
    change(options);
    return test::error_of([&] { return options.validate("database \"d\""), 0; }).message;
  };
  EXPECT_EQ(refusal([](auto& o) { o.replica_lag_threshold = -1ms; }),
            "database \"d\": replica_lag_threshold must not be negative, but it is -1 ms");
  EXPECT_EQ(refusal([](auto& o) { o.failover_timeout = -2ms; }),
            "database \"d\": failover_timeout must not be negative, but it is -2 ms");
  EXPECT_EQ(refusal([](auto& o) { o.sticky_period = -3ms; }),
            "database \"d\": sticky_period must not be negative, but it is -3 ms");
}

}  // namespace
}  // namespace grant
