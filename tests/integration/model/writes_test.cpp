// What becomes of a record's write, on each engine: which columns are written, what comes back, and
// what is told when the database did something else.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "grant/grant.hpp"
#include "support/engines.hpp"
#include "support/error_of.hpp"

namespace grant::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Order : Model<Order> {
  std::int64_t id{};
  std::int64_t customer_id{};
  Decimal total{};
  Timestamp placed_at{};
  std::string note{};
  std::int32_t doubled{};

  static constexpr auto table = grant::table<Order>(
      "orders", column<&Order::id>.primary_key(), column<&Order::customer_id>,
      column<&Order::total>, column<&Order::placed_at>.database_default(),
      column<&Order::note>.database_default(), column<&Order::doubled>.generated());
};
constexpr auto customer_id = field<&Order::customer_id>;
constexpr auto total = field<&Order::total>;
constexpr auto note = field<&Order::note>;

/// Mapped by a column that is not unique.
struct Item : Model<Item> {
  std::int64_t order_id{};
  std::int64_t line{};
  std::int32_t quantity{};

  static constexpr auto table =
      grant::table<Item>("order_items", column<&Item::order_id>.primary_key(), column<&Item::line>,
                         column<&Item::quantity>);
};
constexpr auto quantity = field<&Item::quantity>;
constexpr auto line = field<&Item::line>;

struct Dropped : Model<Dropped> {
  std::int64_t id{};
  std::int32_t amount{};

  static constexpr auto table = grant::table<Dropped>("dropped", column<&Dropped::id>.primary_key(),
                                                      column<&Dropped::amount>);
};
constexpr auto amount = field<&Dropped::amount>;

/// The same table, with what the database makes of `amount`.
struct Unreadable : Model<Unreadable> {
  std::int64_t id{};
  std::int32_t amount{};

  static constexpr auto table = grant::table<Unreadable>(
      "dropped", column<&Unreadable::id>.primary_key(), column<&Unreadable::amount>.generated());
};

/// Text that the columns keep as something else.
struct Typed : Model<Typed> {
  std::int64_t id{};
  std::string mood{};
  std::string address{};
  std::string span{};
  std::string identity{};
  std::string name{};
  Json document = Json::from_text("{}");
  double exact{};
  std::optional<std::string> maybe{};

  static constexpr auto table = grant::table<Typed>(
      "typed", column<&Typed::id>.primary_key(), column<&Typed::mood>, column<&Typed::address>,
      column<&Typed::span>, column<&Typed::identity>, column<&Typed::name>,
      column<&Typed::document>, column<&Typed::exact>, column<&Typed::maybe>);
};

struct Loose : Model<Loose> {
  std::int64_t id{};
  Decimal price{};
  double ratio{};
  std::int64_t whole{};
  Timestamp at{};
  bool truth{};

  static constexpr auto table = grant::table<Loose>(
      "loose", column<&Loose::id>.primary_key(), column<&Loose::price>, column<&Loose::ratio>,
      column<&Loose::whole>, column<&Loose::at>, column<&Loose::truth>);
};

class Writes : public ::testing::TestWithParam<Adapter> {
 protected:
  Writes() {
    establish_connections({{"primary", {.url = url_on(GetParam(), directory_)}}});
    drop();
  }
  ~Writes() override {
    drop();
    close_connections();
  }

  static void drop() {
    for (const auto* const table :
         {"orders", "order_items", "dropped_too", "dropped", "typed", "loose"}) {
      run(fmt::format("DROP TABLE IF EXISTS {}", table));
    }
  }

  static void run(const std::string& text) { sql(text).run(); }
  static std::int64_t number(const std::string& text) {
    return sql(text).run()[0].get<std::int64_t>(0);
  }
  static bool is(Adapter adapter) { return GetParam() == adapter; }

  static void make_orders() {
    switch (GetParam()) {
      case Adapter::postgres:
        return run(
            "CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id bigint NOT NULL, "
            "total numeric(12,2), placed_at timestamptz NOT NULL DEFAULT now(), "
            "note text NOT NULL DEFAULT 'none', "
            "doubled int GENERATED ALWAYS AS (customer_id * 2) STORED)");
      case Adapter::mariadb:
        return run(
            "CREATE TABLE orders (id bigint AUTO_INCREMENT PRIMARY KEY, customer_id bigint NOT "
            "NULL, "
            "total decimal(12,2), placed_at datetime(6) NOT NULL DEFAULT now(6), "
            "note text NOT NULL DEFAULT 'none', "
            "doubled int GENERATED ALWAYS AS (customer_id * 2) STORED)");
      case Adapter::sqlite:
        return run(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id bigint NOT NULL, "
            "total DECIMAL TEXT, placed_at TIMESTAMP NOT NULL DEFAULT '2026-01-02 03:04:05', "
            "note text NOT NULL DEFAULT 'none', "
            "doubled int GENERATED ALWAYS AS (customer_id * 2) STORED)");
    }
  }

