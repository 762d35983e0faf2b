#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <set>
#include <sstream>
#include <string>

#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;

/// A primary (0) and a replica (1) of the test's own: what a promotion does cannot be undone
/// cheaply.
class Promotion : public ::testing::Test {
 protected:
  std::shared_ptr<Registry> connect_own(const ConnectionSpec& spec, EventSink events = {}) {
    auto registry = connect(spec, std::move(events));
    Session(registry).run([] { Item::create_table(); });
    wait_for_replicas(*registry);
    return registry;
  }

  /// Both nodes write from now on, and do not know of each other.
  void split() { servers_.promote(1); }

  PostgresCluster servers_{1};
};

/// The names of the events so far.
class Events {
 public:
  EventSink sink() {
    return [this](const Event& event) {
      const std::lock_guard lock(mutex_);
      names_.emplace_back(event.name);
    };
  }
  std::vector<std::string> names() const {
    const std::lock_guard lock(mutex_);
    return names_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> names_;
};

TEST_F(Promotion, WriteThatStartsWithoutAPrimaryWaitsAndSucceedsOnTheNewOne) {
  auto spec = spec_of(servers_, {1});
  spec.routing.failover_timeout = kPatience;
  const auto registry = connect_own(spec);
  servers_.stop(0);
  registry->check_health_now();

  std::atomic<bool> started = false;
  auto write = in_background([&] {
    return Session(registry).run([&] {
      started = true;
      Item::create(item_name = "patient");
      return server();
    });
  });
  ASSERT_TRUE(eventually([&] { return started.load(); }));
  EXPECT_EQ(write.wait_for(100ms), std::future_status::timeout);
  servers_.promote(1);
  EXPECT_EQ(write.get(), "reader-1");
  EXPECT_EQ(rows_on(servers_, 1, "patient"), 1);
  EXPECT_EQ(status_of(*registry, "reader-1").kind, NodeKind::primary);
}

TEST_F(Promotion, WriteFailsWhenNoPrimaryAppearsWithinTheFailoverTimeout) {
  auto spec = spec_of(servers_, {1});
  spec.routing.failover_timeout = 300ms;
  const auto registry = connect_own(spec);
  servers_.stop(0);
  ErrorInfo error;
  const auto took = duration_of([&] {
    Session(registry).run(
        [&] { error = error_of([] { return Item::create(item_name = "lost"); }); });
  });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("database \"primary\": no primary is known"));
  EXPECT_THAT(error.message, HasSubstr("nothing was executed"));
  EXPECT_THAT(error.message, HasSubstr("primary/writer"));
  EXPECT_GE(took, 300ms);
  EXPECT_LT(took, 5s);
  EXPECT_EQ(rows_on(servers_, 1, "lost"), 0);
}

TEST_F(Promotion, HigherTimelineWinsWhileTheOldPrimaryLives) {
  const auto registry = connect_own(spec_of(servers_, {1}));
  split();
  registry->check_health_now();
  Session(registry).run([] {
    Item::create(item_name = "after the split");
    EXPECT_EQ(server(), "reader-1");
    static_cast<void>(Item::count());
    EXPECT_EQ(server(), "reader-1");
  });
  EXPECT_EQ(rows_on(servers_, 0, "after the split"), 0);
  EXPECT_EQ(rows_on(servers_, 1, "after the split"), 1);
}

TEST_F(Promotion, WriteThatIsRefusedAsReadOnlyGoesToTheNewPrimary) {
  Events events;
  const auto registry = connect_own(spec_of(servers_, {1}), events.sink());
  servers_.sql(0, "alter system set default_transaction_read_only = on");
  servers_.sql(0, "select pg_reload_conf()");
  ASSERT_TRUE(
      eventually([&] { return servers_.sql(0, "show default_transaction_read_only") == "on"; }));
  split();
  ASSERT_GT(status_of(*registry, "writer").pool.open(), 0U);

  // Nobody has asked for a probe: that the node refuses is all there is to go by.
  Session(registry).run([] {
    Item::create(item_name = "refused at first");
    EXPECT_EQ(server(), "reader-1");
  });
  // Done after the table that the write has gone by.
  EXPECT_TRUE(eventually([&] { return status_of(*registry, "writer").pool.open() == 0; }));
  EXPECT_TRUE(eventually([&] { return std::ranges::count(events.names(), "node.demoted") == 1; }));
  EXPECT_EQ(rows_on(servers_, 0, "refused at first"), 0);
  EXPECT_EQ(rows_on(servers_, 1, "refused at first"), 1);
}

TEST_F(Promotion, ReadsFromAReplicaNoticeThatItWasPromoted) {
  const auto registry = connect_own(spec_of(servers_, {1}));
  Session(registry).run([] {
    static_cast<void>(Item::count());
    EXPECT_EQ(server(), "reader-1");
  });
  split();
  // Nodes that are well are not probed, unless somebody asks.
  EXPECT_EQ(status_of(*registry, "reader-1").kind, NodeKind::replica);
  EXPECT_TRUE(eventually([&] {
    Session(registry).run([] { static_cast<void>(Item::count()); });
    return status_of(*registry, "reader-1").kind == NodeKind::primary;
  }));
}

TEST_F(Promotion, WriteFindsTheNewPrimaryWhenTheOldOneCameBackAsAReplica) {
  const auto registry = connect_own(spec_of(servers_, {1}));
  servers_.stop(0);
  servers_.promote(1);
  servers_.rejoin(0, 1);
  // By the table, node 0 is the primary and node 1 a replica, and both are well.
  Session(registry).run([] {
    Item::create(item_name = "roles swapped");
    EXPECT_EQ(server(), "reader-1");
  });
  EXPECT_EQ(rows_on(servers_, 1, "roles swapped"), 1);
  ASSERT_TRUE(eventually([&] { return status_of(*registry, "writer").kind == NodeKind::replica; }));
}

