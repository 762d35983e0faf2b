#include "grant/cluster/route.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/cluster/views.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::primary_view;
using test::replica_view;
using ::testing::ElementsAre;

/// A writer and two level readers.
RoutingTable usual() {
  return next_table({}, {primary_view(), replica_view("reader-1"), replica_view("reader-2")});
}

/// The table after node `index` was changed.
template <class Change>
RoutingTable changed(const RoutingTable& table, std::size_t index, const Change& change) {
  auto nodes = table.nodes;
  change(nodes[index]);
  return next_table(table, std::move(nodes));
}

void fall_ill(NodeView& node) { node.healthy = false; }

RoutingTable without_primary() { return changed(usual(), 0, fall_ill); }

RouteRequest read() {
  RouteRequest request;
  request.lag_threshold = 3s;
  return request;
}

RouteRequest write() {
  RouteRequest request;
  request.effect = Effect::write;
  return request;
}

Route at_turn(const RoutingTable& table, const RouteRequest& request, std::uint64_t turn = 0) {
  Balance balance;
  balance.turn = turn;
  return route(table, request, balance);
}

void expect(const Route& route, std::optional<std::size_t> node, RouteReason reason) {
  EXPECT_EQ(route.node, node);
  EXPECT_EQ(to_string(route.reason), to_string(reason));
}

std::vector<NodeId> tried(const std::vector<std::string>& names) {
  std::vector<NodeId> ids;
  for (const auto& name : names) ids.push_back(test::id_of(name));
  return ids;
}

TEST(Route, WriteGoesToThePrimary) { expect(at_turn(usual(), write()), 0, RouteReason::write); }

TEST(Route, WriteGoesToThePrimaryWhateverTheRole) {
  auto request = write();
  request.role = Role::reading;
  expect(at_turn(usual(), request), 0, RouteReason::write);
}

TEST(Route, ReadInTheWritingRoleGoesToThePrimary) {
  auto request = read();
  request.role = Role::writing;
  expect(at_turn(usual(), request), 0, RouteReason::writing_role);
}

TEST(Route, StickyReadGoesToThePrimary) {
  auto request = read();
  request.sticky = true;
  expect(at_turn(usual(), request), 0, RouteReason::sticky);
}

TEST(Route, ReadGoesToTheReplicasInTurn) {
  expect(at_turn(usual(), read(), 0), 1, RouteReason::replica);
  expect(at_turn(usual(), read(), 1), 2, RouteReason::replica);
  expect(at_turn(usual(), read(), 2), 1, RouteReason::replica);
}

TEST(Route, ReadPassesOverAReplicaThatIsNotFit) {
  const auto table = changed(usual(), 1, fall_ill);
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    expect(at_turn(table, read(), turn), 2, RouteReason::replica);
  }
}

TEST(Route, ReadGoesToThePrimaryWhenNoReplicaIsFit) {
  auto table = changed(usual(), 1, fall_ill);
  table = changed(table, 2, [](NodeView& node) { node.lag = 1h; });
  expect(at_turn(table, read()), 0, RouteReason::no_fit_replica);
}

TEST(Route, ReadFailsWhenNoReplicaIsFitAndThePrimaryIsNotWanted) {
  auto request = read();
  request.on_no_replica = OnNoReplica::fail;
  expect(at_turn(usual(), request), 1, RouteReason::replica);
  request.tried = tried({"reader-1", "reader-2"});
  expect(at_turn(usual(), request), std::nullopt, RouteReason::no_replica);
}

TEST(Route, ReadGoesToThePrimaryWhenNoReaderIsConfigured) {
  const auto table = next_table({}, {primary_view()});
  expect(at_turn(table, read()), 0, RouteReason::no_reader);
  auto request = read();
  request.on_no_replica = OnNoReplica::fail;
  expect(at_turn(table, request), 0, RouteReason::no_reader);
}

TEST(Route, NothingTakesAWriteWhileNoPrimaryIsKnown) {
  expect(at_turn(without_primary(), write()), std::nullopt, RouteReason::no_primary);
  expect(at_turn({}, write()), std::nullopt, RouteReason::no_primary);
  expect(at_turn({}, read()), std::nullopt, RouteReason::no_primary);
}

TEST(Route, ReplicasServeReadsWithoutAPrimary) {
  expect(at_turn(without_primary(), read()), 1, RouteReason::replica);
}

TEST(Route, StickyReadWaitsForAPrimary) {
  auto request = read();
  request.sticky = true;
  request.allow_stale = true;
  expect(at_turn(without_primary(), request), std::nullopt, RouteReason::no_primary);
}

