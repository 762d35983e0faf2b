#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using Deadlines = SharedCluster;

TEST_F(Deadlines, TimeoutEndsAReadOnAHungPrimary) {
  const auto registry = connect(spec_of(cluster()));
  Session(registry).run([] {
    const auto read = [] {
      ConnectedTo to;
      to.role = Role::writing;
      to.timeout = 300ms;
      return connected_to(to, [] { return Item::count(); });
    };
    EXPECT_EQ(read(), 0U);
    const Hung hung(cluster(), 0);
    ErrorInfo error;
    const auto took = duration_of([&] { error = error_of(read); });
    EXPECT_EQ(error.code, Errc::timeout);
    EXPECT_EQ(error.node, "primary/writer");
    EXPECT_THAT(error.message, HasSubstr("no answer within"));
    EXPECT_GE(took, 290ms);
    EXPECT_LT(took, 2s);
  });
}

TEST_F(Deadlines, TimeoutOfAWriteOnAHungPrimaryLeavesItInDoubt) {
  auto spec = spec_of(cluster());
  spec.pool.max_size = 1;  // both writes on one connection, which has the statement prepared
  const auto registry = connect(spec);
  Session(registry).run([] {
    const auto write = [] {
      ConnectedTo to;
      to.timeout = 300ms;
      return connected_to(to, [] { return Item::create(item_name = "in doubt"); });
    };
    write();
    {
      const Hung hung(cluster(), 0);
      const auto took = duration_of([&] { EXPECT_THROW(write(), OutcomeUnknown); });
      EXPECT_LT(took, 2s);
    }
    // The server had it in its socket, and goes on where it was stopped.
    EXPECT_TRUE(eventually([] { return rows_on(cluster(), 0, "in doubt") == 2; }));
  });
}

TEST_F(Deadlines, StatementsShareOneTimeout) {
  const auto registry = connect(spec_of(cluster()));
  Session(registry).run([] {
    int done = 0;
    const auto took = duration_of([&done] {
      connected_to({.timeout = 2'500ms}, [&done] {
        EXPECT_EQ(error_of([&done] {
                    for (; done < 10; ++done) sql("select pg_sleep(1)").read().run();
                  }).code,
                  Errc::timeout);
      });
    });
    EXPECT_EQ(done, 2);
    EXPECT_LT(took, 4s);
  });
}

/// Holds the one connection of the writer's pool while it lives.
class Holder {
 public:
  explicit Holder(const std::shared_ptr<Registry>& registry) {
    held_ = in_background([registry] {
      return error_of(
          [&] { Session(registry).run([] { return sql("select pg_sleep(60)").run(); }); });
    });
    EXPECT_TRUE(eventually([] { return sleepers_on(cluster(), 0) == 1; }));
  }
  ~Holder() {
    wake_sleepers(cluster(), 0);
    EXPECT_EQ(held_.get().code, Errc::cancelled);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

 private:
  std::future<ErrorInfo> held_;
};

TEST_F(Deadlines, PoolTimeoutTellsWhoHoldsWhat) {
  auto spec = spec_of(cluster());
  spec.pool.max_size = 1;
  spec.pool.checkout_timeout = 200ms;
  const auto registry = connect(spec);
  const Holder holder(registry);
  Session(registry).run([] {
    ErrorInfo error;
    const auto took =
        duration_of([&] { error = error_of([] { return Item::create(item_name = "no"); }); });
    EXPECT_EQ(error.code, Errc::pool_timeout);
    EXPECT_EQ(error.node, "primary/writer");
    EXPECT_THAT(error.message,
                MatchesRegex("pool \"primary/writer\": no connection within 200 ms \\(1 of 1 "
                             "leased, 0 opening, 0 waiting, the longest held for [0-9]+ ms\\)"));
    EXPECT_GE(took, 200ms);
    EXPECT_LT(took, 2s);
    // Reads have pools of their own.
    EXPECT_EQ(Item::count(), 0U);
  });
  EXPECT_TRUE(registry->system_healthy());
}

TEST_F(Deadlines, TimeoutEndsTheWaitForAConnection) {
  auto spec = spec_of(cluster());
  spec.pool.max_size = 1;
  spec.pool.checkout_timeout = kPatience;
  const auto registry = connect(spec);
  const Holder holder(registry);
  Session(registry).run([] {
    const auto took = duration_of([] {
      connected_to({.timeout = 150ms}, [] {
        EXPECT_EQ(error_of([] { return Item::create(item_name = "no"); }).code, Errc::pool_timeout);
      });
    });
    EXPECT_LT(took, 2s);
  });
}

TEST_F(Deadlines, TimeoutEndsTheWaitForAPrimary) {
  auto spec = spec_of(cluster());
  spec.routing.failover_timeout = kPatience;
  const auto registry = connect(spec);
  const Killed killed(0);
  Session(registry).run([] {
    const auto took = duration_of([] {
      connected_to({.timeout = 150ms}, [] {
        EXPECT_EQ(error_of([] { return Item::create(item_name = "no"); }).code, Errc::unavailable);
      });
    });
    EXPECT_LT(took, 2s);
  });
}

}  // namespace
}  // namespace grant::test
