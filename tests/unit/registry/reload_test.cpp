#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grant/query/raw_sql.hpp"
#include "grant/registry/registry.hpp"
#include "grant/session/session.hpp"
#include "grant/session/transaction.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/nodes.hpp"
#include "unit/registry/registry_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::eventually;
using test::node_of;
using test::Servers;
using test::spec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

UrlSource at(const std::string& host, const std::string& name) {
  return UrlSource("mariadb://" + host + "/db").named(name);
}

/// The database "shop" on the servers "w", "r1" and "r2", all well.
struct Reloaded : Servers {
  Reloaded() {
    is("w", NodeKind::primary);
    for (const std::string name : {"r1", "r2", "r3"}) is(name, NodeKind::replica);
    registry = std::make_shared<Registry>(Databases{{"shop", spec("w", {"r1", "r2"})}}, options());
    registry->check_health_now();
    cluster = registry->cluster("shop");
  }

  void reload(ConnectionSpec shop) const { registry->reload({{"shop", std::move(shop)}}); }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& status : registry->health_status()) names.push_back(status.key);
    return names;
  }

  [[nodiscard]] NodeStatus status(const std::string& name) const {
    for (auto& status : registry->health_status()) {
      if (status.key == name) return status;
    }
    ADD_FAILURE() << "no node " << name;
    return {};
  }

  /// With r1 called "near" and r2 called "far", both probed; gives the database.
  [[nodiscard]] ConnectionSpec with_names() const {
    auto shop = spec("w");
    shop.readers = {at("r1", "near"), at("r2", "far")};
    reload(shop);
    registry->check_health_now();
    return shop;
  }

  void read() const {
    Session(registry).run([] { sql("SELECT").on("shop").read().run(); });
  }

  std::shared_ptr<Registry> registry;
  std::shared_ptr<Cluster> cluster;
};

TEST(RegistryReload, ClusterThatStaysIsTheSameOne) {
  const Reloaded f;
  f.reload(spec("w", {"r1"}));
  EXPECT_EQ(f.registry->cluster("shop"), f.cluster);
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/reader-1"));
}

TEST(RegistryReload, NodeThatStaysKeepsItsConnectionsAndWhatIsKnownOfIt) {
  const Reloaded f;
  f.read();
  f.read();
  const auto opened = f.driver.server("r1").opened();
  const auto* const node = &node_of(*f.cluster, 1);
  f.reload(spec("w", {"r1", "r3"}));
  EXPECT_EQ(&node_of(*f.cluster, 1), node);
  EXPECT_TRUE(f.registry->health_status()[1].healthy) << "before it was probed again";
  f.read();
  f.read();
  EXPECT_EQ(f.driver.server("r1").opened(), opened);
}

TEST(RegistryReload, NodeIsKnownByItsAddressAndNotByItsPlace) {
  const Reloaded f;
  const auto* const first = &node_of(*f.cluster, 1);
  const auto* const second = &node_of(*f.cluster, 2);
  f.reload(spec("w", {"r2", "r1"}));
  EXPECT_EQ(&node_of(*f.cluster, 1), second);
  EXPECT_EQ(&node_of(*f.cluster, 2), first);
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/reader-2", "shop/reader-1"));
}

TEST(RegistryReload, NameIsNotUsedForAnotherNodeLater) {
  const Reloaded f;
  f.reload(spec("w", {"r2"}));
  f.reload(spec("w", {"r2", "r3"}));
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/reader-2", "shop/reader-3"));
  f.reload(spec("w", {"r1"}));
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/reader-1"))
      << "it is the one from before";
  f.reload(spec("r3", {"r1"}));
  EXPECT_THAT(f.names(), ElementsAre("shop/reader-3", "shop/reader-1"))
      << "the role is no identity";
}

TEST(RegistryReload, NamedNodeStaysItselfWithAnotherPasswordRoleAndPlace) {
  const Reloaded f;
  auto shop = f.with_names();
  shop.readers = {at("r3", "new"), at("r2", "far"),
                  UrlSource("mariadb://app:new@r1/db").named("near")};
  f.driver.server("r1").probing.shut();
  f.reload(shop);
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/new", "shop/far", "shop/near"));
  EXPECT_TRUE(f.status("shop/near").healthy) << "before it was probed again";
  shop.writer = at("r1", "near");
  shop.readers = {at("w", "old")};
  f.reload(shop);
  EXPECT_THAT(f.names(), ElementsAre("shop/near", "shop/old"));
  EXPECT_TRUE(f.status("shop/near").healthy) << "the role is no identity";
  f.driver.server("r1").probing.open();
}

