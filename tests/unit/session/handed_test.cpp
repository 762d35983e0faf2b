// Contexts that are handed to queries as values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "grant/model/model.hpp"
#include "support/eventually.hpp"
#include "unit/session/session_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::eventually;
using test::Shop;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

RawSql read() { return sql("SELECT").on("shop").read(); }
RawSql write(const std::string& text = "WRITE") { return sql(text).on("shop"); }

std::string served(const Session& session) { return session.last_served()->summary(); }

TransactionSpec on_shop() {
  TransactionSpec spec;
  spec.database = "shop";
  return spec;
}

TEST(Handed, QueryRunsInTheSessionThatItWasHanded) {
  const Shop shop;
  const Session other(shop.registry);
  shop.session.run([&] { read().in(other).run(); });
  EXPECT_EQ(served(other), "shop/reader-1 (replica)");
  EXPECT_FALSE(shop.session.last_served());
}

TEST(Handed, SessionReadsItsOwnWritesOnWhicheverThread) {
  const Shop shop;
  std::thread([&] { write().in(shop.session).run(); }).join();
  std::thread([&] { read().in(shop.session).run(); }).join();
  EXPECT_EQ(served(shop.session), "shop/writer (sticky after a write)");
}

TEST(Handed, ContextHasTheChangesThatItWasMadeWith) {
  const Shop shop;
  const auto writing = shop.session.context().connected_to({.role = Role::writing});
  read().in(writing).run();
  EXPECT_EQ(served(shop.session), "shop/writer (writing role)");
  read().in(shop.session).run();
  EXPECT_EQ(served(shop.session), "shop/reader-1 (replica)") << "the session itself did not change";
  const auto guarded = writing.preventing_writes();
  EXPECT_EQ(error_of([&] { write().in(guarded).run(); }).code, Errc::read_only);
  EXPECT_THAT(shop.primary().statements(), ElementsAre("SELECT"));
}

TEST(Handed, ContextMayBeMadeTheThreads) {
  const Shop shop;
  const auto writing = shop.session.context().connected_to({.role = Role::writing});
  const Session around(shop.registry);
  around.run([&] {
    writing.run([] { read().run(); });
    read().run();
  });
  EXPECT_EQ(served(shop.session), "shop/writer (writing role)");
  EXPECT_EQ(served(around), "shop/reader-1 (replica)");
}

TEST(Handed, CurrentContextIsTheThreads) {
  const Shop shop;
  std::optional<Context> taken;
  shop.session.run(
      [&] { connected_to({.role = Role::writing}, [&] { taken = Context::current(); }); });
  std::thread([&] { read().in(*taken).run(); }).join();
  EXPECT_EQ(served(shop.session), "shop/writer (writing role)");
}

TEST(Handed, QueryNeverGoesBeyondWhatTheThreadIsIn) {
  const Shop shop;
  const auto error =
      error_of([&] { while_preventing_writes([&] { write().in(shop.session).run(); }); });
  EXPECT_EQ(error.code, Errc::read_only);
}

TEST(HandedTransaction, TakesWhatItIsHandedFromAnyThread) {
  const Shop shop;
  auto transaction = Transaction::begin(on_shop(), shop.session);
  write("ONE").in(transaction).run();
  std::thread([&] { write("TWO").in(transaction).run(); }).join();
  write("OUTSIDE").in(shop.session).run();
  transaction.commit();
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "ONE", "TWO", "OUTSIDE", "COMMIT"));
}

TEST(HandedTransaction, IsRolledBackWhenItIsNotCommitted) {
  const Shop shop;
  { const auto transaction = Transaction::begin(on_shop(), shop.session); }
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "ROLLBACK"));
}

TEST(HandedTransaction, MayBeRolledBackByHandAndMoved) {
  const Shop shop;
  auto first = Transaction::begin(on_shop(), shop.session);
  auto second = std::move(first);
  second.rollback();
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "ROLLBACK"));
}

TEST(HandedTransaction, OnceItHasEndedQueriesInItAreRefusedAndNotSent) {
  const Shop shop;
  std::optional<Context> inside;
  {
    auto transaction = Transaction::begin(on_shop(), shop.session);
    inside = transaction.context();
    transaction.commit();
    EXPECT_EQ(error_of([&] { transaction.commit(); }).code, Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { transaction.rollback(); }).code, Errc::invalid_argument);
    EXPECT_THAT(error_of([&] { write().in(transaction).run(); }).message, HasSubstr("has ended"));
  }
  const auto error = error_of([&] { write().in(*inside).run(); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("has ended"));
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "COMMIT"));
}

TEST(HandedTransaction, InsideAnotherOneIsASavepoint) {
  const Shop shop;
  auto outer = Transaction::begin(on_shop(), shop.session);
  {
    auto inner = Transaction::begin(on_shop(), outer);
    write("INNER").in(inner).run();
  }
  outer.commit();
  EXPECT_THAT(shop.primary().statements(),
              ElementsAre("BEGIN", "SAVEPOINT grant_1", "INNER", "ROLLBACK TO SAVEPOINT grant_1",
                          "RELEASE SAVEPOINT grant_1", "COMMIT"));
}

