#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

using Transactions = SharedCluster;

TransactionSpec serializable(std::size_t retries) {
  TransactionSpec spec;
  spec.isolation = Isolation::serializable;
  spec.conflict_retries = retries;
  return spec;
}

/// Two transactions that each count all rows and then add one cannot both commit. Runs one inside
/// the first run of the other, and counts the runs.
int run_into_a_conflict(const std::shared_ptr<Registry>& registry, std::size_t retries) {
  int runs = 0;
  const auto add_one = [] {
    static_cast<void>(Item::count());
    Item::create(item_name = "one more");
  };
  Session(registry).run([&] {
    transaction(serializable(retries), [&] {
      static_cast<void>(Item::count());
      if (++runs == 1) {
        in_background([&] {
          Session(registry).run([&] { transaction(serializable(0), add_one); });
        }).get();
      }
      Item::create(item_name = "one more");
    });
  });
  return runs;
}

TEST_F(Transactions, ConflictRunsTheWholeTransactionAgainWhereThatIsAskedFor) {
  const auto registry = connect(spec_of(cluster()));
  EXPECT_EQ(run_into_a_conflict(registry, 3), 2);
  EXPECT_EQ(rows_on(cluster(), 0, "one more"), 2);
}

TEST_F(Transactions, ConflictIsReportedWhereNoRetryIsAskedFor) {
  const auto registry = connect(spec_of(cluster()));
  const auto error = error_of([&] { return run_into_a_conflict(registry, 0); });
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_EQ(error.sqlstate, "40001");
  EXPECT_EQ(rows_on(cluster(), 0, "one more"), 1);
}

TEST_F(Transactions, InnerTransactionIsASavepoint) {
  const auto registry = connect(spec_of(cluster()));
  Session(registry).run([] {
    transaction("primary", [] {
      Item::create(item_name = "outer");
      EXPECT_THROW(transaction("primary",
                               [] {
                                 Item::create(item_name = "inner");
                                 sql("select 1 / 0").run();
                               }),
                   Error);
      EXPECT_EQ(Item::count(), 1U);
      transaction("primary", [] { Item::create(item_name = "second inner"); });
    });
    EXPECT_EQ(Item::count(), 2U);
  });
  EXPECT_EQ(rows_on(cluster(), 0, "inner"), 0);
}

TEST_F(Transactions, ReadingTransactionRunsOnAReplicaAndRefusesWrites) {
  const auto registry = connect(spec_of(cluster()));
  wait_for_replicas(*registry);
  TransactionSpec spec;
  spec.effect = Effect::read;
  spec.isolation = Isolation::repeatable_read;
  Session(registry).run([&] {
    transaction(spec, [] {
      static_cast<void>(Item::count());
      EXPECT_THAT(server(), ::testing::StartsWith("reader"));
    });
    EXPECT_THROW(transaction(spec, [] { Item::create(item_name = "no"); }), ReadOnlyError);
    Item::create(item_name = "yes");
    EXPECT_EQ(server(), "writer");
  });
}

TEST_F(Transactions, BrokenTransactionIsRolledBackAndItsConnectionReused) {
  auto spec = spec_of(cluster());
  spec.pool.max_size = 1;
  const auto registry = connect(spec);
  Session(registry).run([] {
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(error_of([] {
                  transaction("primary", [] {
                    Item::create(item_name = "no");
                    sql("select 1 / 0").run();
                  });
                }).sqlstate,
                "22012");
    }
    Item::create(item_name = "yes");
  });
  EXPECT_EQ(rows_on(cluster(), 0, "no"), 0);
  EXPECT_EQ(rows_on(cluster(), 0, "yes"), 1);
}

}  // namespace
}  // namespace grant::test