TEST(RegistryReload, NamedNodeThatMovesInTheListKeepsItsConnections) {
  const Reloaded f;
  auto shop = f.with_names();
  const auto* const near = &node_of(*f.cluster, 1);
  const auto* const far = &node_of(*f.cluster, 2);
  const auto opened = f.driver.server("r1").opened();
  shop.readers = {at("r2", "far"), at("r1", "near")};
  f.reload(shop);
  EXPECT_EQ(&node_of(*f.cluster, 1), far);
  EXPECT_EQ(&node_of(*f.cluster, 2), near);
  f.registry->check_health_now();
  EXPECT_EQ(f.driver.server("r1").opened(), opened);
}

TEST(RegistryReload, NodeWithAnotherNameIsAnotherNode) {
  const Reloaded f;
  auto shop = spec("w");
  shop.readers = {at("r1", "near")};
  f.reload(shop);
  f.registry->check_health_now();
  const auto* const near = &node_of(*f.cluster, 1);
  f.driver.server("r1").connecting.shut();
  shop.readers = {at("r1", "close")};
  f.reload(shop);
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/close"));
  EXPECT_NE(&node_of(*f.cluster, 1), near);
  EXPECT_FALSE(f.status("shop/close").last_check);
  EXPECT_TRUE(eventually([&] { return f.driver.server("r1").open() == 0; }));
  f.driver.server("r1").connecting.open();
}

TEST(RegistryReload, NamedNodeOnAnotherHostIsAskedBeforeItIsRead) {
  const Reloaded f;
  auto shop = spec("w");
  shop.readers = {at("r1", "near")};
  f.reload(shop);
  f.registry->check_health_now();
  EXPECT_TRUE(f.status("shop/near").healthy);
  auto& next = f.driver.server("r2");
  next.probing.shut();
  shop.readers = {at("r2", "near")};
  f.reload(shop);
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/near"));
  EXPECT_FALSE(f.status("shop/near").healthy) << "the other host answered, this one did not";
  f.read();
  EXPECT_THAT(f.driver.server("w").statements(), ElementsAre("SELECT"));
  next.probing.open();
  f.registry->check_health_now();
  f.read();
  EXPECT_THAT(next.statements(), ElementsAre("SELECT"));
  EXPECT_TRUE(eventually([&] { return f.driver.server("r1").open() == 0; }));
}

TEST(RegistryReload, WritesWaitUntilANamedWriterOnAnotherHostHasAnswered) {
  const Reloaded f;
  f.is("w2", NodeKind::primary);
  auto shop = spec("");
  shop.writer = at("w", "main");
  f.reload(shop);
  f.registry->check_health_now();
  EXPECT_TRUE(f.cluster->topology().table()->primary);
  auto& next = f.driver.server("w2");
  next.probing.shut();
  shop.writer = at("w2", "main");
  f.reload(shop);
  EXPECT_FALSE(f.cluster->topology().table()->primary) << "the other host was, this one may not be";
  std::thread writer([&] { Session(f.registry).run([] { sql("WRITE").on("shop").run(); }); });
  EXPECT_TRUE(eventually([&] { return next.probing.held() > 0; }));
  EXPECT_THAT(next.statements(), ElementsAre());
  next.probing.open();
  writer.join();
  EXPECT_THAT(next.statements(), ElementsAre("WRITE"));
  EXPECT_THAT(f.driver.server("w").statements(), ElementsAre());
}

TEST(RegistryReload, NamesThatTwoNodesSwapGoWithThem) {
  const Reloaded f;
  auto shop = f.with_names();
  f.driver.server("r1").connecting.shut();
  shop.readers = {at("r2", "near"), at("r1", "far")};
  f.reload(shop);
  EXPECT_FALSE(f.status("shop/far").healthy) << "it answered when it was near";
  EXPECT_TRUE(eventually([&] { return f.status("shop/near").healthy; }));
  f.read();
  f.read();
  EXPECT_THAT(f.driver.server("r2").statements(), ElementsAre("SELECT", "SELECT"));
  f.driver.server("r1").connecting.open();
  f.registry->check_health_now();
  EXPECT_TRUE(f.status("shop/far").healthy);
}

