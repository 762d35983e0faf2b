#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using Closing = SharedCluster;

/// A statement that runs on the primary until it is woken.
std::future<std::string> sleep_on_primary(const std::shared_ptr<Registry>& registry) {
  auto sleeper = in_background([registry] {
    return Session(registry).run([] {
      return sql("select 'done' as word from (select pg_sleep(1.5)) s")
          .run()[0]
          .get<std::string>("word");
    });
  });
  EXPECT_TRUE(eventually([] { return sleepers_on(cluster(), 0) == 1; }));
  return sleeper;
}

TEST_F(Closing, WaitsForStatementsUnderWayAndRefusesLaterOnes) {
  const auto registry = connect(spec_of(cluster()));
  auto sleeper = sleep_on_primary(registry);
  registry->close();
  EXPECT_EQ(sleeper.wait_for(1s), std::future_status::ready);
  EXPECT_EQ(sleeper.get(), "done");
  for (const auto& node : registry->health_status()) {
    EXPECT_EQ(node.pool.open(), 0U) << node.key;
  }
  Session(registry).run([] {
    const auto read = error_of([] { return Item::count(); });
    EXPECT_EQ(read.code, Errc::closed);
    EXPECT_THAT(read.message, HasSubstr("is closed"));
    EXPECT_EQ(error_of([] { return Item::create(item_name = "late"); }).code, Errc::closed);
    EXPECT_EQ(error_of([] { transaction("primary", [] {}); }).code, Errc::closed);
  });
  registry->close();
  registry->check_health_now();
}

TEST_F(Closing, LetsAStatementEndThatOutlastsTheDrain) {
  const auto registry = connect(spec_of(cluster()));
  auto sleeper = sleep_on_primary(registry);
  EXPECT_LT(duration_of([&] { registry->close(50ms); }), 1s);
  EXPECT_EQ(sleeper.get(), "done");
  EXPECT_TRUE(eventually([&] { return status_of(*registry, "writer").pool.open() == 0; }));
}

TEST_F(Closing, EndsTheWaitForAConnection) {
  auto spec = spec_of(cluster());
  spec.pool.max_size = 1;
  spec.pool.checkout_timeout = kPatience;
  const auto registry = connect(spec);
  auto sleeper = sleep_on_primary(registry);
  auto waiting = in_background([&] {
    return Session(registry).run(
        [] { return error_of([] { return Item::create(item_name = "no"); }); });
  });
  ASSERT_TRUE(eventually([&] { return status_of(*registry, "writer").pool.waiting == 1; }));
  registry->close(0ms);
  EXPECT_EQ(waiting.get().code, Errc::closed);
  EXPECT_EQ(sleeper.get(), "done");
}

TEST_F(Closing, EndsTheWaitForAPrimary) {
  auto spec = spec_of(cluster());
  spec.routing.failover_timeout = kPatience;
  const auto registry = connect(spec);
  const Killed killed(0);
  registry->check_health_now();
  std::atomic<bool> started = false;
  auto waiting = in_background([&] {
    return Session(registry).run([&] {
      started = true;
      return error_of([] { return Item::create(item_name = "no"); });
    });
  });
  ASSERT_TRUE(eventually([&] { return started.load(); }));
  EXPECT_EQ(waiting.wait_for(100ms), std::future_status::timeout);
  registry->close();
  EXPECT_EQ(waiting.get().code, Errc::closed);
}

TEST_F(Closing, DoesNotWaitForAHungNode) {
  auto spec = spec_of(cluster());
  spec.health_check.interval = 20ms;
  const auto registry = connect(spec);
  const Hung hung(cluster(), 1);
  // Whatever is under way on that node, a probe among it.
  EXPECT_LT(duration_of([&] { registry->close(); }), 2s);
}

TEST_F(Closing, ManyThreadsSeeNothingButAnswersAndClosed) {
  const auto registry = connect(spec_of(cluster()));
  std::atomic<int> answers = 0;
  std::vector<std::future<Errc>> users;
  for (int i = 0; i < 4; ++i) {
    users.push_back(in_background([&] {
      return error_of([&] {
               while (true) {
                 server_of_a_read(registry);
                 ++answers;
               }
             })
          .code;
    }));
  }
  ASSERT_TRUE(eventually([&] { return answers > 20; }));
  registry->close();
  for (auto& user : users) EXPECT_EQ(user.get(), Errc::closed);
}

TEST_F(Closing, GlobalConnectionsAreReplacedWhileTheyAreUsed) {
  establish_connections({{"primary", spec_of(cluster())}});
  auto& before = registry();
  EXPECT_EQ(Item::count(), 0U);
  auto sleeper = sleep_on_primary(shared_registry());
  establish_connections({{"primary", spec_of(cluster())}, {"more", spec_of(cluster())}});
  EXPECT_EQ(sleeper.get(), "done");
  EXPECT_EQ(registry().databases().size(), 2U);
  EXPECT_EQ(Item::count(), 0U);
  EXPECT_EQ(&registry(), &before);
  EXPECT_EQ(before.databases().size(), 2U);

  EXPECT_EQ(error_of([] {
              establish_connections({{"primary", {.url = "nonsense"}}});
            }).code,
            Errc::configuration);
  EXPECT_EQ(Item::count(), 0U);  // the one before stays

  close_connections();
  const auto error = error_of([] { return Item::count(); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("call grant::establish_connections() first"));
}

}  // namespace
}  // namespace grant::test
