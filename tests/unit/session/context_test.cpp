#include "grant/session/context.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

namespace grant::detail {
namespace {

using namespace std::chrono_literals;

/// Levels of a context, the outermost first.
template <class... Frames>
ContextPtr levels(Frames... frames) {
  ContextPtr context;
  const auto add = [&context](ContextFrame frame) {
    frame.outer = context;
    context = std::make_shared<const ContextFrame>(std::move(frame));
  };
  (add(std::move(frames)), ...);
  return context;
}

ContextFrame database(std::string name) {
  ContextFrame frame;
  frame.database = std::move(name);
  return frame;
}

ContextFrame shard(std::string name) {
  ContextFrame frame;
  frame.shard = std::move(name);
  return frame;
}

ContextFrame role(Role role) {
  ContextFrame frame;
  frame.role = role;
  return frame;
}

ContextFrame only_for(std::string name, ContextFrame frame) {
  frame.only_for = std::move(name);
  return frame;
}

TEST(Resolve, WithoutContextIsTheModelsDatabase) {
  const auto target = resolve(nullptr, "shop");
  EXPECT_EQ(target.database, "shop");
  EXPECT_EQ(target.shard, "default");
  EXPECT_EQ(target.role, std::nullopt);
  EXPECT_FALSE(target.prevent_writes);
  EXPECT_EQ(target.deadline, kNever);
}

TEST(Resolve, InnerLevelsComeFirst) {
  const auto context = levels(role(Role::writing), role(Role::reading));
  EXPECT_EQ(resolve(context.get(), "shop").role, Role::reading);
  const auto databases = levels(database("outer"), database("inner"));
  EXPECT_EQ(resolve(databases.get(), "shop").database, "inner");
  const auto shards = levels(shard("outer"), shard("inner"));
  EXPECT_EQ(resolve(shards.get(), "shop").shard, "inner");
}

TEST(Resolve, EachFieldIsLookedForByItself) {
  const auto context = levels(database("archive"), role(Role::writing), shard("eu"));
  const auto target = resolve(context.get(), "shop");
  EXPECT_EQ(target.database, "archive");
  EXPECT_EQ(target.role, Role::writing);
  EXPECT_EQ(target.shard, "eu");
}

TEST(Resolve, ShardDoesNotReachIntoAnotherDatabase) {
  const auto context = levels(shard("eu"), database("archive"));
  const auto target = resolve(context.get(), "shop");
  EXPECT_EQ(target.database, "archive");
  EXPECT_EQ(target.shard, "default");
}

TEST(Resolve, ShardOfTheLevelThatNamesTheDatabaseCounts) {
  auto both = database("archive");
  both.shard = "eu";
  EXPECT_EQ(resolve(levels(shard("us"), both).get(), "shop").shard, "eu");
}

TEST(Resolve, RoleReachesIntoAnotherDatabase) {
  const auto context = levels(role(Role::writing), database("archive"));
  EXPECT_EQ(resolve(context.get(), "shop").role, Role::writing);
}

TEST(Resolve, LevelOfOneModelsDatabaseLeavesOthersAlone) {
  const auto context = levels(only_for("shop", shard("eu")), only_for("logs", role(Role::writing)));
  EXPECT_EQ(resolve(context.get(), "shop").shard, "eu");
  EXPECT_EQ(resolve(context.get(), "shop").role, std::nullopt);
  EXPECT_EQ(resolve(context.get(), "logs").shard, "default");
  EXPECT_EQ(resolve(context.get(), "logs").role, Role::writing);
}

TEST(Resolve, PreventedWritesStayPrevented) {
  ContextFrame prevent;
  prevent.prevent_writes = true;
  const auto context = levels(prevent, ContextFrame{}, role(Role::writing));
  EXPECT_TRUE(resolve(context.get(), "shop").prevent_writes);
  EXPECT_FALSE(resolve(levels(only_for("logs", prevent)).get(), "shop").prevent_writes);
}

TEST(Resolve, SoonestDeadlineCounts) {
  const TimePoint start{24h};
  ContextFrame sooner;
  sooner.deadline = start + 1s;
  ContextFrame later;
  later.deadline = start + 2s;
  EXPECT_EQ(resolve(levels(sooner, later).get(), "shop").deadline, start + 1s);
  EXPECT_EQ(resolve(levels(later, sooner).get(), "shop").deadline, start + 1s);
}

// -- The calling thread's context -------------------------------------------------------------

Target now(std::string_view database = "shop") {
  return resolve(current_context().get(), database);
}

TEST(ConnectedTo, ChangesTheContextWhileItsFunctionRuns) {
  const auto before = current_context();
  grant::connected_to({.database = "archive", .role = Role::reading, .shard = "eu"}, [] {
    EXPECT_EQ(now().database, "archive");
    EXPECT_EQ(now().role, Role::reading);
    EXPECT_EQ(now().shard, "eu");
  });
  EXPECT_EQ(current_context(), before);
}

TEST(ConnectedTo, GivesTheFunctionsResult) {
  EXPECT_EQ(grant::connected_to({}, [] { return 7; }), 7);
  int number = 1;
  static_assert(
      std::is_same_v<decltype(grant::connected_to({}, [&]() -> int& { return number; })), int&>);
}

TEST(ConnectedTo, NestsAndRestores) {
  grant::connected_to({.role = Role::writing}, [] {
    grant::connected_to({.role = Role::reading}, [] { EXPECT_EQ(now().role, Role::reading); });
    EXPECT_EQ(now().role, Role::writing);
    grant::connected_to({.shard = "eu"}, [] { EXPECT_EQ(now().role, Role::writing); });
  });
}

TEST(ConnectedTo, RestoresAfterAnException) {
  const auto before = current_context();
  grant::connected_to({.role = Role::writing}, [] {
    EXPECT_THROW(grant::connected_to({.role = Role::reading}, [] { throw std::runtime_error(""); }),
                 std::runtime_error);
    EXPECT_EQ(now().role, Role::writing);
  });
  EXPECT_EQ(current_context(), before);
}

TEST(ConnectedTo, AppliesToTheCallingThreadOnly) {
  grant::connected_to({.role = Role::writing},
                      [] { std::thread([] { EXPECT_EQ(now().role, std::nullopt); }).join(); });
}

TEST(ConnectedTo, TimeoutOfAnOuterLevelIsNotExtended) {
  grant::connected_to({.timeout = 10s}, [] {
    const auto outer = now().deadline;
    EXPECT_LT(outer, kNever);
    grant::connected_to({.timeout = 1h}, [&] { EXPECT_EQ(now().deadline, outer); });
    grant::connected_to({.timeout = 1s}, [&] { EXPECT_LT(now().deadline, outer); });
  });
}

TEST(WhilePreventingWrites, ReachesInwardsAndEnds) {
  grant::while_preventing_writes([] {
    grant::connected_to({.role = Role::writing}, [] { EXPECT_TRUE(now().prevent_writes); });
  });
  EXPECT_FALSE(now().prevent_writes);
}

}  // namespace
}  // namespace grant::detail
