#include "integration/driver/postgres_fixture.hpp"

namespace grant::test {
namespace {

using namespace std::chrono_literals;

Observation probe(Connection& connection) { return run(connection.probe(within(kPatience))); }

/// Probes until the replica has replayed `position`.
Observation probe_at(Connection& connection, const Position& position) {
  const auto deadline = Clock::system().now() + kPatience;
  auto seen = probe(connection);
  while (!(seen.position >= position) && Clock::system().now() < deadline) seen = probe(connection);
  return seen;
}

TEST(PostgresProbe, TellsAPrimaryFromItsReplica) {
  const auto on_primary = connect_to(0);
  const auto on_replica = connect_to(1);
  EXPECT_EQ(on_primary->kind_hint(), NodeKind::primary);
  EXPECT_EQ(on_replica->kind_hint(), NodeKind::replica);
  exec(*on_primary, "create table probed (a int)");

  const auto primary = probe(*on_primary);
  EXPECT_EQ(primary.kind, NodeKind::primary);
  EXPECT_EQ(primary.epoch.history,
            cluster().sql(0, "select system_identifier from pg_control_system()"));
  EXPECT_EQ(primary.epoch.branch, 1U);
  ASSERT_TRUE(primary.position);
  EXPECT_EQ(primary.position->epoch, primary.epoch);
  EXPECT_EQ(first(*on_primary, "select $1::pg_lsn - '0/0'",
                  {ValueView::text(to_string(*primary.position))}),
            std::to_string(std::get<Lsn>(primary.position->place).bytes));
  EXPECT_TRUE(primary.unknown.empty());
  EXPECT_EQ(primary.version, cluster().sql(0, "show server_version"));
  ASSERT_TRUE(primary.clock);
  EXPECT_LT(std::chrono::abs(*primary.clock - Clock::system().wall_time()), 10s);
  EXPECT_FALSE(primary.replayed_at);

  const auto replica = probe_at(*on_replica, primary.position.value());
  EXPECT_EQ(replica.kind, NodeKind::replica);
  EXPECT_EQ(replica.epoch, primary.epoch);
  EXPECT_GE(replica.position, primary.position);
  EXPECT_FALSE(replica.clock);
  EXPECT_TRUE(replica.unreplayed_bytes.has_value());
  EXPECT_FALSE(primary.unreplayed_bytes.has_value());
  ASSERT_TRUE(replica.replayed_at);
  EXPECT_LT(std::chrono::abs(*replica.replayed_at - *primary.clock), 10s);
  EXPECT_NE(replica.instance, primary.instance);
  EXPECT_EQ(probe(*connect_to(1)).instance, replica.instance);
  exec(*on_primary, "drop table probed");
}

TEST(PostgresProbe, PausedReplayKeepsThePositionBehind) {
  const auto on_primary = connect_to(0);
  const auto on_replica = connect_to(1);
  probe_at(*on_replica, probe(*on_primary).position.value());
  cluster().pause(1);
  const auto before = probe(*on_replica).position;
  exec(*on_primary, "create table paused (a int)");
  const auto target = probe(*on_primary).position;
  ASSERT_TRUE(before && target);
  EXPECT_EQ(probe(*on_replica).position, before);
  EXPECT_LT(before, target);
  // It receives all the same.
  await(*on_replica, "select (pg_last_wal_receive_lsn() >= '" + to_string(*target) + "')::int",
        "1");
  EXPECT_GE(probe(*on_replica).unreplayed_bytes, bytes_between(*before, *target));
  cluster().resume(1);
  EXPECT_GE(probe_at(*on_replica, target.value()).position, target);
  exec(*on_primary, "drop table paused");
}

TEST(PostgresProbe, NeedsNoPrivileges) {
  cluster().sql(0, "create role plain login password 'pw'");
  const auto url = [](int node) {
    return "postgres://plain:pw@127.0.0.1:" + std::to_string(cluster().port(node)) + "/app";
  };
  const auto primary = probe(*connect_to(url(0)));
  EXPECT_EQ(primary.epoch.branch, 1U);
  probe_at(*connect_to(1), primary.position.value());
  const auto replica = probe(*connect_to(url(1)));
  EXPECT_EQ(replica.epoch, primary.epoch);
  ASSERT_EQ(replica.unknown.size(), 1U);
  EXPECT_THAT(replica.unknown[0], ::testing::HasSubstr("pg_read_all_stats"));
  EXPECT_TRUE(probe(*connect_to(1)).unknown.empty());
}

TEST(PostgresProbe, FollowsAPromotion) {
  PostgresCluster own(2);
  const auto survivor = connect_to(own.url(1));
  const auto follower = connect_to(own.url(2));
  const auto before = probe(*survivor);
  own.kill(0);
  own.promote(1);
  own.follow(2, 1);

  // The open session was a replica's when it last heard from the server.
  EXPECT_EQ(survivor->kind_hint(), NodeKind::replica);
  const auto after = probe(*survivor);
  EXPECT_EQ(survivor->kind_hint(), NodeKind::primary);
  EXPECT_EQ(after.kind, NodeKind::primary);
  EXPECT_EQ(after.epoch.history, before.epoch.history);
  EXPECT_EQ(after.epoch.branch, 2U);
  EXPECT_EQ(after.instance, before.instance);
  exec(*survivor, "create table after_promotion (a int)");

  const auto position = probe(*survivor).position.value();
  const auto followed = probe_at(*follower, position);
  EXPECT_EQ(followed.kind, NodeKind::replica);
  EXPECT_GE(followed.position, position);
  EXPECT_EQ(followed.epoch.branch, 2U);
}

TEST(PostgresProbe, HungNodeEndsAtTheDeadline) {
  const auto connection = connect_to(1);
  const Hung hung(cluster(), 1);
  EXPECT_EQ(error_of([&] { run(connection->probe(within(100ms))); }).code, Errc::timeout);
}

}  // namespace
}  // namespace grant::test
