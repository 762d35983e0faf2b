#include "grant/session/transaction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "grant/model/model.hpp"
#include "support/eventually.hpp"
#include "support/nodes.hpp"
#include "unit/session/session_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::failing;
using test::Shop;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
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
  EXPECT_EQ(test::node_of(*shop.registry->cluster("shop"), 0).pool().stats().open(), 1U);
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
  const auto stats = test::node_of(*shop.registry->cluster("shop"), 0).pool().stats();
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
  EXPECT_EQ(test::node_of(*shop.registry->cluster("shop"), 0).pool().stats().open(), 0U);
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

TEST(Transaction, IsJoinedByQueriesThatWereMadeBefore) {
  const Shop shop;
  shop.session.run([] {
    const auto read = sql("SELECT").on("shop").read();
    const auto write = sql("WRITE").on("shop");
    transaction("shop", [&] {
      static_cast<void>(read.run());
      static_cast<void>(write.run());
    });
  });
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "SELECT", "WRITE", "COMMIT"));
  EXPECT_THAT(shop.replica().statements(), IsEmpty());
}

TEST(Transaction, IsNotJoinedByItsQueriesOnAnotherThread) {
  const Shop shop;
  shop.session.run([&] {
    transaction("shop", [&] {
      const auto read = sql("SELECT").on("shop").read();
      const auto write = sql("WRITE").on("shop");
      std::thread([&] {
        static_cast<void>(read.run());
        static_cast<void>(write.run());
        EXPECT_EQ(shop.session.last_served()->summary(), "shop/writer (write)");
      }).join();
      EXPECT_EQ(test::node_of(*shop.registry->cluster("shop"), 0).pool().stats().open(), 2U);
    });
  });
  EXPECT_THAT(shop.replica().statements(), ElementsAre("SELECT"));
  EXPECT_EQ(shop.primary().misuses(), 0U);
}

TEST(Transaction, PutsItsQueriesOnItsShardWhateverTheContextSays) {
  const Shop shop{Shop::Sharded()};
  auto spec = retrying(0);
  spec.shard = "eu";
  shop.session.run([&] {
    transaction(spec, [] { run_sql("A"); });
    connected_to({.shard = "us"}, [&] { transaction(spec, [] { run_sql("B"); }); });
  });
  EXPECT_THAT(shop.server("eu").statements(),
              ElementsAre("BEGIN", "A", "COMMIT", "BEGIN", "B", "COMMIT"));
  EXPECT_THAT(shop.server("us").statements(), IsEmpty());
}

TEST(Transaction, OfReadsInsideAnotherOnePreventsWrites) {
  const Shop shop;
  auto reads = retrying(0);
  reads.effect = Effect::read;
  shop.session.run([&] {
    transaction("shop", [&] {
      const auto made_before = sql("WRITE").on("shop");
      transaction(reads, [&] {
        EXPECT_THROW(run_sql("WRITE"), ReadOnlyError);
        EXPECT_THROW(static_cast<void>(made_before.run()), ReadOnlyError);
      });
      run_sql("A");
    });
  });
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "SAVEPOINT grant_1",
                                                       "RELEASE SAVEPOINT grant_1", "A", "COMMIT"));
}

TEST(Transaction, InsideAnotherOneHasNoIsolationOfItsOwn) {
  const Shop shop;
  auto isolated = retrying(0);
  isolated.isolation = Isolation::serializable;
  bool ran = false;
  shop.session.run([&] {
    transaction("shop", [&] {
      const auto error = error_of([&] { return transaction(isolated, [&] { ran = true; }), 0; });
      EXPECT_EQ(error.code, Errc::invalid_argument);
      EXPECT_THAT(error.message, HasSubstr("database \"shop\""));
      run_sql("A");
    });
  });
  EXPECT_FALSE(ran);
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "A", "COMMIT"));
}

struct Item : Model<Item> {
  static constexpr auto connection = connects_to("shop").failover_retry_attempts(1);
};

TEST(Transaction, GivesAReferenceToWhatItsFunctionRefersTo) {
  const Shop shop;
  int number = 7;
  const int& constant = number;
  shop.session.run([&] {
    EXPECT_EQ(&transaction("shop", [&]() -> int& { return number; }), &number);
    EXPECT_EQ(&transaction("shop", [&]() -> const int& { return constant; }), &number);
    EXPECT_EQ(&Item::transaction([&]() -> int& { return number; }), &number);
  });
}

TEST(Transaction, GivesAResultThatCanOnlyBeMoved) {
  const Shop shop;
  const auto made =
      shop.session.run([] { return transaction("shop", [] { return std::make_unique<int>(7); }); });
  EXPECT_EQ(*made, 7);
}

TEST(Transaction, OfAModelIsTriedAsOftenAsTheModelSays) {
  RoutingOptions routing;
  routing.failover_retry_attempts = 4;
  const Shop shop(1, routing);
  shop.primary().on_statement(failing("BEGIN", Errc::unavailable));
  bool ran = false;
  EXPECT_THROW(shop.session.run([&] { Item::transaction([&] { ran = true; }); }), Unavailable);
  EXPECT_FALSE(ran);
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "BEGIN"));
}

