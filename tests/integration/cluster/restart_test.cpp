#include <fmt/format.h>

#include <algorithm>

#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

/// Servers restart while the pools hold idle connections, and nobody probes: the queries find out.
class Restart : public SharedCluster {
 protected:
  void SetUp() override {
    SharedCluster::SetUp();
    auto spec = spec_of(cluster());
    spec.pool.initial_size = 4;
    registry_ = connect(spec);
    wait_for_replicas(*registry_);
    ASSERT_TRUE(eventually([&] {
      return std::ranges::all_of(registry_->health_status(),
                                 [](const NodeStatus& node) { return node.pool.idle >= 4; });
    }));
  }

  std::shared_ptr<Registry> registry_;
};

TEST_F(Restart, ReadsGoOnWithoutAnError) {
  for (const int node : {1, 2, 0}) {
    const Stopped stopped(node);
  }
  for (int i = 0; i < 12; ++i) EXPECT_NO_THROW(server_of_a_read(registry_));
  EXPECT_TRUE(eventually([&] { return server_of_a_read(registry_) == "reader-1"; }));
}

TEST_F(Restart, WritesGoOnWithoutAnErrorAndHappenOnce) {
  const auto write_some = [&](const std::string& name) {
    Session(registry_).run([&] {
      for (int i = 0; i < 6; ++i) EXPECT_NO_THROW(Item::create(item_name = name));
    });
    EXPECT_EQ(rows_on(cluster(), 0, name), 6);
  };
  cluster().stop(0);
  cluster().start(0);
  write_some("after a fast stop");

  cluster().stop(0, "immediate");
  cluster().start(0);
  write_some("after an immediate stop");

  cluster().kill(0);
  cluster().start(0);
  write_some("after a crash");
}

TEST_F(Restart, TransactionsStartOnALivingConnection) {
  cluster().stop(0);
  cluster().start(0);
  Session(registry_).run([] {
    int runs = 0;
    transaction("primary", [&runs] {
      ++runs;
      Item::create(item_name = "in a transaction");
    });
    EXPECT_EQ(runs, 1);
  });
  EXPECT_EQ(rows_on(cluster(), 0, "in a transaction"), 1);
}

}  // namespace
}  // namespace grant::test
