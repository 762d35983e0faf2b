#include "grant/cluster/routing_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/cluster/views.hpp"

namespace grant {
namespace {

using test::primary_view;
using test::replica_view;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

PrimaryChoice choose(std::vector<NodeView> nodes) { return choose_primary(nodes); }

NodeView on_server(NodeView view, std::string instance) {
  view.instance = std::move(instance);
  return view;
}

NodeView of_history(NodeView view, std::string history) {
  view.epoch.history = std::move(history);
  return view;
}

NodeView reader(NodeView view) {
  view.role = Role::reading;
  return view;
}

TEST(ChoosePrimary, FindsNoneWhereNoneClaimsToBe) {
  EXPECT_EQ(choose({}).primary, std::nullopt);
  const auto choice = choose({replica_view("a"), test::view("b", NodeKind::unknown)});
  EXPECT_EQ(choice.primary, std::nullopt);
  EXPECT_THAT(choice.rivals, IsEmpty());
}

TEST(ChoosePrimary, TakesTheOneThatIsObservedWhateverItWasConfiguredFor) {
  auto promoted = primary_view("reader");
  promoted.role = Role::reading;
  EXPECT_EQ(choose({replica_view("a"), promoted}).primary, 1U);
}

TEST(ChoosePrimary, IgnoresAnUnhealthyOne) {
  auto sick = primary_view();
  sick.healthy = false;
  EXPECT_EQ(choose({sick}).primary, std::nullopt);
  EXPECT_EQ(choose({sick, primary_view("b")}).primary, 1U);
}

TEST(ChoosePrimary, HigherEpochWins) {
  EXPECT_EQ(choose({primary_view("old", 1), primary_view("new", 2)}).primary, 1U);
  EXPECT_EQ(choose({primary_view("new", 2), primary_view("old", 1)}).primary, 0U);
  const auto choice =
      choose({primary_view("a", 1), primary_view("b", 1), primary_view("highest", 5)});
  EXPECT_EQ(choice.primary, 2U);
  EXPECT_THAT(choice.rivals, IsEmpty());
}

TEST(ChoosePrimary, SameEpochMakesRivals) {
  const auto choice = choose({primary_view("a"), replica_view("r"), primary_view("b")});
  EXPECT_EQ(choice.primary, std::nullopt);
  EXPECT_THAT(choice.rivals, ElementsAre(0U, 2U));
}

TEST(ChoosePrimary, HistoriesThatDoNotCompareMakeRivals) {
  // Neither is configured as the writer, and there is no third to ask.
  const auto choice =
      choose({reader(primary_view("a", 9)), of_history(reader(primary_view("b", 1)), "another")});
  EXPECT_EQ(choice.primary, std::nullopt);
  EXPECT_THAT(choice.rivals, ElementsAre(0U, 1U));
}

// -- Servers of other histories ---------------------------------------------------------------

TEST(ChoosePrimary, WritersHistoryIsTheClustersBeforeAnEpochIsKnown) {
  const auto stranger = of_history(reader(primary_view("r", 7)), "another");
  const auto choice = choose({primary_view("w"), stranger});
  EXPECT_EQ(choice.primary, 0U);
  EXPECT_THAT(choice.foreign, ElementsAre(1U));
  EXPECT_THAT(choice.rivals, IsEmpty());
  // Also where the writer is a replica by now: its history is known.
  auto demoted = replica_view("w");
  demoted.role = Role::writing;
  EXPECT_EQ(choose({demoted, stranger}).primary, std::nullopt);
  EXPECT_THAT(choose({demoted, stranger}).foreign, ElementsAre(1U));
}

TEST(ChoosePrimary, ReadersClaimIsBelievedOnlyWhenNothingSpeaksAgainstIt) {
  const auto claim = reader(primary_view("r1"));
  auto down = primary_view("w");
  down.healthy = false;
  down.kind = NodeKind::unknown;
  EXPECT_EQ(choose({down, claim}).primary, 1U) << "promoted before this process began";
  EXPECT_EQ(choose({down, claim, replica_view("r2")}).primary, 1U);
  EXPECT_EQ(choose({down, claim, of_history(replica_view("r2"), "another")}).primary, std::nullopt);

  auto unseen = down;
  unseen.checked = false;
  EXPECT_EQ(choose({unseen, claim}).primary, std::nullopt) << "the writer may yet speak";
  auto unseen_reader = replica_view("r2");
  unseen_reader.checked = false;
  unseen_reader.healthy = false;
  EXPECT_EQ(choose({down, claim, unseen_reader}).primary, std::nullopt);
  EXPECT_EQ(choose({primary_view("w"), unseen_reader}).primary, 0U) << "the writer needs no other";
}

TEST(ChoosePrimary, LoneClaimantOfAnotherHistoryIsRefusedOnceAnEpochIsKnown) {
  const Epoch known{"history", 1};
  for (const auto role : {Role::reading, Role::writing}) {
    auto stranger = of_history(primary_view("x", 9), "another");
    stranger.role = role;
    const auto choice = choose_primary(std::vector{stranger}, known);
    EXPECT_EQ(choice.primary, std::nullopt);
    EXPECT_THAT(choice.foreign, ElementsAre(0U));
    EXPECT_THAT(choice.rivals, IsEmpty());
  }
  EXPECT_EQ(choose_primary(std::vector{primary_view("w", 2)}, known).primary, 0U);
}

TEST(ChoosePrimary, HistoriesWithoutBranchesAreNoIdentity) {
  // MariaDB: a replica may have a GTID domain of its own, and is promoted all the same.
  auto old = of_history(primary_view("w", 0), "gtid domain 0");
  const auto promoted = of_history(reader(primary_view("r", 0)), "gtid domain 2");
  const auto first = next_table({}, {old, of_history(replica_view("r"), "gtid domain 2")});
  EXPECT_EQ(first.primary, 0U);
  EXPECT_THAT(first.foreign, IsEmpty());
  old.healthy = false;
  EXPECT_EQ(next_table(first, {old, promoted}).primary, 1U);
}

TEST(ChoosePrimary, SickOrUnknownNodesAreNotForeign) {
  auto sick = of_history(replica_view("a"), "another");
  sick.healthy = false;
  const auto unknown = of_history(test::view("b", NodeKind::unknown), "another");
  const auto choice = choose({primary_view("w"), sick, unknown});
  EXPECT_EQ(choice.primary, 0U);
  EXPECT_THAT(choice.foreign, IsEmpty());
}

TEST(NextTable, KeepsTheHistoryThatWasKnownWhilePrimaryIsGone) {
  const auto first = next_table({}, {primary_view("w"), replica_view("r")});
  auto gone = primary_view("w");
  gone.healthy = false;
  const auto stranger = of_history(reader(primary_view("r", 3)), "another");
  const auto table = next_table(first, {gone, stranger});
  EXPECT_EQ(table.primary, std::nullopt);
  EXPECT_THAT(table.foreign, ElementsAre(1U));
  EXPECT_EQ(table.epoch, (Epoch{"history", 1}));
}

TEST(ChoosePrimary, CountsOneServerBehindTwoUrlsOnce) {
  const auto choice =
      choose({on_server(primary_view("a"), "server 1"), on_server(primary_view("b"), "server 1")});
  EXPECT_EQ(choice.primary, 0U);
  EXPECT_THAT(choice.rivals, IsEmpty());
}

TEST(ChoosePrimary, DifferentOrUnknownServersStayRivals) {
  EXPECT_THAT(
      choose({on_server(primary_view("a"), "server 1"), on_server(primary_view("b"), "server 2")})
          .rivals,
      ElementsAre(0U, 1U));
  EXPECT_THAT(choose({primary_view("a"), primary_view("b")}).rivals, ElementsAre(0U, 1U));
}

TEST(NextTable, CountsVersionsUp) {
  const auto first = next_table({}, {primary_view()});
  const auto second = next_table(first, {primary_view()});
  EXPECT_EQ(first.version, 1U);
  EXPECT_EQ(second.version, 2U);
  EXPECT_EQ(second.primary, 0U);
  EXPECT_EQ(second.nodes.size(), 1U);
}

TEST(NextTable, EpochIsThePrimarysAndStaysWhileThereIsNone) {
  EXPECT_EQ(next_table({}, {replica_view("r")}).epoch, std::nullopt);
  const auto first = next_table({}, {primary_view("a", 3)});
  EXPECT_EQ(first.epoch, (Epoch{"history", 3}));
  const auto gone = next_table(first, {replica_view("r")});
  EXPECT_EQ(gone.primary, std::nullopt);
  EXPECT_EQ(gone.epoch, (Epoch{"history", 3}));
  EXPECT_EQ(next_table(gone, {primary_view("b", 4)}).epoch, (Epoch{"history", 4}));
}

TEST(NextTable, PrimaryOfAnOlderEpochDoesNotComeBack) {
  const auto first = next_table({}, {primary_view("old", 1), replica_view("new")});
  const auto promoted = next_table(first, {primary_view("old", 1), primary_view("new", 2)});
  EXPECT_EQ(promoted.primary, 1U);
  auto sick = primary_view("new", 2);
  sick.healthy = false;
  auto table = promoted;
  for (const auto& now : {sick, test::view("new", NodeKind::unknown)}) {
    table = next_table(table, {primary_view("old", 1), now});
    EXPECT_EQ(table.primary, std::nullopt);
    EXPECT_THAT(table.rivals, IsEmpty());
    EXPECT_EQ(table.epoch, (Epoch{"history", 2}));
  }
  EXPECT_EQ(next_table(table, {primary_view("old", 1), primary_view("new", 2)}).primary, 1U);
  EXPECT_EQ(next_table(table, {primary_view("old", 3)}).primary, 0U);
}

TEST(NextTable, RivalsLeaveNoPrimary) {
  const auto first = next_table({}, {primary_view("a"), replica_view("b")});
  const auto split = next_table(first, {primary_view("a"), primary_view("b")});
  EXPECT_EQ(split.primary, std::nullopt);
  EXPECT_THAT(split.rivals, ElementsAre(0U, 1U));
  EXPECT_EQ(split.epoch, first.epoch);
}

}  // namespace
}  // namespace grant
