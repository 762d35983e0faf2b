#include <fmt/format.h>

#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

using ::testing::StartsWith;
using Consistency = SharedCluster;

/// Replicas that are behind stay fit here: only what sessions remember keeps reads from them.
ConnectionSpec blind_spec() {
  auto spec = spec_of(cluster());
  spec.routing.replica_lag_threshold.reset();
  spec.routing.sticky_period = kPatience;
  return spec;
}

TEST_F(Consistency, EverySessionReadsItsOwnWritesWhileReplicasAreBehind) {
  const auto registry = connect(blind_spec());
  wait_for_replicas(*registry);
  const Paused first(1);
  const Paused second(2);
  const auto write_and_read = [&registry](int writer) {
    int stale = 0;
    for (int i = 0; i < 15; ++i) {
      Session(registry).run([&] {
        const auto written = Item::create(item_name = fmt::format("{}-{}", writer, i));
        if (!Item::find_if_there(written.id)) ++stale;
        auto record = written;
        record.update(item_name = "changed");
        if (Item::find(written.id).name != "changed") ++stale;
      });
    }
    return stale;
  };
  std::vector<std::future<int>> writers;
  for (int i = 0; i < 4; ++i)
    writers.push_back(in_background([&, i] { return write_and_read(i); }));
  for (auto& writer : writers) EXPECT_EQ(writer.get(), 0);

  // The replicas really were behind: a session that has not written reads old data.
  Session(registry).run([] {
    EXPECT_EQ(Item::count(), 0U);
    EXPECT_EQ(reason(), RouteReason::replica);
  });
}

TEST_F(Consistency, StickinessBelongsToTheSession) {
  const auto registry = connect(blind_spec());
  wait_for_replicas(*registry);
  const Paused first(1);
  const Paused second(2);
  const Session writer(registry);
  const Session reader(registry);
  writer.run([] { Item::create(item_name = "new"); });
  reader.run([] { EXPECT_EQ(Item::count(), 0U); });
  writer.run([] {
    EXPECT_EQ(Item::count(), 1U);
    EXPECT_EQ(reason(), RouteReason::sticky);
  });
  // On another thread as well: a session is not a thread.
  in_background([&] { writer.run([] { EXPECT_EQ(Item::count(), 1U); }); }).get();
}

TEST_F(Consistency, StickinessEndsAfterItsPeriod) {
  auto spec = spec_of(cluster());
  spec.routing.sticky_period = 400ms;
  const auto registry = connect(spec);
  wait_for_replicas(*registry);
  Session(registry).run([] {
    const auto sticky_for = duration_of([] {
      Item::create(item_name = "new");
      EXPECT_TRUE(eventually([] {
        static_cast<void>(Item::count());
        return reason() == RouteReason::replica;
      }));
    });
    EXPECT_GE(sticky_for, 400ms);
    EXPECT_LT(sticky_for, 5s);
  });
}

TEST_F(Consistency, StickinessBeginsAtTheCommit) {
  auto spec = spec_of(cluster());
  spec.routing.sticky_period = 500ms;
  const auto registry = connect(spec);
  wait_for_replicas(*registry);
  Session(registry).run([] {
    transaction("primary", [] {
      Item::create(item_name = "new");
      EXPECT_EQ(Item::count(), 1U);
      EXPECT_EQ(reason(), RouteReason::transaction);
      sql("select pg_sleep(0.6)").read().run();
    });
    EXPECT_EQ(Item::count(), 1U);
    EXPECT_EQ(reason(), RouteReason::sticky);
  });
}

TEST_F(Consistency, WhatWasNotCommittedLeavesNoStickiness) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  Session(registry).run([] {
    EXPECT_THROW(transaction("primary",
                             [] {
                               Item::create(item_name = "rolled back");
                               throw std::runtime_error("no");
                             }),
                 std::runtime_error);
    EXPECT_EQ(Item::count(), 0U);
    EXPECT_EQ(reason(), RouteReason::replica);
    EXPECT_EQ(transaction("primary", [] { return Item::count(); }), 0U);
    static_cast<void>(Item::count());
    EXPECT_EQ(reason(), RouteReason::replica);
  });
}

TEST_F(Consistency, SessionSticksToThePrimaryWhenItAsksTo) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  Session(registry).run([] {
    Item::stick_to_primary(10s);
    static_cast<void>(Item::count());
    EXPECT_EQ(reason(), RouteReason::sticky);
    EXPECT_EQ(server(), "writer");
  });
  EXPECT_THAT(server_of_a_read(registry), StartsWith("reader"));
}

TEST_F(Consistency, WriteWhoseOutcomeIsUnknownSticksToo) {
  auto spec = blind_spec();
  const auto registry = connect(spec);
  wait_for_replicas(*registry);
  Session(registry).run([] {
    auto ended = in_background([] {
      ASSERT_TRUE(eventually([] { return sleepers_on(cluster(), 0) == 1; }));
      cluster().sql(0,
                    "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = "
                    "'PgSleep'");
    });
    EXPECT_THROW(sql("select pg_sleep(60)").run(), OutcomeUnknown);
    ended.get();
    static_cast<void>(Item::count());
    EXPECT_EQ(reason(), RouteReason::sticky);
  });
}

}  // namespace
}  // namespace grant::test