TEST(Route, RivalsGetNoWrites) {
  const auto table = changed(usual(), 1, [](NodeView& node) { node.kind = NodeKind::primary; });
  expect(at_turn(table, write()), std::nullopt, RouteReason::rival_primaries);
  expect(at_turn(table, read()), 2, RouteReason::replica);
  auto request = read();
  request.tried = tried({"reader-2"});
  expect(at_turn(table, request), std::nullopt, RouteReason::rival_primaries);
}

TEST(Route, TriedNodesAreNotTriedAgain) {
  auto request = read();
  request.tried = tried({"reader-1"});
  expect(at_turn(usual(), request, 0), 2, RouteReason::replica);
  expect(at_turn(usual(), request, 1), 2, RouteReason::replica);
  request.tried = tried({"reader-1", "reader-2"});
  expect(at_turn(usual(), request), 0, RouteReason::no_fit_replica);
  request.tried = tried({"writer", "reader-1", "reader-2"});
  expect(at_turn(usual(), request), std::nullopt, RouteReason::no_primary);
  auto writing = write();
  writing.tried = tried({"writer"});
  expect(at_turn(usual(), writing), std::nullopt, RouteReason::no_primary);
}

TEST(Route, AnyNumberOfNodesCanBeTried) {
  std::vector<NodeView> nodes{primary_view()};
  std::vector<std::string> names{"writer"};
  while (nodes.size() < 200) {
    names.push_back("reader-" + std::to_string(nodes.size()));
    nodes.push_back(replica_view(names.back()));
  }
  const auto table = next_table({}, std::move(nodes));
  auto request = read();
  request.tried = tried({names.begin(), names.end() - 1});
  expect(at_turn(table, request, 17), 199, RouteReason::replica);
  request.tried = tried(names);
  expect(at_turn(table, request), std::nullopt, RouteReason::no_primary);
}

TEST(Route, StaleReplicaServesOnlyWhenThatIsAllowed) {
  auto table = changed(without_primary(), 1, [](NodeView& node) { node.lag = 60s; });
  table = changed(table, 2, [](NodeView& node) { node.lag = 20s; });
  auto request = read();
  expect(at_turn(table, request), std::nullopt, RouteReason::no_primary);
  request.allow_stale = true;
  expect(at_turn(table, request), 2, RouteReason::stale_replica);
}

TEST(Route, StaleReplicaOfUnknownLagComesLast) {
  auto table = changed(without_primary(), 1, [](NodeView& node) { node.lag.reset(); });
  table = changed(table, 2, [](NodeView& node) { node.lag = 24h; });
  auto request = read();
  request.allow_stale = true;
  expect(at_turn(table, request), 2, RouteReason::stale_replica);
  request.tried = tried({"reader-2"});
  expect(at_turn(table, request), 1, RouteReason::stale_replica);
  expect(at_turn(changed(table, 1, fall_ill), request), std::nullopt, RouteReason::no_primary);
}

TEST(Route, PrimaryIsPreferredToAStaleReplica) {
  auto request = read();
  request.allow_stale = true;
  auto table = changed(usual(), 1, [](NodeView& node) { node.lag = 1h; });
  table = changed(table, 2, [](NodeView& node) { node.lag = 1h; });
  expect(at_turn(table, request), 0, RouteReason::no_fit_replica);
}

TEST(Route, FollowsWhatNodesAreNotWhatTheyWereConfiguredFor) {
  auto table = changed(usual(), 1, [](NodeView& node) {
    node.kind = NodeKind::primary;
    node.epoch.branch = 2;
  });
  table = changed(table, 0, [](NodeView& node) {
    node.kind = NodeKind::replica;
    node.epoch.branch = 2;
    node.lag = 0s;
  });
  expect(at_turn(table, write()), 1, RouteReason::write);
  expect(at_turn(table, read()), 0, RouteReason::replica);
}

TEST(Route, UsesTheStrategy) {
  const std::vector<std::uint32_t> in_flight{0, 5, 1};
  Balance balance;
  balance.strategy = Strategy::least_connections;
  balance.in_flight = in_flight;
  expect(route(usual(), read(), balance), 2, RouteReason::replica);
}

// -- Fitness ----------------------------------------------------------------------------------

Fitness fitness_after(const std::function<void(NodeView&)>& change) {
  return fitness(changed(usual(), 1, change), 1, read());
}

TEST(Fitness, IsFitWhenNothingSpeaksAgainstIt) {
  EXPECT_EQ(fitness(usual(), 1, read()), Fitness::fit);
}

TEST(Fitness, OfANodeThatFailedTheStatement) {
  auto request = read();
  request.tried = tried({"reader-1"});
  EXPECT_EQ(fitness(usual(), 1, request), Fitness::tried);
  EXPECT_EQ(fitness(usual(), 2, request), Fitness::fit);
}

TEST(Fitness, OfAnUnhealthyNode) { EXPECT_EQ(fitness_after(fall_ill), Fitness::unhealthy); }