// -- What failures inside say of the node -----------------------------------------------------

std::size_t demotions(const Shop& shop) {
  const auto lines = shop.events.lines();
  return static_cast<std::size_t>(std::ranges::count_if(
      lines, [](const std::string& line) { return line.starts_with("node.demoted"); }));
}

TEST(TransactionFailures, ReadOnlyAnswerToAWriteDemotesTheNode) {
  const Shop shop;
  shop.primary().on_statement(failing("WRITE", Errc::read_only));
  shop.is("w", NodeKind::replica);
  auto& pool = test::node_of(*shop.registry->cluster("shop"), 0).pool();
  {
    const auto a = run(pool.acquire(test::blocking()));
    const auto b = run(pool.acquire(test::blocking()));
  }
  const auto writes = [] { transaction("shop", [] { run_sql("WRITE"); }); };
  EXPECT_THROW(shop.session.run(writes), Unavailable) << "nothing of it was stored";
  EXPECT_EQ(demotions(shop), 1U);
  EXPECT_EQ(pool.stats().open(), 0U);
  EXPECT_EQ(shop.registry->cluster("shop")->topology().table()->primary, std::nullopt);
}

TEST(TransactionFailures, ReadOnlyAnswerInATransactionOfReadsSaysNothingOfTheNode) {
  const Shop shop;
  auto reads = retrying(0);
  reads.effect = Effect::read;
  shop.replica().on_statement(failing("WRITE", Errc::read_only));
  const auto writes = [&] {
    transaction(reads, [] {
      // By another name, which the transaction's context is not for.
      connected_to({.database = "shop"}, [] { return sql("WRITE").on("alias").run(); });
    });
  };
  EXPECT_THROW(shop.session.run(writes), ReadOnlyError);
  EXPECT_EQ(demotions(shop), 0U);
  EXPECT_EQ(test::node_of(*shop.registry->cluster("shop"), 1).pool().stats().idle, 1U);
}

TEST(TransactionFailures, UnknownOutcomeOfTheCommitAsksForProbes) {
  const Shop shop;
  shop.primary().on_statement(failing("COMMIT", Errc::outcome_unknown));
  shop.is("w", NodeKind::replica, 200, 2);
  shop.is("r1", NodeKind::primary, 200, 2);
  const auto commits = [] { transaction("shop", [] { run_sql("WRITE"); }); };
  EXPECT_THROW(shop.session.run(commits), OutcomeUnknown);
  EXPECT_TRUE(test::eventually(
      [&] { return shop.registry->cluster("shop")->topology().table()->primary == 1U; }));
}

TEST(TransactionFailures, StatementThatWasLostIsNotInDoubt) {
  const Shop shop;
  shop.primary().on_statement(failing("WRITE", Errc::outcome_unknown));
  const auto error = error_of(
      [&] { return shop.session.run([] { transaction("shop", [] { run_sql("WRITE"); }); }), 0; });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("the transaction was not committed"));
  EXPECT_EQ(shop.read(), "shop/reader-1 (replica)") << "nothing was written";
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

TEST(TransactionConflicts, OfATransactionLostBeforeItsCommitAreRetriedAsWell) {
  for (const auto code : {Errc::unavailable, Errc::read_only}) {
    const Shop shop;
    shop.primary().on_statement(failing("WRITE", code, 1));
    int count = 0;
    shop.session.run([&] {
      transaction(retrying(2), [&] {
        ++count;
        run_sql("WRITE");
      });
    });
    EXPECT_EQ(count, 2);
  }
}

TEST(TransactionConflicts, UnavailableOfSomethingElseIsNotRetried) {
  const Shop shop;
  int count = 0;
  EXPECT_THROW(shop.session.run([&] {
    transaction(retrying(5), [&] {
      ++count;
      throw_error(Errc::unavailable, "another database");
    });
  }),
               Unavailable);
  EXPECT_EQ(count, 1);
}

TEST(TransactionConflicts, ArePausedForAndNotRetriedBeyondTheDeadline) {
  const Shop shop;
  int count = 0;
  const auto started = Clock::system().now();
  EXPECT_THROW(shop.session.run([&] {
    connected_to({.timeout = 60ms}, [&] {
      transaction(retrying(1'000), [&] {
        ++count;
        throw_error(Errc::conflict, "deadlock");
      });
    });
  }),
               Conflict);
  EXPECT_GT(count, 1);
  EXPECT_LT(count, 12) << "each pause is 5 ms at least";
  EXPECT_LT(Clock::system().now() - started, 10s);
}

// -- Ended by something inside ----------------------------------------------------------------