  /// A table whose triggers let no row in, change or go. MariaDB's cannot do that without an error.
  static void make_dropped() {
    Dropped::create_table();
    Dropped::create(amount = 1);
    if (is(Adapter::postgres)) {
      run("CREATE OR REPLACE FUNCTION drop_row() RETURNS trigger LANGUAGE plpgsql AS "
          "'BEGIN RETURN NULL; END'");
      run("CREATE TRIGGER d BEFORE INSERT OR UPDATE OR DELETE ON dropped FOR EACH ROW "
          "EXECUTE FUNCTION drop_row()");
      return;
    }
    for (const auto* const what : {"INSERT", "UPDATE", "DELETE"}) {
      run(fmt::format("CREATE TRIGGER d{} BEFORE {} ON dropped BEGIN SELECT RAISE(IGNORE); END",
                      what, what));
    }
  }

 private:
  TemporaryDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Engines, Writes, ::testing::ValuesIn(built_engines()),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

// -- Which columns are written ----------------------------------------------------------------

TEST_P(Writes, CreateLeavesWhatWasNotSetToTheDatabase) {
  make_orders();
  const auto order = Order::create(customer_id = 21, total = Decimal("5"));
  EXPECT_EQ(order.note, "none");
  EXPECT_NE(order.placed_at, Timestamp{});
  EXPECT_EQ(order.doubled, 42);
  EXPECT_EQ(Order::create(customer_id = 1, total = Decimal("0"), note = "").note, "")
      << "what is set is set";
}

TEST_P(Writes, RecordLeavesOutUntouchedDefaultsAndGeneratedColumns) {
  make_orders();
  Order order;
  order.customer_id = 2;
  order.doubled = 99;
  EXPECT_EQ(Order::create(order).note, "none");
  EXPECT_EQ(Order::create(order).doubled, 4);
  order.note = "mine";
  EXPECT_EQ(Order::create(order).note, "mine");
  order.save();
  EXPECT_NE(order.placed_at, Timestamp{});
  order.customer_id = 5;
  order.save();
  order.reload();
  EXPECT_EQ(order.doubled, 10);
}

TEST_P(Writes, ManyRecordsMayDifferInWhatTheyLeaveOut) {
  make_orders();
  std::vector<Order> orders(5);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    orders[i].customer_id = static_cast<std::int64_t>(i);
    if (i % 2 == 1) orders[i].note = "mine";
  }
  const auto made = Order::create_all(orders);
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(made[i].customer_id, static_cast<std::int64_t>(i));
    EXPECT_EQ(made[i].note, i % 2 == 1 ? "mine" : "none");
    EXPECT_EQ(made[i].doubled, 2 * static_cast<std::int32_t>(i));
  }
  Order::insert_all(orders);
  EXPECT_EQ(Order::where(note == "none").count(), 6U);
}

// -- What comes back --------------------------------------------------------------------------

TEST_P(Writes, WhatTheDatabaseRoundsOrMakesComesBack) {
  make_orders();
  const bool rounds = !is(Adapter::sqlite);
  auto order = Order::create(customer_id = 3, total = Decimal("1.999"));
  EXPECT_EQ(order.total, Decimal(rounds ? "2.00" : "1.999"));
  order.update(total = Decimal("3.999"), customer_id = 4);
  if (is(Adapter::mariadb)) {
    EXPECT_EQ(order.total, Decimal("3.999")) << "its UPDATE gives nothing back";
    order.reload();
  }
  EXPECT_EQ(order.total, Decimal(rounds ? "4.00" : "3.999"));
  EXPECT_EQ(order.doubled, 8);
}

