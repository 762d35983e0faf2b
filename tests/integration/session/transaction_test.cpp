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

TEST_F(Transactions, ErrorThatWasPassedOverComesBackAndIsNoConflict) {
  const auto registry = connect(spec_of(cluster()));
  TransactionSpec spec;
  spec.conflict_retries = 5;
  int runs = 0;
  Session(registry).run([&] {
    const auto error = error_of([&] {
      transaction(spec, [&] {
        ++runs;
        Item::create(item_name = "no");
        EXPECT_EQ(error_of([] { return sql("select 1 / 0").run(); }).sqlstate, "22012");
        EXPECT_EQ(error_of([] { return Item::count(); }).sqlstate, "22012");
      });
      return 0;
    });
    EXPECT_EQ(error.sqlstate, "22012");
    EXPECT_THAT(error.message, ::testing::HasSubstr("rolled back"));
    // An inner one that is rolled back takes it back.
    transaction(spec, [] {
      EXPECT_THROW(transaction("primary", [] { sql("select 1 / 0").run(); }), Error);
      Item::create(item_name = "yes");
    });
  });
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(rows_on(cluster(), 0, "no"), 0);
  EXPECT_EQ(rows_on(cluster(), 0, "yes"), 1);
}

TEST_F(Transactions, OnesOwnCommitEndsItAndWhatFollowsIsRefused) {
  const auto registry = connect(spec_of(cluster()));
  for (const std::string ending : {"COMMIT", "COMMIT AND CHAIN"}) {
    Session(registry).run([&] {
      const auto error = error_of([&] {
        transaction("primary", [&] {
          Item::create(item_name = ending);
          sql(ending).run();
          EXPECT_THROW(Item::create(item_name = "no"), Error);
        });
        return 0;
      });
      EXPECT_EQ(error.code, Errc::invalid_argument);
      EXPECT_THAT(error.message, ::testing::HasSubstr("is stored"));
    });
    EXPECT_EQ(rows_on(cluster(), 0, ending), 1);
  }
  EXPECT_EQ(rows_on(cluster(), 0, "no"), 0);
}

TEST_F(Transactions, ProcedureThatCommittedIsInDoubtWhereItEndsEarly) {
  const auto registry = connect(spec_of(cluster()));
  const auto run = [&](const std::string& rest) {
    return error_of([&] {
      return Session(registry).run([&] {
        return connected_to({.timeout = 500ms}, [&] {
          return sql("/* one */ do $$ begin insert into items (name) values ('half'); commit; " +
                     rest + " end $$")
              .run();
        });
      });
    });
  };
  for (const std::string rest :
       {"perform pg_sleep(20);", "raise exception sqlstate '40001';",
        "perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1);"}) {
    const auto error = run(rest);
    EXPECT_EQ(error.code, Errc::outcome_unknown) << rest << error.message;
  }
  EXPECT_EQ(rows_on(cluster(), 0, "half"), 3);
}

TEST_F(Transactions, FunctionThatWritesIsRefusedToAReadAndSoNeverRunsTwice) {
  const auto registry = connect(spec_of(cluster(), {}));
  cluster().sql(
      0,

      "create or replace function writes_and_dies() returns int language plpgsql as $$ begin "
      "insert "
      "into items (name) values ('read'); perform pg_terminate_backend(pg_backend_pid()); return "
      "1; end $$");
  Session(registry).run([] {
    const auto error = error_of([] { return sql("select writes_and_dies()").read().run(); });
    EXPECT_EQ(error.code, Errc::read_only) << error.message;
    transaction("primary", [] {
      EXPECT_THROW(transaction("primary", [] { sql("select writes_and_dies()").read().run(); }),
                   ReadOnlyError);
      Item::create(item_name = "goes on");
    });
  });
  EXPECT_EQ(rows_on(cluster(), 0, "read"), 0);
  EXPECT_EQ(rows_on(cluster(), 0, "goes on"), 1);
  EXPECT_TRUE(status_of(*registry, "writer").healthy);
}

TEST_F(Transactions, LostBeforeItsCommitIsRunAgainWhereThatIsAllowed) {
  const auto registry = connect(spec_of(cluster()));
  TransactionSpec spec;
  spec.conflict_retries = 1;
  int runs = 0;
  Session(registry).run([&] {
    transaction(spec, [&] {
      Item::create(item_name = "again");
      if (++runs == 1) sql("select pg_terminate_backend(pg_backend_pid())").run();
    });
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(rows_on(cluster(), 0, "again"), 1);
}

TEST_F(Transactions, ErrorOfTheFunctionThatTakesRowsSaysNothingOfTheNode) {
  const auto registry = connect(spec_of(cluster(), {}));
  Session(registry).run([] {
    Item::create(item_name = "row");
    int calls = 0;
    EXPECT_THROW(Item::query().each([&](Item&) {
      ++calls;
      throw_error(Errc::unavailable, "the function's own");
    }),
                 Unavailable);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(server(), "writer");
  });
}

}  // namespace
}  // namespace grant::test
