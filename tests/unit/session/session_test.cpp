#include "grant/session/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "grant/session/execution.hpp"
#include "session/session_state.hpp"
#include "unit/session/session_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::Shop;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kReplica = "shop/reader-1 (replica)";
constexpr auto kSticky = "shop/writer (sticky after a write)";

RoutingOptions sticky_for(std::chrono::milliseconds period) {
  RoutingOptions routing;
  routing.sticky_period = period;
  return routing;
}

TEST(Session, ReadsItsOwnWritesForTheStickyPeriod) {
  Shop shop(1, sticky_for(2s));
  EXPECT_EQ(shop.read(), kReplica);
  EXPECT_EQ(shop.write(), "shop/writer (write)");
  EXPECT_EQ(shop.read(), kSticky);
  shop.clock.advance(2s - 1ns);
  EXPECT_EQ(shop.read(), kSticky);
  shop.clock.advance(1ns);
  EXPECT_EQ(shop.read(), kReplica);
}

TEST(Session, StickyPeriodIsTheDatabases) {
  Shop shop(1, sticky_for(30s));
  shop.write();
  shop.clock.advance(29s);
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(Session, StickyPeriodOfZeroSticksToNothing) {
  const Shop shop(1, sticky_for(0s));
  shop.write();
  EXPECT_EQ(shop.read(), kReplica);
}

TEST(Session, KnowsNothingOfOthersWrites) {
  const Shop shop;
  const Session other(shop.registry);
  shop.write();
  EXPECT_EQ(Shop::read_in(other), kReplica);
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(Session, CopiesAreTheSameSession) {
  const Shop shop;
  const auto copy = shop.session;
  shop.write();
  EXPECT_EQ(Shop::read_in(copy), kSticky);
  EXPECT_EQ(shop.session.last_served()->summary(), kSticky);
}

TEST(Session, CurrentIsTheOneThatRuns) {
  const Shop shop;
  shop.session.run([] { Session::current().stick_to_primary("shop", 10s); });
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(Session, InnerSessionDoesNotTouchTheOuterOne) {
  const Shop shop;
  const Session inner(shop.registry);
  shop.session.run([&] { inner.run([] { return sql("WRITE").on("shop").run(); }); });
  EXPECT_EQ(shop.read(), kReplica);
  EXPECT_EQ(Shop::read_in(inner), kSticky);
}

TEST(Session, ThreadsOutsideOfAnySessionHaveTheirOwn) {
  Shop shop;
  auto databases = test::spec("w", {"r1"});
  establish_connections({{"shop", databases}}, shop.options());
  registry().check_health_now();
  static_cast<void>(sql("WRITE").on("shop").run());
  static_cast<void>(sql("SELECT").on("shop").read().run());
  EXPECT_EQ(last_served()->summary(), kSticky);
  std::thread([] {
    EXPECT_EQ(last_served(), std::nullopt);
    static_cast<void>(sql("SELECT").on("shop").read().run());
    EXPECT_EQ(last_served()->summary(), kReplica);
  }).join();
  close_connections();
}

TEST(Session, QueryMadeOutsideOfAnyIsOfTheThreadThatMadeIt) {
  // As it is for one made inside of one: a query takes along whose it is.
  const detail::Scope made = detail::Scope::here();
  std::thread([&] {
    EXPECT_NE(&detail::session_of(*made.context), &detail::session_of(*detail::current_context()));
  }).join();
  EXPECT_EQ(&detail::session_of(*made.context), &detail::session_of(*detail::current_context()));
}

// -- Databases that are set up anew -----------------------------------------------------------

/// What establish_connections() sets up, on these servers.
struct Global : test::Servers {
  explicit Global(const std::string& host) { set_up(host); }
  ~Global() { close_connections(); }
  Global(const Global&) = delete;
  Global& operator=(const Global&) = delete;

  void set_up(const std::string& host) {
    is(host, NodeKind::primary);
    establish_connections({{"shop", test::spec(host)}});
    registry().check_health_now();
  }
  static void write() { sql("WRITE").on("shop").run(); }
};

TEST(Session, KeepsNoClusterThatWasClosed) {
  Global shop("w");
  const Session session;
  session.run([] { Global::write(); });
  const std::weak_ptr<Cluster> cluster = registry().cluster("shop");
  close_connections();
  EXPECT_TRUE(cluster.expired());
  EXPECT_EQ(session.last_served()->node, "shop/writer");
}

TEST(Reload, WhatBeganInATransactionEndsInIt) {
  Global shop("w");
  EXPECT_THROW(transaction("shop",
                           [&] {
                             Global::write();
                             shop.set_up("w2");
                             Global::write();
                             transaction("shop", [] { Global::write(); });
                             throw std::runtime_error("changed my mind");
                           }),
               std::runtime_error);
  EXPECT_THAT(shop.driver.server("w").statements(),
              ElementsAre("BEGIN", "WRITE", "WRITE", "SAVEPOINT grant_1", "WRITE",
                          "RELEASE SAVEPOINT grant_1", "ROLLBACK"));
  EXPECT_THAT(shop.driver.server("w2").statements(), IsEmpty());
  Global::write();
  EXPECT_THAT(shop.driver.server("w2").statements(), ElementsAre("WRITE"));
}

TEST(Reload, TransactionOfADatabaseThatIsGoneGoesOn) {
  Global shop("w");
  transaction("shop", [&] {
    Global::write();
    close_connections();
    Global::write();
  });
  EXPECT_THAT(shop.driver.server("w").statements(),
              ElementsAre("BEGIN", "WRITE", "WRITE", "COMMIT"));
  EXPECT_EQ(error_of([] { Global::write(); }).code, Errc::configuration);
}

TEST(Reload, WaitsForOtherThreadsOnly) {
  Global shop("w");
  const auto before = std::chrono::steady_clock::now();
  transaction("shop", [&] { shop.set_up("w2"); });
  EXPECT_LT(std::chrono::steady_clock::now() - before, 4s) << "5 s is the longest that it waits";
}

TEST(Reload, RecordsFindHomeInTheNewOnes) {
  Global shop("w");
  const auto& home = registry().cluster("shop")->origin();
  shop.set_up("w2");
  EXPECT_EQ(&registry().cluster("shop")->origin(), &home);
}

TEST(Origin, RegistriesMadeByHandKeepTheirRecordsApart) {
  const Shop a;
  const Shop b;
  const auto& home = a.registry->cluster("shop")->origin();
  EXPECT_NE(&b.registry->cluster("shop")->origin(), &home);
  const auto write_in = [&home](const Session& session) {
    session.run([&] {
      detail::Access access;
      access.scope = detail::Scope::here();
      access.home = &home;
      Statement statement;
      statement.sql = "WRITE";
      detail::execute(access, statement);
    });
  };
  write_in(a.session);
  const auto error = error_of([&] { write_in(b.session); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("another registry"));
  EXPECT_THAT(b.primary().statements(), IsEmpty());
}

TEST(Session, SticksPerShard) {
  const Shop shop{Shop::Sharded()};
  const auto read_from = [&](const std::string& shard) {
    return shop.session.run(
        [&] { return connected_to({.shard = shard}, [&] { return shop.read(); }); });
  };
  // Reading inside: the session is the same one.
  shop.session.run([&] { connected_to({.shard = "eu"}, [&] { shop.write(); }); });
  EXPECT_EQ(read_from("eu"), "shop@eu/writer (sticky after a write)");
  EXPECT_EQ(read_from("us"), "shop@us/reader-1 (replica)");
}

TEST(Session, StickToPrimaryHoldsOnAllShards) {
  Shop shop{Shop::Sharded()};
  shop.session.stick_to_primary("shop", 10s);
  for (const std::string shard : {"eu", "us"}) {
    connected_to({.shard = shard}, [&] {
      EXPECT_EQ(shop.read(), "shop@" + shard + "/writer (sticky after a write)");
    });
  }
  shop.clock.advance(10s);
  connected_to({.shard = "eu"}, [&] { EXPECT_EQ(shop.read(), "shop@eu/reader-1 (replica)"); });
}

TEST(Session, WriteDoesNotShortenALongerStickToPrimary) {
  Shop shop(1, sticky_for(2s));
  shop.session.stick_to_primary("shop", 10s);
  shop.write();
  shop.clock.advance(5s);
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(Session, ShorterStickToPrimaryDoesNotShortenALongerOne) {
  Shop shop(1, sticky_for(2s));
  shop.session.stick_to_primary("shop", 10s);
  shop.session.stick_to_primary("shop", 1s);
  shop.clock.advance(5s);
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(Session, StickToPrimaryRefusesADatabaseThatIsNotThere) {
  const Shop shop;
  EXPECT_EQ(error_of([&] { return shop.session.stick_to_primary("shpo", 1s), 0; }).code,
            Errc::invalid_argument);
}

TEST(Session, LastServedIsEmptyAtFirst) {
  const Shop shop;
  EXPECT_EQ(Session(shop.registry).last_served(), std::nullopt);
}

// -- Stickiness and transactions --------------------------------------------------------------

TEST(SessionTransactions, StickFromTheCommitOnNotFromTheWrite) {
  Shop shop(1, sticky_for(2s));
  shop.session.run([&] {
    transaction("shop", [&] {
      static_cast<void>(sql("WRITE").on("shop").run());
      shop.clock.advance(1h);
      // There is nothing to see yet for the session's queries outside of the transaction.
      std::thread([&] { EXPECT_EQ(shop.read(), kReplica); }).join();
    });
  });
  shop.clock.advance(1900ms);
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(SessionTransactions, StickToNothingAfterARollback) {
  const Shop shop;
  const auto fails = [&] {
    transaction("shop", [] {
      static_cast<void>(sql("WRITE").on("shop").run());
      throw std::runtime_error("no");
    });
  };
  EXPECT_THROW(shop.session.run(fails), std::runtime_error);
  EXPECT_EQ(shop.read(), kReplica);
}

TEST(SessionTransactions, StickToNothingWithoutAWrite) {
  const Shop shop;
  shop.session.run(
      [] { transaction("shop", [] { return sql("SELECT").on("shop").read().run(); }); });
  EXPECT_EQ(shop.read(), kReplica);
}

TEST(SessionTransactions, StickAfterAWriteInANestedOne) {
  const Shop shop;
  shop.session.run([] {
    transaction("shop", [] { transaction("shop", [] { return sql("WRITE").on("shop").run(); }); });
  });
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(SessionTransactions, StickWhenTheOutcomeOfTheCommitIsUnknown) {
  const Shop shop;
  shop.primary().on_statement(test::failing("COMMIT", Errc::outcome_unknown));
  const auto commits = [] { transaction("shop", [] { return sql("WRITE").on("shop").run(); }); };
  EXPECT_THROW(shop.session.run(commits), OutcomeUnknown);
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(Session, SticksWhenTheOutcomeOfAWriteIsUnknown) {
  const Shop shop;
  shop.primary().on_statement(test::failing("WRITE", Errc::outcome_unknown));
  EXPECT_THROW(shop.write(), OutcomeUnknown);
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(Session, SticksWhenAWriteHasFailedOnTheServerWhichMayHaveLeftRows) {
  const Shop shop;
  shop.primary().on_statement(test::failing("WRITE", Errc::constraint));
  EXPECT_THROW(shop.write(), ConstraintViolation);
  EXPECT_EQ(shop.read(), kSticky);
}

TEST(Session, SticksToNothingWhenAWriteWasCertainlyNotExecuted) {
  for (const auto code : {Errc::unavailable, Errc::read_only}) {
    const Shop shop;
    shop.primary().on_statement(test::failing("WRITE", code));
    EXPECT_THROW(shop.write(), Error);
    EXPECT_EQ(shop.read(), kReplica);
  }
}

TEST(SessionTransactions, StickAfterAWriteInsideThatFailed) {
  const Shop shop;
  shop.primary().on_statement(test::failing("WRITE", Errc::constraint));
  shop.session.run([] {
    transaction("shop", [] {
      EXPECT_THROW(static_cast<void>(sql("WRITE").on("shop").run()), ConstraintViolation);
    });
  });
  EXPECT_EQ(shop.read(), kSticky);
}

}  // namespace
}  // namespace grant