TEST_P(Writes, ValueThatCannotBeReadBackIsToldAsWritten) {
  run(is(Adapter::postgres)
          ? "CREATE TABLE dropped (id bigserial PRIMARY KEY, amount text DEFAULT 'much')"
      : is(Adapter::mariadb)
          ? "CREATE TABLE dropped (id bigint AUTO_INCREMENT PRIMARY KEY, "
            "amount text DEFAULT 'much')"
          : "CREATE TABLE dropped (id INTEGER PRIMARY KEY, amount text DEFAULT 'much')");
  constexpr auto id = field<&Dropped::id>;
  const auto error = error_of([&] { Dropped::create(id = 7); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, AllOf(HasSubstr("amount"), HasSubstr("the row was written")));
  EXPECT_EQ(number("SELECT count(*) FROM dropped"), 1);
  EXPECT_THROW(Unreadable::create_all(std::vector<Unreadable>(2)), Error);
  EXPECT_EQ(number("SELECT count(*) FROM dropped"), 1) << "many come in together or not at all";
}

// -- More than the one ------------------------------------------------------------------------

TEST_P(Writes, ErrorAboutAValueNamesItsColumn) {
  make_orders();
  const std::string bad = "secret\xff";
  auto order = Order::create(customer_id = 1, total = 5, note = "a");
  const std::pair<const char*, std::function<void()>> calls[] = {
      {"create", [&] { Order::create(customer_id = 1, total = 5, note = bad); }},
      {"update", [&] { order.update(customer_id = 2, note = bad); }},
      {"save",
       [&] {
         auto copy = order;
         copy.note = bad;
         copy.save();
       }},
      {"insert_all",
       [&] {
         std::vector<Order> drafts(2);
         drafts[1].note = bad;
         Order::insert_all(std::move(drafts));
       }},
      {"update_all", [&] { Order::where(customer_id == 1).update_all(note = bad); }},
      {"where", [&] { std::ignore = Order::where(customer_id == 1 && note == bad).count(); }},
      {"in",
       [&] {
         Order::where(note.in({std::string("a"), bad})).delete_all();
       }},
  };
  for (const auto& [what, call] : calls) {
    const auto error = error_of(call);
    EXPECT_EQ(error.code, Errc::invalid_argument) << what;
    EXPECT_THAT(error.message, AllOf(HasSubstr("column orders.note: "), HasSubstr("parameter $")))
        << what;
    EXPECT_THAT(error.message, Not(HasSubstr("secret"))) << what;
  }
  EXPECT_EQ(Order::where(note == "a").count(), 1) << "as it was";
}

TEST_P(Writes, RecordWhoseKeyIsNotAloneChangesNothing) {
  run("CREATE TABLE order_items (order_id bigint, line bigint, quantity int, "
      "PRIMARY KEY (order_id, line))");
  for (int i = 1; i <= 4; ++i) run(fmt::format("INSERT INTO order_items VALUES (1, {}, 1)", i));
  auto items = Item::order(line).all();
  ASSERT_EQ(items.size(), 4U);
  const auto unchanged = [] {
    EXPECT_EQ(number("SELECT count(*) FROM order_items WHERE quantity = 1"), 4);
  };
  const std::vector<std::function<void()>> tries{
      [&] { items[0].update(quantity = 7); }, [&] { items[0].save(); }, [&] { items[1].destroy(); },
      [&] { items[2].reload(); }, [] { static_cast<void>(Item::find(1)); }};
  for (const auto& attempt : tries) {
    items[0].quantity = 7;
    const auto error = error_of(attempt);
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, AllOf(HasSubstr("order_items"), HasSubstr("order_id")));
    unchanged();
  }
  // Where it happens to be alone, it may be written.
  run("DELETE FROM order_items WHERE line > 1");
  items[0].update(quantity = 9);
  EXPECT_EQ(number("SELECT quantity FROM order_items"), 9);
  // And once a rule keeps it alone.
  run("CREATE UNIQUE INDEX alone ON order_items (order_id)");
  items[0].update(quantity = 10);
  items[0].destroy();
  EXPECT_EQ(number("SELECT count(*) FROM order_items"), 0);
}

TEST_P(Writes, UpdateWithTheSameValuesIsNotTakenForARowThatIsGone) {
  Dropped::create_table();
  auto record = Dropped::create(amount = 5);
  record.update(amount = 5);
  record.save();
  record.destroy();
  EXPECT_EQ(error_of([&] {
              auto copy = record;
              copy.reload();
            }).code,
            Errc::not_found);
}

// -- No row -----------------------------------------------------------------------------------

TEST_P(Writes, RowThatATriggerDropsIsTold) {
  if (is(Adapter::mariadb)) return;  // its triggers drop no row without an error
  make_dropped();
  auto there = *Dropped::first();
  const std::vector<std::function<void()>> tries{
      [] { Dropped::create(amount = 2); },
      [] { Dropped::create(Dropped{}); },
      [] { Dropped::create_all(std::vector<Dropped>(3)); },
      [] { Dropped::insert_all(std::vector<Dropped>(3)); },
      [] { Dropped::insert_all(std::vector<Dropped>(1)); },
      [&] { there.update(amount = 3); },
      [&] { there.save(); },
      [&] { there.destroy(); }};
  for (const auto& attempt : tries) {
    const auto error = error_of(attempt);
    EXPECT_EQ(error.code, Errc::invalid_record) << error.message;
    EXPECT_THAT(error.message, HasSubstr("trigger"));
  }
  EXPECT_EQ(Dropped::where(amount == 1).count(), 1U);
  EXPECT_EQ(Dropped::query().count(), 1U);
}