TEST(HandedTransaction, TakesOneStatementAtATime) {
  Shop shop;
  auto transaction = Transaction::begin(on_shop(), shop.session);
  shop.primary().answering.shut();
  std::thread slow([&] { write("SLOW").in(transaction).run(); });
  EXPECT_TRUE(eventually([&] { return shop.primary().answering.held() == 1; }));
  for (const auto& refused :
       {error_of([&] { write("SECOND").in(transaction).run(); }),
        error_of([&] { transaction.commit(); }), error_of([&] { transaction.rollback(); }),
        error_of([&] { static_cast<void>(Transaction::begin(on_shop(), transaction)); })}) {
    EXPECT_EQ(refused.code, Errc::invalid_argument);
    EXPECT_THAT(refused.message, HasSubstr("another statement is under way"));
  }
  shop.primary().answering.open();
  slow.join();
  transaction.commit();
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "SLOW", "COMMIT"));
  EXPECT_EQ(shop.primary().misuses(), 0U);
}

TEST(HandedTransaction, DestroyedDuringAStatementIsRolledBackAfterIt) {
  Shop shop;
  std::optional<Transaction> transaction = Transaction::begin(on_shop(), shop.session);
  const auto inside = transaction->context();
  shop.primary().answering.shut();
  std::thread slow([&] { write("SLOW").in(inside).run(); });
  EXPECT_TRUE(eventually([&] { return shop.primary().answering.held() == 1; }));
  transaction.reset();
  EXPECT_THAT(error_of([&] { write("LATER").in(inside).run(); }).message,
              HasSubstr("another statement is under way"));
  shop.primary().answering.open();
  slow.join();
  EXPECT_TRUE(eventually([&] {
    return shop.primary().statements() == std::vector<std::string>{"BEGIN", "SLOW", "ROLLBACK"};
  }));
  EXPECT_THAT(error_of([&] { write("LATER").in(inside).run(); }).message, HasSubstr("has ended"));
  EXPECT_EQ(shop.primary().misuses(), 0U);
}

TEST(HandedTransaction, IsGivenToTheFunctionThatRunsInIt) {
  const Shop shop;
  shop.session.run([] {
    transaction(on_shop(), [](Transaction& open) {
      std::thread([&] { write("ELSEWHERE").in(open).run(); }).join();
      write("HERE").run();
    });
  });
  EXPECT_THAT(shop.primary().statements(), ElementsAre("BEGIN", "ELSEWHERE", "HERE", "COMMIT"));
}

TEST(HandedTransaction, ThreadsOwnOneIsNotJoinedByWhatWasHandedAnotherContext) {
  const Shop shop;
  shop.session.run(
      [&] { transaction(on_shop(), [&] { write("OUTSIDE").in(shop.session).run(); }); });
  EXPECT_EQ(shop.primary().opened(), 3U) << "that of the probe, the transaction's, and one more";
}

struct Item : Model<Item> {
  std::int64_t id{};
  std::string name{};

  static constexpr auto table =
      grant::table<Item>("items", column<&Item::id>.primary_key(), column<&Item::name>);
  static constexpr auto connection = connects_to("shop");
};
constexpr auto item_name = field<&Item::name>;

TEST(HandedModel, FindsInTheContextThatItWasHanded) {
  const Shop shop;
  for (auto* const server : {&shop.primary(), &shop.replica()}) {
    server->on_statement([](const Statement&) {
      return test::rows({"id", "name"},
                        {{Value(ValueView::integer(1)), Value(ValueView::text("apple"))}});
    });
  }
  EXPECT_EQ(Item::in(shop.session).find(1).name, "apple");
  EXPECT_EQ(served(shop.session), "shop/reader-1 (replica)");
  auto item = Item::in(shop.session).create(item_name = "apple");
  EXPECT_FALSE(item.is_new());
  EXPECT_EQ(Item::where(field<&Item::name> == "apple").in(shop.session).all().size(), 1U);
  EXPECT_EQ(served(shop.session), "shop/writer (sticky after a write)");
}

TEST(HandedModel, WritesInTheTransactionThatItWasHanded) {
  const Shop shop;
  shop.primary().on_statement([](const Statement& statement) -> std::unique_ptr<Result> {
    if (!statement.sql.starts_with("INSERT")) return nullptr;
    return test::rows({"id", "name"},
                      {{Value(ValueView::integer(1)), Value(ValueView::text("apple"))}}, 1);
  });
  auto open = Transaction::begin(TransactionSpec::of(Item::connection), shop.session);
  auto item = Item::in(open).create(item_name = "apple");
  open.commit();
  const auto statements = shop.primary().statements();
  ASSERT_EQ(statements.size(), 3U);
  EXPECT_EQ(statements.front(), "BEGIN");
  EXPECT_EQ(statements.back(), "COMMIT");
}

}  // namespace
}  // namespace grant