TEST(Fitness, OfANodeThatIsNoReplica) {
  EXPECT_EQ(fitness(usual(), 0, read()), Fitness::not_a_replica);
  EXPECT_EQ(fitness_after([](NodeView& node) { node.kind = NodeKind::unknown; }),
            Fitness::not_a_replica);
}

TEST(Fitness, OfAReplicaOfAnotherEpoch) {
  EXPECT_EQ(fitness_after([](NodeView& node) { node.epoch.branch = 2; }), Fitness::other_epoch);
  EXPECT_EQ(fitness_after([](NodeView& node) { node.epoch.history = "x"; }), Fitness::other_epoch);
}

TEST(Fitness, ReplicaThatDoesNotKnowItsBranchIsTakenAtItsHistory) {
  EXPECT_EQ(fitness_after([](NodeView& node) { node.epoch.branch = 0; }), Fitness::fit);
}

TEST(Fitness, EpochIsNotJudgedBeforeAPrimaryWasSeen) {
  auto stray = replica_view("reader-1");
  stray.epoch.branch = 9;
  EXPECT_EQ(fitness(next_table({}, {stray}), 0, read()), Fitness::fit);
}

TEST(Fitness, EpochOfAGonePrimaryStillCounts) {
  const auto table = changed(without_primary(), 1, [](NodeView& node) { node.epoch.branch = 2; });
  EXPECT_EQ(fitness(table, 1, read()), Fitness::other_epoch);
}

TEST(Fitness, UnknownLagIsTooMuch) {
  EXPECT_EQ(fitness_after([](NodeView& node) { node.lag.reset(); }), Fitness::lag_unknown);
}

TEST(Fitness, LagMayBeAsMuchAsTheThreshold) {
  EXPECT_EQ(fitness_after([](NodeView& node) { node.lag = 3s; }), Fitness::fit);
  EXPECT_EQ(fitness_after([](NodeView& node) { node.lag = 3s + 1ns; }), Fitness::lag_too_high);
}

TEST(Fitness, LagIsNotJudgedWithoutAThreshold) {
  auto request = read();
  request.lag_threshold.reset();
  const auto table = changed(usual(), 1, [](NodeView& node) { node.lag.reset(); });
  EXPECT_EQ(fitness(table, 1, request), Fitness::fit);
}

TEST(Fitness, ThresholdIsTheRequests) {
  auto request = read();
  request.lag_threshold = 100ms;
  const auto table = changed(usual(), 1, [](NodeView& node) { node.lag = 1s; });
  EXPECT_EQ(fitness(table, 1, request), Fitness::lag_too_high);
}

// -- Explanations -----------------------------------------------------------------------------

TEST(Explain, TellsTheChoiceAndWhatSpeaksAgainstTheOthers) {
  auto table = changed(usual(), 1, [](NodeView& node) { node.lag = 5s; });
  const auto explanation = explain(table, read(), {});
  EXPECT_EQ(explanation.node, "reader-2");
  EXPECT_EQ(explanation.summary(), "reader-2 (replica)");
  std::vector<std::string> lines;
  for (const auto& candidate : explanation.candidates) {
    lines.push_back((candidate.chosen ? "* " : "") + candidate.node + ": " + candidate.verdict);
  }
  EXPECT_THAT(lines, ElementsAre("writer: is primary", "reader-1: lag 5000 ms is over 3000 ms",
                                 "* reader-2: fit"));
}

TEST(Explain, AgreesWithRoute) {
  for (std::uint64_t turn = 0; turn < 4; ++turn) {
    Balance balance;
    balance.turn = turn;
    const auto chosen = route(usual(), read(), balance).node.value();
    EXPECT_EQ(explain(usual(), read(), balance).node, usual().nodes[chosen].name);
  }
}

TEST(Explain, HasWordsForEachVerdict) {
  auto request = read();
  request.tried = tried({"reader-1"});
  auto table = changed(usual(), 2, [](NodeView& node) { node.lag.reset(); });
  const auto explanation = explain(table, request, {});
  EXPECT_EQ(explanation.summary(), "writer (no replica is fit)");
  EXPECT_EQ(explanation.candidates[1].verdict, "failed this statement already");
  EXPECT_EQ(explanation.candidates[2].verdict, "lag unknown");
  EXPECT_EQ(to_string(Fitness::unhealthy), "unhealthy");
  EXPECT_EQ(to_string(Fitness::other_epoch), "follows another history");
}

TEST(Explain, GoesNowhereWithAReason) {
  const auto explanation = explain(without_primary(), write(), {});
  EXPECT_EQ(explanation.node, std::nullopt);
  EXPECT_EQ(explanation.summary(), "nowhere (no primary is known)");
}

}  // namespace
}  // namespace grant