TEST_P(Writes, SomeRowsThatATriggerDropsLeaveNone) {
  if (!is(Adapter::postgres)) return;
  Dropped::create_table();
  run("CREATE OR REPLACE FUNCTION drop_odd() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN IF NEW.amount % 2 = 1 THEN RETURN NULL; END IF; RETURN NEW; END'");
  run("CREATE TRIGGER d BEFORE INSERT ON dropped FOR EACH ROW EXECUTE FUNCTION drop_odd()");
  std::vector<Dropped> some(4);
  for (std::size_t i = 0; i < some.size(); ++i) some[i].amount = static_cast<std::int32_t>(i);
  EXPECT_EQ(error_of([&] { Dropped::insert_all(some); }).code, Errc::invalid_record);
  EXPECT_EQ(error_of([&] { Dropped::create_all(some); }).code, Errc::invalid_record);
  EXPECT_EQ(Dropped::query().count(), 0U);
}

TEST_P(Writes, RowsThatAConflictKeepsOutAreNoFailureWhereThatIsWanted) {
  Dropped::create_table();
  std::vector<Dropped> some(3);
  for (std::size_t i = 0; i < some.size(); ++i) some[i].id = static_cast<std::int64_t>(i + 1);
  Dropped::insert_all(some);
  Dropped::insert_all(some, OnConflict::ignore);
  EXPECT_EQ(Dropped::query().count(), 3U);
  EXPECT_EQ(error_of([&] { Dropped::insert_all(some); }).code, Errc::constraint);
}