TEST_F(Promotion, ReadsDoNotUseAReplicaOfAnOlderTimeline) {
  PostgresCluster others(2);
  const auto registry = connect_own(spec_of(others));
  others.stop(0);
  others.promote(1);
  registry->check_health_now();
  registry->check_health_now();
  // Node 2 follows nobody; what it has is the history before the promotion.
  const auto why = Session(registry).run([] { return Item::query().explain_route(); });
  EXPECT_EQ(why.candidates[2].verdict, "follows another history");
  EXPECT_EQ(server_of_a_read(registry), "reader-1");
  others.follow(2, 1);
  EXPECT_TRUE(eventually([&] {
    registry->check_health_now();
    return server_of_a_read(registry) == "reader-2";
  }));
}

TEST_F(Promotion, PrimaryOfAnotherHistoryTakesNoWriteHoweverAlone) {
  auto spec = spec_of(servers_, {1});
  spec.readers.emplace_back(cluster().url(0));
  spec.routing.failover_timeout = 0ms;
  const auto registry = connect(spec);
  Session(registry).run([] { Item::create_table(); });
  const auto strangers = [] {
    return cluster().sql(0, "select count(*) from pg_stat_user_tables where n_tup_ins > 0");
  };
  const auto before = strangers();
  Session(registry).run([] { Item::create(item_name = "ours"); });
  servers_.kill(0);
  registry->check_health_now();
  Session(registry).run([] {
    const auto error = error_of([] { return Item::create(item_name = "on a guess"); });
    EXPECT_EQ(error.code, Errc::unavailable);
    EXPECT_THAT(error.message, HasSubstr("no primary is known"));
  });
  EXPECT_EQ(strangers(), before);
}

/// What one writer's inserts came to, by name.
struct History {
  std::vector<std::string> done, unknown, not_done, otherwise;

  void add(const std::string& name) {
    try {
      Item::create(item_name = name);
      done.push_back(name);
    } catch (const Unavailable&) {
      not_done.push_back(name);
    } catch (const OutcomeUnknown&) {
      unknown.push_back(name);
    } catch (const Error& error) {
      otherwise.emplace_back(error.what());
    }
  }
};

TEST_F(Promotion, AcknowledgedWritesSurviveAPlannedSwitchOnceEach) {
  auto spec = spec_of(servers_, {1});
  spec.routing.failover_timeout = kPatience;
  const auto registry = connect_own(spec);
  std::atomic<bool> ending = false;
  std::atomic<int> written = 0;
  const auto write_on = [&](int writer) {
    return Session(registry).run([&] {
      History history;
      for (int i = 0; !ending; ++i, ++written) history.add(fmt::format("{}-{}", writer, i));
      return history;
    });
  };
  std::vector<std::future<History>> writers;
  for (int i = 0; i < 3; ++i) writers.push_back(in_background([&, i] { return write_on(i); }));
  const auto write_some = [&written] {
    EXPECT_TRUE(eventually([&written, goal = written + 30] { return written >= goal; }));
  };
  write_some();
  servers_.stop(0);
  servers_.promote(1);
  write_some();
  servers_.rejoin(0, 1);
  write_some();
  ending = true;

  std::vector<History> histories;
  for (auto& writer : writers) histories.push_back(writer.get());
  std::multiset<std::string> rows;
  std::istringstream names(servers_.sql(1, "select name from items"));
  for (std::string name; std::getline(names, name);) rows.insert(name);
  for (const auto& history : histories) {
    EXPECT_THAT(history.otherwise, ::testing::IsEmpty());
    for (const auto& name : history.not_done) EXPECT_EQ(rows.count(name), 0U) << name;
    for (const auto& name : history.unknown) EXPECT_LE(rows.count(name), 1U) << name;
    for (const auto& name : history.done) EXPECT_EQ(rows.count(name), 1U) << name;
  }
}

TEST_F(Promotion, WriteThatWasUnderWayWhenThePrimaryDiedIsUnknownAndNotRepeated) {
  auto spec = spec_of(servers_, {1});
  spec.routing.failover_timeout = kPatience;
  const auto registry = connect_own(spec);
  // Two inserts with one key: the second waits for the transaction of the first.
  const auto insert = [] { return Item::create(field<&Item::id> = 4711, item_name = "in doubt"); };
  std::future<ErrorInfo> second;
  Session(registry).run([&] {
    const auto first = error_of([&] {
      transaction("primary", [&] {
        insert();
        second =
            in_background([&] { return Session(registry).run([&] { return error_of(insert); }); });
        ASSERT_TRUE(eventually([&] {
          return servers_.sql(0, "select count(*) from pg_locks where not granted") == "1";
        }));
        servers_.kill(0);
      });
    });
    // Its connection was found dead before the COMMIT was sent.
    EXPECT_EQ(first.code, Errc::unavailable);
  });
  servers_.start(0);
  const auto error = second.get();
  EXPECT_EQ(error.code, Errc::outcome_unknown);
  EXPECT_EQ(error.node, "primary/writer");
  ASSERT_TRUE(eventually([&] { return status_of(*registry, "writer").healthy; }));
  Session(registry).run([] { Item::create(item_name = "writes go on"); });
  EXPECT_EQ(rows_on(servers_, 0, "in doubt"), 0);
}

}  // namespace
}  // namespace grant::test