TEST(TransactionOver, StatementsThatFollowAreRefusedAndNotSent) {
  for (const std::string ending : {"COMMIT", "ROLLBACK", "CALL"}) {
    const Shop shop;
    int runs = 0;
    const auto error = error_of([&] {
      shop.session.run([&] {
        transaction(retrying(3), [&] {
          ++runs;
          run_sql("A");
          run_sql(ending);
          for (int i = 0; i < 2; ++i) {
            EXPECT_EQ(error_of([&] { return shop.read(), 0; }).code,
                      ending == "CALL" ? Errc::outcome_unknown : Errc::invalid_argument);
          }
          EXPECT_THROW(transaction("shop", [] {}), Error) << "no savepoint either";
        });
      });
      return 0;
    });
    EXPECT_EQ(error.code, ending == "CALL" ? Errc::outcome_unknown : Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr(ending + " ...) has ended the transaction"));
    EXPECT_THAT(error.message, HasSubstr(ending == "COMMIT"     ? "is stored"
                                         : ending == "ROLLBACK" ? "is not stored"
                                                                : "is not known"));
    EXPECT_EQ(runs, 1);
    EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "A", ending));
  }
}

TEST(TransactionOver, InsideAnInnerOneIsOverForAll) {
  const Shop shop;
  shop.session.run([&] {
    EXPECT_THROW(transaction("shop",
                             [&] {
                               EXPECT_THROW(transaction("shop", [&] { run_sql("COMMIT"); }), Error);
                               EXPECT_THROW(run_sql("B"), Error);
                             }),
                 Error);
  });
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "SAVEPOINT grant_1", "COMMIT"));
}

TEST(TransactionOver, WhatWasCommittedIsSeenByItsSession) {
  const Shop shop;
  const auto commits = [] {
    transaction("shop", [] {
      run_sql("WRITE");
      run_sql("COMMIT");
    });
  };
  EXPECT_THROW(shop.session.run(commits), Error);
  EXPECT_EQ(shop.read(), "shop/writer (sticky after a write)");
}

// -- Guarded reads ----------------------------------------------------------------------------

TEST(TransactionGuard, UnmarkedSqlIsToldToBeMarked) {
  const Shop shop;
  const auto error = error_of([&] {
    shop.session.run([] { while_preventing_writes([] { run_sql("SELECT"); }); });
    return 0;
  });
  EXPECT_EQ(error.code, Errc::read_only);
  EXPECT_THAT(error.message, HasSubstr(".read()"));
  EXPECT_THAT(shop.primary().statements(), IsEmpty());
}

TEST(TransactionGuard, OnlyReadsInTheCallersOwnWordsAreGuarded) {
  const Shop shop;
  std::vector<std::string> guarded;
  const auto note = [&](const Statement& statement) -> std::unique_ptr<Result> {
    if (statement.guarded) guarded.emplace_back(statement.sql);
    return nullptr;
  };
  shop.primary().on_statement(note);
  shop.replica().on_statement(note);
  shop.session.run([] {
    static_cast<void>(sql("R").on("shop").read().run());
    run_sql("W");
    transaction("shop", [] {
      static_cast<void>(sql("T").on("shop").read().run());
      transaction("shop", [] {});
    });
  });
  EXPECT_THAT(guarded, ElementsAre("R", "T"));
}

TEST(TransactionFailures, ReadOnlyAnswerToAGuardedReadSaysNothingOfTheNode) {
  const Shop shop;
  shop.primary().on_statement(failing("SELECT", Errc::read_only));
  const auto reads = [&] {
    transaction("shop", [] { return sql("SELECT").on("shop").read().run(); });
  };
  EXPECT_THROW(shop.session.run(reads), ReadOnlyError);
  EXPECT_EQ(demotions(shop), 0U);
}

TEST(TransactionFailures, OfASavepointIsReported) {
  const Shop shop;
  shop.primary().on_statement(failing("SAVEPOINT grant_1", Errc::unavailable));
  auto& pool = test::node_of(*shop.registry->cluster("shop"), 0).pool();
  {
    const auto a = run(pool.acquire(test::blocking()));
    const auto b = run(pool.acquire(test::blocking()));
  }
  const auto nests = [] { transaction("shop", [] { transaction("shop", [] {}); }); };
  EXPECT_THROW(shop.session.run(nests), Unavailable);
  EXPECT_EQ(pool.stats().open(), 0U) << "idle ones are as dead";
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

TEST(TransactionBegin, TellsWhoServedIt) {
  const Shop shop;
  shop.session.run(
      [&] { transaction("shop", [&] { EXPECT_EQ(last_served()->node, "shop/writer"); }); });
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
  EXPECT_EQ(test::node_of(*shop.registry->cluster("shop"), 0).pool().stats().open(), 0U);
}

TEST(Transaction, ForReadingDoesNotWaitForTheOneWriter) {
  Shop shop;
  shop.driver.share(Sharing::one_writer);
  auto small = test::spec("w");
  small.pool.checkout_timeout = 5ms;
  shop.start(small, {});
  auto& node = test::node_of(*shop.registry->cluster("shop"), 0);
  const auto writer = run(node.pool(Effect::write).acquire(test::blocking()));
  TransactionSpec reading;
  reading.database = "shop";
  reading.effect = Effect::read;
  EXPECT_TRUE(shop.session.run([&] { return transaction(reading, [] { return true; }); }));
  EXPECT_THROW(shop.session.run([] { transaction("shop", [] {}); }), PoolTimeout);
}

}  // namespace
}  // namespace grant