TEST_P(Writes, StatementWhoseRowsAreNotTheModelsIsToldAsExecuted) {
  Dropped::create_table();
  Dropped::create(amount = 1);
  const std::string change = is(Adapter::mariadb)
                                 ? "INSERT INTO dropped (amount) VALUES (2) RETURNING id AS other"
                                 : "UPDATE dropped SET amount = 2 RETURNING id AS other";
  const auto error = error_of([&] { static_cast<void>(Dropped::find_by_sql(sql(change))); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("the statement was executed"));
  EXPECT_EQ(Dropped::where(amount == 2).count(), 1);
}

TEST_P(Writes, KeyThatOnlySomeRowsOrTheCommitKeepApartIsNotAlone) {
  if (!is(Adapter::postgres)) return;
  run("CREATE TABLE dropped (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED, amount int)");
  transaction("primary", [] {
    run("INSERT INTO dropped VALUES (1, 1), (1, 2)");
    EXPECT_THAT(error_of([] { Dropped::all()[0].update(amount = 3); }).message,
                HasSubstr("2 rows have the key id"));
    run("DELETE FROM dropped");
  });
  run("DROP TABLE dropped");
  run("CREATE TABLE dropped (id bigint PRIMARY KEY, amount int)");
  run("CREATE TABLE dropped_too () INHERITS (dropped)");
  run("INSERT INTO dropped VALUES (1, 1)");
  run("INSERT INTO dropped_too VALUES (1, 2)");
  EXPECT_THAT(error_of([] { Dropped::all()[0].destroy(); }).message,
              HasSubstr("2 rows have the key id"));
  EXPECT_EQ(Dropped::count(), 2);
}

TEST_P(Writes, NumberOfADeletedRowIsNotGivenOutAgain) {
  Dropped::create_table();
  auto first = Dropped::create(amount = 1);
  auto stale = first;
  first.destroy();
  const auto next = Dropped::create(amount = 2);
  EXPECT_NE(next.id, stale.id);
  EXPECT_EQ(error_of([&] { stale.update(amount = 3); }).code, Errc::not_found);
  EXPECT_EQ(Dropped::find(next.id).amount, 2);
}

// -- Many at once -----------------------------------------------------------------------------

TEST_P(Writes, ManyGoWhereOneWouldWhateverTheColumnsType) {
  if (!is(Adapter::postgres)) return;  // the others bind each value by itself
  run("DROP TYPE IF EXISTS mood");
  run("CREATE TYPE mood AS ENUM ('sad', 'happy')");
  run("CREATE TABLE typed (id bigserial PRIMARY KEY, mood mood, address inet, span interval, "
      "identity uuid, name varchar(5), document json, exact numeric, maybe inet)");
  Typed one;
  one.mood = "happy";
  one.address = "10.0.0.1";
  one.span = "01:00:00";
  one.identity = "6f1b8a34-0f5e-4b0a-9d0e-3c2a1b4c5d6e";
  one.name = "short";
  one.document = Json::from_text(R"({"a":1})");
  one.exact = 0.12345678901234568;
  const auto alone = Typed::create(one);
  const auto many = Typed::create_all({one, one});
  Typed::insert_all({one, one});
  for (const auto& made : many) {
    EXPECT_EQ(made.mood, alone.mood);
    EXPECT_EQ(made.address, alone.address);
    EXPECT_EQ(made.identity, alone.identity);
    EXPECT_EQ(made.exact, alone.exact);
    EXPECT_EQ(made.maybe, std::nullopt);
  }
  EXPECT_EQ(number("SELECT count(DISTINCT exact) FROM typed"), 1);
  // What does not fit is refused, not cut.
  one.name = "too long";
  EXPECT_THROW(Typed::create(one), Error);
  EXPECT_THROW(Typed::create_all({one, one}), Error);
  run("DROP TABLE typed");
  run("DROP TYPE mood");
}

TEST_P(Writes, ManyAreRefusedOrKeptAsOneWouldBe) {
  if (!is(Adapter::postgres)) return;  // the others bind each value by itself
  Loose one;
  one.price = Decimal("12.50");
  one.ratio = 0.12345678901234568;
  one.whole = (std::int64_t{1} << 53) + 1;
  one.at = Timestamp(std::chrono::microseconds(1'700'000'000'123'456));
  one.truth = true;
  struct Case {
    std::string column;
    std::string type;
    bool kept;
  };
  for (const auto& each : std::vector<Case>{
           {"price", "bigint", false},
           {"price", "double precision", false},
           {"price", "text", false},
           {"price", "money", true},
           {"price", "exact_number", true},
           {"ratio", "bigint", false},
           {"ratio", "numeric", true},
           {"ratio", "exact_number", true},
           {"ratio", "real", true},
           {"whole", "integer", false},
           {"whole", "double precision", false},
           {"whole", "real", false},
           {"whole", "numeric", true},
           {"whole", "exact_number", true},
           {"at", "date", false},
           {"at", "timestamp", true},
           {"at", "timestamptz", true},
           {"truth", "integer", false},
           {"truth", "boolean", true},
       }) {
    SCOPED_TRACE(each.column + " " + each.type);
    drop();
    run("DROP DOMAIN IF EXISTS exact_number");
    run("CREATE DOMAIN exact_number AS numeric CHECK (VALUE <> 0)");
    run("CREATE TABLE loose (id bigserial PRIMARY KEY, price numeric, ratio double precision, "
        "whole bigint, at timestamptz, truth boolean)");
    run("ALTER TABLE loose DROP COLUMN " + each.column);
    run("ALTER TABLE loose ADD COLUMN " + each.column + " " + each.type);
    const auto stored = [&](const std::function<void()>& write) {
      run("DELETE FROM loose");
      try {
        write();
      } catch (const Error&) {
        // Told or not, what counts is what is there: money, for one, cannot be read back.
      }
      return sql("SELECT DISTINCT " + each.column + "::text AS text FROM loose").run();
    };
    const auto alone = stored([&] { Loose::insert_all({one}); });
    const auto by_create = stored([&] { static_cast<void>(Loose::create(one)); });
    const auto many = stored([&] { Loose::insert_all({one, one}); });
    EXPECT_EQ(by_create.size(), each.kept ? 1U : 0U);
    ASSERT_EQ(many.size(), by_create.size());
    ASSERT_EQ(alone.size(), by_create.size());
    if (!each.kept) continue;
    EXPECT_EQ(many[0].get<std::string>("text"), by_create[0].get<std::string>("text"));
    EXPECT_EQ(alone[0].get<std::string>("text"), by_create[0].get<std::string>("text"));
  }
  drop();
  run("DROP DOMAIN exact_number");
}

TEST_P(Writes, TableIsMadeByManyAtOnce) {
  std::atomic<int> failed = 0;
  for (int round = 0; round < 5; ++round) {
    run("DROP TABLE IF EXISTS dropped");
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        try {
          Dropped::create_table();
        } catch (const Error& error) {
          ADD_FAILURE() << error.what();
          ++failed;
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace grant::test