TEST(RegistryReload, NodesWithoutANameGetNoneThatTheUserGave) {
  const Reloaded f;  // r1 is reader-1, r2 is reader-2
  auto shop = spec("w");
  shop.readers = {"mariadb://r3/db", at("r1", "reader-3")};
  f.reload(shop);
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/reader-4", "shop/reader-3"));
  shop.readers = {"mariadb://r1/db", at("r2", "reader-1")};
  f.reload(shop);
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/reader-5", "shop/reader-1"))
      << "it was reader-1";
  shop.readers = {"mariadb://r1/db", at("r2", "reader-5")};
  f.reload(shop);
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/reader-6", "shop/reader-5"))
      << "it was there before";
}

TEST(RegistryReload, NewPasswordIsTheSameNodeWithNewConnections) {
  const Reloaded f;
  f.read();
  f.read();
  auto shop = spec("w", {"r1", "r2"});
  shop.readers[0] = "mariadb://app:new@r1/db";
  f.reload(shop);
  EXPECT_TRUE(f.registry->health_status()[1].healthy);
  EXPECT_EQ(f.names()[1], "shop/reader-1");
  f.registry->check_health_now();
  EXPECT_TRUE(eventually([&] { return f.driver.server("r1").open() == 1; }))
      << "that of the new node's probe";
}

TEST(RegistryReload, NodeWithOtherOptionsHasThem) {
  const Reloaded f;
  auto shop = spec("w", {"r1", "r2"});
  shop.pool.max_size = 3;
  f.reload(shop);
  EXPECT_EQ(node_of(*f.cluster, 1).pool().options().max_size, 3U);
  shop.routing.strategy = Strategy::random;
  shop.health_check.timeout = 7s;
  f.reload(shop);
  EXPECT_EQ(f.cluster->topology().options().health.timeout, 7s);
  EXPECT_EQ(f.registry->load_balancer("shop")->strategy(), Strategy::random);
}

TEST(RegistryReload, StrategySetByHandStaysAsLongAsTheOptionsSayNothingNew) {
  const Reloaded f;
  f.registry->load_balancer("shop")->set_strategy(Strategy::least_connections);
  f.reload(spec("w", {"r1"}));
  EXPECT_EQ(f.registry->load_balancer("shop")->strategy(), Strategy::least_connections);
}

TEST(RegistryReload, StatementUnderWayOnANodeThatGoesEndsThereAndThenTheNodeIsGone) {
  Reloaded f;
  auto& r1 = f.driver.server("r1");
  auto& r2 = f.driver.server("r2");
  r1.answering.shut();
  r2.answering.shut();
  std::thread reader([&] { f.read(); });
  EXPECT_TRUE(eventually([&] { return r1.answering.held() + r2.answering.held() == 1; }));
  f.reload(spec("w"));
  EXPECT_EQ(r1.answering.held() + r2.answering.held(), 1U);
  f.read();  // on the primary: the readers are not asked any more
  EXPECT_THAT(f.driver.server("w").statements(), ElementsAre("SELECT"));
  r1.answering.open();
  r2.answering.open();
  reader.join();
  EXPECT_EQ(r1.statements().size() + r2.statements().size(), 1U);
  EXPECT_TRUE(eventually([&] { return r1.open() + r2.open() == 0; }));
}

TEST(RegistryReload, NodeThatComesIsProbedAtOnceAndServes) {
  const Reloaded f;
  f.reload(spec("w", {"r3"}));
  EXPECT_TRUE(eventually([&] { return f.registry->health_status()[1].healthy; }));
  f.read();
  EXPECT_THAT(f.driver.server("r3").statements(), ElementsAre("SELECT"));
}

TEST(RegistryReload, NodeThatGoesIsProbedNoMore) {
  const Reloaded f;
  f.reload(spec("w", {"r2"}));
  EXPECT_TRUE(eventually([&] { return f.driver.server("r1").open() == 0; }));
  const auto attempts = f.driver.server("r1").attempts();
  f.registry->check_health_now();
  f.registry->check_health_now();
  EXPECT_EQ(f.driver.server("r1").attempts(), attempts);
}

