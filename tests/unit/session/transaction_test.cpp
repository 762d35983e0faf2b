#include "grant/session/transaction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>

#include "unit/session/session_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::failing;
using test::Shop;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

void run_sql(std::string text) { static_cast<void>(sql(std::move(text)).on("shop").run()); }

TransactionSpec retrying(std::size_t conflict_retries) {
  TransactionSpec spec;
  spec.database = "shop";
  spec.conflict_retries = conflict_retries;
  return spec;
}

TEST(Transaction, CommitsWhatItsFunctionDidOnOneConnection) {
  const Shop shop;
  shop.session.run([] {
    transaction("shop", [] {
      run_sql("A");
      run_sql("B");
    });
  });
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "A", "B", "COMMIT"));
  EXPECT_EQ(shop.registry->cluster("shop")->node(0).pool().stats().open(), 1U);
}

TEST(Transaction, GivesTheFunctionsResult) {
  const Shop shop;
  EXPECT_EQ(shop.session.run([] { return transaction("shop", [] { return 7; }); }), 7);
}

TEST(Transaction, RollsBackAndPassesOnWhatItsFunctionThrows) {
  const Shop shop;
  const auto fails = [] {
    transaction("shop", [] {
      run_sql("A");
      throw std::runtime_error("mine");
    });
  };
  EXPECT_THROW(shop.session.run(fails), std::runtime_error);
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "A", "ROLLBACK"));
  const auto stats = shop.registry->cluster("shop")->node(0).pool().stats();
  EXPECT_EQ(stats.leased, 0U);
  EXPECT_EQ(stats.idle, 1U);
}

TEST(Transaction, ReadsJoinIt) {
  const Shop shop;
  shop.session.run([&] {
    transaction("shop", [&] {
      EXPECT_EQ(shop.read(), "shop/writer (in a transaction)");
      EXPECT_EQ(explain_route(sql("X").on("shop").read()).summary(),
                "shop/writer (in a transaction)");
    });
  });
  EXPECT_THAT(shop.replica().statements(), IsEmpty());
}

TEST(Transaction, IsOnlyJoinedByItsOwnSession) {
  const Shop shop;
  const Session other(shop.registry);
  shop.session.run([&] {
    transaction("shop", [&] {
      EXPECT_EQ(Shop::read_in(other), "shop/reader-1 (replica)");
      EXPECT_EQ(Shop::read_in(shop.session), "shop/writer (in a transaction)");
    });
  });
}

TEST(Transaction, OfReadsGoesToAReplica) {
  const Shop shop;
  TransactionSpec spec;
  spec.database = "shop";
  spec.effect = Effect::read;
  shop.session.run([&] {
    transaction(spec, [&] { EXPECT_EQ(shop.read(), "shop/reader-1 (in a transaction)"); });
  });
  EXPECT_THAT(shop.replica().statements(), ElementsAre("BEGIN READ ONLY", "SELECT", "COMMIT"));
}

TEST(Transaction, StatementsInsideAreNotTriedElsewhere) {
  const Shop shop;
  shop.primary().on_statement(failing("SELECT", Errc::unavailable));
  const auto reads = [&] { transaction("shop", [&] { return shop.read(); }); };
  EXPECT_THROW(shop.session.run(reads), Unavailable);
  EXPECT_THAT(shop.replica().statements(), IsEmpty());
  EXPECT_EQ(shop.registry->cluster("shop")->node(0).pool().stats().open(), 0U);
}

TEST(Transaction, InsideAnotherOneIsASavepoint) {
  const Shop shop;
  shop.session.run([] {
    transaction("shop", [] {
      run_sql("A");
      transaction("shop", [] { run_sql("B"); });
      run_sql("C");
    });
  });
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "A", "SAVEPOINT grant_1", "B",
                                                       "RELEASE SAVEPOINT grant_1", "C", "COMMIT"));
}

TEST(Transaction, FailingInsideAnotherOneLeavesThatOneItsWork) {
  const Shop shop;
  shop.session.run([] {
    transaction("shop", [] {
      run_sql("A");
      try {
        transaction("shop", [] {
          transaction("shop", [] { run_sql("B"); });
          throw std::runtime_error("inner");
        });
      } catch (const std::runtime_error&) {
        run_sql("C");
      }
    });
  });
  EXPECT_THAT(shop.primary().statements(),
              ElementsAre("BEGIN", "A", "SAVEPOINT grant_1", "SAVEPOINT grant_2", "B",
                          "RELEASE SAVEPOINT grant_2", "ROLLBACK TO SAVEPOINT grant_1",
                          "RELEASE SAVEPOINT grant_1", "C", "COMMIT"));
}

TEST(Transaction, OnAnotherShardIsOneOfItsOwn) {
  const Shop shop{Shop::Sharded()};
  auto spec = retrying(0);
  spec.shard = "eu";
  auto other = spec;
  other.shard = "us";
  shop.session.run([&] {
    transaction(spec, [&] {
      transaction(other, [&] { connected_to({.shard = "us"}, [] { run_sql("U"); }); });
      connected_to({.shard = "eu"}, [] { run_sql("E"); });
      connected_to({.shard = "us"}, [] { run_sql("V"); });
    });
  });
  EXPECT_THAT(shop.server("eu").statements(), ElementsAre("BEGIN", "E", "COMMIT"));
  EXPECT_THAT(shop.server("us").statements(), ElementsAre("BEGIN", "U", "COMMIT", "V"));
}

