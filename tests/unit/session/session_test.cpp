#include "grant/session/session.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "unit/session/session_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::Shop;

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