TEST(RegistryReload, TransactionOnANodeThatGoesGoesOn) {
  const Reloaded f;
  f.is("w2", NodeKind::primary);
  Session(f.registry).run([&] {
    transaction("shop", [&] {
      sql("ONE").on("shop").run();
      f.reload(spec("w2"));
      sql("TWO").on("shop").run();
    });
  });
  EXPECT_THAT(f.driver.server("w").statements(), ElementsAre("BEGIN", "ONE", "TWO", "COMMIT"));
  EXPECT_TRUE(eventually([&] { return f.driver.server("w").open() == 0; }));
}

TEST(RegistryReload, DatabaseThatIsGoneIsNamed) {
  const Reloaded f;
  f.registry->reload({{"other", spec("w")}});
  EXPECT_THAT(error_of([&] { f.read(); }).message, HasSubstr("no database \"shop\""));
}

TEST(RegistryReload, BalancerOfADatabaseThatIsGoneBalancesNothing) {
  Reloaded f;
  auto* const balancer = f.registry->load_balancer("shop");
  EXPECT_EQ(balancer->size(), 2U);
  f.cluster.reset();
  f.registry->reload({{"other", spec("w")}});
  EXPECT_TRUE(eventually([&] { return balancer->size() == 0; }));
}

TEST(RegistryReload, WhatIsRefusedChangesNothing) {
  const Reloaded f;
  auto bad = spec("w", {"r3"});
  bad.routing.failover_timeout = -1s;
  EXPECT_EQ(error_of([&] { f.reload(bad); }).code, Errc::configuration);
  EXPECT_EQ(error_of([&] {
              f.registry->reload({{"shop", spec("w", {"r3"})}, {"bad name", spec("w")}});
            }).code,
            Errc::configuration);
  EXPECT_THAT(f.names(), ElementsAre("shop/writer", "shop/reader-1", "shop/reader-2"));
}

TEST(RegistryReload, ClosedRegistryTakesNothing) {
  const Reloaded f;
  f.registry->close();
  EXPECT_EQ(error_of([&] { f.reload(spec("w")); }).code, Errc::closed);
}

TEST(RegistryReload, NothingFailsWhileNodesComeAndGo) {
  const Reloaded f;
  std::atomic<bool> over = false;
  std::atomic<int> done = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      const Session session(f.registry);
      session.run([&] {
        while (!over) {
          sql("SELECT").on("shop").read().run();
          sql("WRITE").on("shop").run();
          ++done;
        }
      });
    });
  }
  const std::vector<std::vector<std::string>> sets{{"r1"}, {"r2", "r3"}, {}, {"r3", "r1", "r2"}};
  for (int round = 0; round < 60; ++round) {
    const auto before = done.load();
    f.reload(spec("w", sets[static_cast<std::size_t>(round) % sets.size()]));
    EXPECT_TRUE(eventually([&] { return done > before; }));
  }
  over = true;
  for (auto& reader : readers) reader.join();
  f.reload(spec("w"));
  for (const std::string name : {"r1", "r2", "r3"}) {
    EXPECT_TRUE(eventually([&] { return f.driver.server(name).open() == 0; })) << name;
    EXPECT_EQ(f.driver.server(name).misuses(), 0U);
  }
}

// An idle thread must not keep what it once used.
TEST(RegistryClose, LeavesNothingToThreadsThatAreIdle) {
  Servers servers;
  servers.is("w", NodeKind::primary);
  auto registry = std::make_shared<Registry>(Databases{{"shop", spec("w")}}, servers.options());
  registry->check_health_now();
  const std::weak_ptr<Cluster> cluster = registry->cluster("shop");
  std::atomic<int> step = 0;
  std::thread idle([&] {
    Session(registry).run([] { sql("SELECT").on("shop").read().run(); });
    step = 1;
    while (step < 2) std::this_thread::yield();
  });
  EXPECT_TRUE(eventually([&] { return step == 1; }));
  registry.reset();
  EXPECT_TRUE(cluster.expired());
  step = 2;
  idle.join();
}

}  // namespace
}  // namespace grant