TEST(Transaction, GoesToTheShardOfTheContext) {
  const Shop shop{Shop::Sharded()};
  shop.session.run(
      [] { connected_to({.shard = "us"}, [] { transaction("shop", [] { run_sql("U"); }); }); });
  EXPECT_THAT(shop.server("us").statements(), ElementsAre("BEGIN", "U", "COMMIT"));
}

TEST(Transaction, QueryMadeInItMayRunAfterItsEnd) {
  const Shop shop;
  const auto query = shop.session.run(
      [] { return transaction("shop", [] { return sql("SELECT").on("shop").read(); }); });
  static_cast<void>(query.run());
  EXPECT_EQ(shop.session.last_served()->summary(), "shop/reader-1 (replica)");
}

// -- Conflicts --------------------------------------------------------------------------------

/// How often a function runs that meets a conflict each of the first `conflicts` times; empty when
/// the conflict came through.
std::optional<int> runs(const Shop& shop, std::size_t retries, int conflicts) {
  int count = 0;
  try {
    shop.session.run([&] {
      transaction(retrying(retries), [&] {
        if (++count <= conflicts) throw_error(Errc::conflict, "deadlock");
      });
    });
  } catch (const Conflict&) {
    return std::nullopt;
  }
  return count;
}

TEST(TransactionConflicts, AreRetriedAsOftenAsWanted) {
  const Shop shop;
  EXPECT_EQ(runs(shop, 0, 0), 1);
  EXPECT_EQ(runs(shop, 0, 1), std::nullopt);
  EXPECT_EQ(runs(shop, 2, 2), 3);
  EXPECT_EQ(runs(shop, 2, 3), std::nullopt);
}

TEST(TransactionConflicts, StartANewTransactionEachTime) {
  const Shop shop;
  runs(shop, 1, 1);
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "ROLLBACK", "BEGIN", "COMMIT"));
}

TEST(TransactionConflicts, AtTheCommitAreRetried) {
  const Shop shop;
  shop.primary().on_statement(failing("COMMIT", Errc::conflict, 1));
  EXPECT_EQ(runs(shop, 1, 0), 2);
}

TEST(TransactionConflicts, AreRetriedByTheOutermostOnly) {
  const Shop shop;
  int outer = 0;
  int inner = 0;
  shop.session.run([&] {
    transaction(retrying(1), [&] {
      ++outer;
      transaction(retrying(5), [&] {
        if (++inner == 1) throw_error(Errc::conflict, "deadlock");
      });
    });
  });
  EXPECT_EQ(outer, 2);
  EXPECT_EQ(inner, 2);
}

TEST(TransactionConflicts, OtherErrorsAreNotRetried) {
  for (const auto code : {Errc::outcome_unknown, Errc::constraint, Errc::timeout}) {
    const Shop shop;
    int count = 0;
    const auto error = error_of([&] {
      shop.session.run([&] {
        transaction(retrying(5), [&] {
          ++count;
          throw_error(code, "no");
        });
      });
      return 0;
    });
    EXPECT_EQ(error.code, code);
    EXPECT_EQ(count, 1);
  }
}

TEST(Transaction, UnknownOutcomeOfTheCommitIsNotRetried) {
  const Shop shop;
  shop.primary().on_statement(failing("COMMIT", Errc::outcome_unknown));
  int count = 0;
  const auto commits = [&] { transaction(retrying(5), [&] { ++count; }); };
  EXPECT_THROW(shop.session.run(commits), OutcomeUnknown);
  EXPECT_EQ(count, 1);
}

// -- Beginning --------------------------------------------------------------------------------

TEST(TransactionBegin, IsRetriedOnANewConnection) {
  const Shop shop;
  shop.write();
  shop.primary().lose_connections();
  shop.primary().forget_statements();
  shop.session.run([] { transaction("shop", [] { run_sql("A"); }); });
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "A", "COMMIT"));
}

TEST(TransactionBegin, WithoutAPrimaryIsUnavailable) {
  RoutingOptions routing;
  routing.failover_timeout = 5ms;
  const Shop shop(1, routing);
  shop.primary().observe(std::nullopt);
  shop.registry->check_health_now();
  bool ran = false;
  const auto begins = [&] { transaction("shop", [&] { ran = true; }); };
  EXPECT_THROW(shop.session.run(begins), Unavailable);
  EXPECT_FALSE(ran);
}

TEST(TransactionBegin, FailureOfASavepointLeavesTheOuterOneUsable) {
  const Shop shop;
  shop.primary().on_statement(failing("SAVEPOINT grant_1", Errc::invalid_argument, 1));
  shop.session.run([&] {
    transaction("shop", [&] {
      EXPECT_EQ(error_of([&] { return transaction("shop", [] { return 1; }); }).code,
                Errc::invalid_argument);
      transaction("shop", [] { run_sql("A"); });
    });
  });
  EXPECT_THAT(shop.primary().statements(),
              ElementsAre("BEGIN", "SAVEPOINT grant_1", "SAVEPOINT grant_1", "A",
                          "RELEASE SAVEPOINT grant_1", "COMMIT"));
}

TEST(Transaction, ContextsTimeoutCoversItsStatements) {
  const Shop shop;
  const auto hangs = [&] {
    connected_to({.timeout = 10ms}, [&] {
      transaction("shop", [&] {
        shop.primary().answering.shut();
        run_sql("A");
      });
    });
  };
  EXPECT_THROW(shop.session.run(hangs), Unavailable) << "rolled back, so not in doubt";
  EXPECT_EQ(shop.registry->cluster("shop")->node(0).pool().stats().open(), 0U);
}

}  // namespace
}  // namespace grant
