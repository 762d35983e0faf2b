#include <algorithm>

#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

struct Order : Model<Order> {
  std::int64_t id{};
  std::int64_t total{};

  static constexpr auto table =
      grant::table<Order>("orders", column<&Order::id>.primary_key(), column<&Order::total>);
  static constexpr auto connection = connects_to("orders");
};
constexpr auto order_total = field<&Order::total>;

std::string url_of(int node, const std::string& database) {
  auto url = cluster().url(node);
  return url.substr(0, url.rfind('/') + 1) + database;
}

/// Two shards in databases of their own, each with a replica.
class Shards : public SharedCluster {
 protected:
  static void SetUpTestSuite() {
    for (const auto* name : {"orders_us", "orders_eu"}) {
      cluster().sql(0, "create database " + std::string(name) + " owner app");
    }
  }

  void SetUp() override {
    SharedCluster::SetUp();
    ConnectionSpec orders;
    orders.health_check.interval = 1h;
    for (const auto* name : {"us", "eu"}) {
      ShardSpec shard;
      shard.writer = url_of(0, std::string("orders_") + name);
      shard.readers = {url_of(1, std::string("orders_") + name)};
      orders.shards.emplace_back(name, std::move(shard));
    }
    // A replica knows a database once it has replayed its creation.
    registry_ =
        std::make_shared<Registry>(Databases{{"primary", spec_of(cluster())}, {"orders", orders}});
    wait_for_replicas(*registry_);
    session().run([this] {
      for (const auto& shard : registry_->shards("orders")) {
        Order::connected_to({.shard = shard}, [] {
          Order::create_table();
          Order::query().delete_all();
        });
      }
    });
    wait_for_replicas(*registry_);
  }

  [[nodiscard]] Session session() const { return Session(registry_); }

  std::shared_ptr<Registry> registry_;
};

template <class Function>
auto on(const std::string& shard, const Function& function) {
  return Order::connected_to({.shard = shard}, function);
}

TEST_F(Shards, RecordsGoWhereTheContextSaysAndHomeAgain) {
  session().run([] {
    auto order = on("eu", [] { return Order::create(order_total = 10); });
    EXPECT_EQ(last_served()->node, "orders@eu/writer");
    EXPECT_EQ(on("us", [] { return Order::count(); }), 0U);

    // No shard is named, or another one: the record knows its own.
    order.total = 20;
    order.save();
    EXPECT_EQ(last_served()->node, "orders@eu/writer");
    on("us", [&] { order.update(order_total = 30); });
    EXPECT_EQ(last_served()->node, "orders@eu/writer");
    on("us", [&] { order.reload(); });
    EXPECT_EQ(order.total, 30);
    EXPECT_EQ(on("eu", [&] { return Order::find(order.id).total; }), 30);
    order.destroy();
    EXPECT_EQ(on("eu", [] { return Order::count(); }), 0U);
  });
}

TEST_F(Shards, LoadedRecordsGoHomeToo) {
  session().run([] {
    on("us", [] { Order::create(order_total = 1); });
    on("eu", [] { Order::create(order_total = 2); });
    auto orders = on("us", [] { return Order::all(); });
    for (auto& order : on("eu", [] { return Order::all(); })) orders.push_back(order);
    for (auto& order : orders) order.update(order_total = order.total * 10);
    EXPECT_EQ(on("us", [] { return Order::first()->total; }), 10);
    EXPECT_EQ(on("eu", [] { return Order::first()->total; }), 20);
    EXPECT_EQ(orders[0].origin()->shard, "us");
    EXPECT_EQ(orders[1].origin()->shard, "eu");
  });
}

TEST_F(Shards, QueryRunsOnTheShardItWasMadeFor) {
  session().run([] {
    const auto query = on("eu", [] { return Order::where(order_total > 0); });
    on("us", [&] { static_cast<void>(query.count()); });
    EXPECT_EQ(last_served()->node, "orders@eu/reader-1");
  });
}

TEST_F(Shards, EachShardIsStickyByItself) {
  session().run([] {
    on("eu", [] { Order::create(order_total = 1); });
    on("eu", [] { static_cast<void>(Order::count()); });
    EXPECT_EQ(last_served()->reason, RouteReason::sticky);
    on("us", [] { static_cast<void>(Order::count()); });
    EXPECT_EQ(last_served()->node, "orders@us/reader-1");
  });
}

TEST_F(Shards, TransactionHoldsOneShard) {
  session().run([] {
    TransactionSpec spec;
    spec.database = "orders";
    spec.shard = "eu";
    EXPECT_THROW(transaction(spec,
                             [] {
                               on("eu", [] { Order::create(order_total = 1); });
                               EXPECT_EQ(last_served()->reason, RouteReason::transaction);
                               on("us", [] { Order::create(order_total = 2); });
                               EXPECT_EQ(last_served()->reason, RouteReason::write);
                               throw std::runtime_error("no");
                             }),
                 std::runtime_error);
    EXPECT_EQ(on("eu", [] { return Order::count(); }), 0U);
    EXPECT_EQ(on("us", [] { return Order::count(); }), 1U);
  });
}

TEST_F(Shards, QueryWithoutAShardNamesTheOnesThereAre) {
  session().run([] {
    const auto error = error_of([] { return Order::count(); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_EQ(error.message, "database \"orders\" has no shard \"default\"; it has: us, eu");
  });
}

TEST_F(Shards, ContextsNest) {
  session().run([] {
    connected_to({.role = Role::writing}, [] {
      on("eu", [] {
        static_cast<void>(Order::count());
        EXPECT_EQ(last_served()->node, "orders@eu/writer");  // the role comes from outside
        Order::connected_to({.role = Role::reading}, [] {
          static_cast<void>(Order::count());
          EXPECT_EQ(last_served()->node, "orders@eu/reader-1");  // the shard comes from outside
          on("us", [] {
            static_cast<void>(Order::count());
            EXPECT_EQ(last_served()->node, "orders@us/reader-1");
          });
        });
        // Other databases are not meant by a model's context, but by everybody's.
        static_cast<void>(Item::count());
        EXPECT_EQ(last_served()->node, "primary/writer");
        while_preventing_writes([] {
          EXPECT_THROW(Order::create(order_total = 1), ReadOnlyError);
          connected_to({.role = Role::writing},
                       [] { EXPECT_THROW(Item::create(item_name = "no"), ReadOnlyError); });
        });
        Order::create(order_total = 1);
      });
    });
    Item::while_preventing_writes([] {
      on("us", [] { Order::create(order_total = 1); });  // another model's database
      EXPECT_THROW(Item::create(item_name = "no"), ReadOnlyError);
    });
  });
}

TEST_F(Shards, ContextEndsWithAnException) {
  session().run([] {
    EXPECT_THROW(
        connected_to({.database = "orders", .shard = "eu"}, [] { throw std::runtime_error("no"); }),
        std::runtime_error);
    static_cast<void>(Item::count());
    EXPECT_THAT(last_served()->node, ::testing::StartsWith("primary/"));
  });
}

}  // namespace
}  // namespace grant::test
