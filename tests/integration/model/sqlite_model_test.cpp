// SQLite keeps most kinds as text: what conditions find, whoever wrote it, and what is refused.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "grant/grant.hpp"
#include "support/error_of.hpp"
#include "support/temporary_directory.hpp"

namespace grant::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Item : Model<Item> {
  std::int64_t id{};
  std::optional<Decimal> price{};
  std::optional<Decimal> cost{};
  std::optional<Timestamp> made{};
  std::optional<Timestamp> sold{};
  std::optional<TimeOfDay> opens{};
  std::optional<Uuid> code{};
  std::optional<Json> extra{};

  static constexpr auto table =
      grant::table<Item>("items", column<&Item::id>.primary_key(), column<&Item::price>,
                         column<&Item::cost>, column<&Item::made>, column<&Item::sold>,
                         column<&Item::opens>, column<&Item::code>, column<&Item::extra>);
};
constexpr auto id = field<&Item::id>;
constexpr auto price = field<&Item::price>;
constexpr auto cost = field<&Item::cost>;
constexpr auto made = field<&Item::made>;
constexpr auto sold = field<&Item::sold>;
constexpr auto opens = field<&Item::opens>;
constexpr auto code = field<&Item::code>;
constexpr auto extra = field<&Item::extra>;

class SqliteModel : public ::testing::Test {
 protected:
  SqliteModel() {
    establish_connections(
        {{"primary", {.url = "sqlite:" + (directory_.path() / "a.db").string()}}});
  }
  ~SqliteModel() override { close_connections(); }

  /// A table as another program may have made it.
  static void others_table() {
    sql("CREATE TABLE items (id INTEGER PRIMARY KEY, price DECIMAL(10,2), cost TEXT, "
        "made TIMESTAMP, sold DATETIME, opens TIME, code CHAR(36), extra TEXT)")
        .run();
  }

  template <class Condition>
  static std::vector<std::int64_t> ids(const Condition& condition) {
    std::vector<std::int64_t> found;
    for (const auto& item : Item::where(condition).order(id.asc()).all()) found.push_back(item.id);
    return found;
  }

 private:
  TemporaryDirectory directory_;
};

template <class Action>
void expect_refused(const Action& action, const std::string& column) {
  const auto error = error_of(action);
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, AllOf(HasSubstr("items." + column), HasSubstr("SQLite")));
  EXPECT_THAT(error.message, Not(HasSubstr("9.5")));
}

TEST_F(SqliteModel, DecimalsAreFoundByValueAndHaveNoOrder) {
  Item::create_table();
  for (const auto* text : {"9", "9.50", "10", "100.00", "-9.50", "0.00"}) {
    Item::create(price = Decimal(text));
  }
  EXPECT_THAT(ids(price == Decimal("9.5")), ElementsAre(2));
  EXPECT_THAT(ids(price == Decimal("9.500")), ElementsAre(2));
  EXPECT_THAT(ids(price == Decimal("9.0")), ElementsAre(1));
  EXPECT_THAT(ids(price == Decimal("-9.5")), ElementsAre(5));
  EXPECT_THAT(ids(price == 0), ElementsAre(6));
  EXPECT_THAT(ids(price == 100), ElementsAre(4));
  EXPECT_THAT(ids(price != Decimal("9.5")), ElementsAre(1, 3, 4, 5, 6));
  EXPECT_THAT(ids(price.in({Decimal("10.0"), Decimal("100"), Decimal("9.5")})),
              ElementsAre(2, 3, 4));
  EXPECT_THAT(ids(!price.in({Decimal("10.0")})), ElementsAre(1, 2, 4, 5, 6));

  expect_refused([] { ids(price > Decimal("9.5")); }, "price");
  expect_refused([] { ids(price <= Decimal("9.5")); }, "price");
  expect_refused([] { ids(price < cost); }, "price");
  expect_refused([] { std::ignore = Item::order(price.asc()).all(); }, "price");
  EXPECT_THAT(ids(price == cost), IsEmpty());
}

TEST_F(SqliteModel, DecimalsOfOthersAreFoundByValue) {
  others_table();
  // The first is a column of numbers, the second one of text.
  sql("INSERT INTO items (id, price, cost) VALUES (1, 9, '9'), (2, 9.50, '9.50'), (3, 10, "
      "'10.000'), "
      "(4, 100.00, '100'), (5, -9.5, '-9.50'), (6, 0.1, '0.10'), (7, 0, '0.0'), (8, 9.55, '9.55'), "
      "(9, NULL, NULL)")
      .run();
  const std::pair<const char*, int> values[] = {{"9.0", 1},  {"9.5", 2}, {"10", 3}, {"100.0", 4},
                                                {"-9.5", 5}, {"0.1", 6}, {"0", 7},  {"9.550", 8}};
  for (const auto& [text, row] : values) {
    EXPECT_THAT(ids(price == Decimal(text)), ElementsAre(row)) << text;
    EXPECT_THAT(ids(cost == Decimal(text)), ElementsAre(row)) << text;
    EXPECT_THAT(ids(price.in({Decimal(text)})), ElementsAre(row)) << text;
    EXPECT_THAT(ids(cost.in({Decimal(text), Decimal("77")})), ElementsAre(row)) << text;
  }
  EXPECT_THAT(ids(price == cost), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ(Item::where(cost != Decimal("9.5")).count(), 7);
  EXPECT_EQ(Item::find(2).price, Decimal("9.5"));
  EXPECT_EQ(Item::find(2).cost.value().text(), "9.50") << "read as it was written";
}

TEST_F(SqliteModel, RecordOfADecimalColumnOfNumbersIsWrittenOnceAndReadBack) {
  others_table();
  const auto item = Item::create(price = Decimal("12.50"), cost = Decimal("12.50"));
  EXPECT_EQ(item.price, Decimal("12.5"));
  EXPECT_EQ(Item::count(), 1);
  EXPECT_EQ(Item::find(item.id).price, Decimal("12.5"));
  const auto stored = sql("SELECT typeof(price) AS p, cost FROM items").run();
  EXPECT_EQ(stored[0].get<std::string>("p"), "real");
  EXPECT_EQ(stored[0].get<std::string>("cost"), "12.5") << "one text for each value";
}

constexpr Timestamp kNoon = std::chrono::sys_days(std::chrono::January / 2 / 2026) + 12h;

TEST_F(SqliteModel, TimesAreFoundWhoeverWroteThem) {
  others_table();
  const std::vector<const char*> noon{"2026-01-02T12:00:00Z",      "2026-01-02 12:00:00",
                                      "2026-01-02 12:00",          "2026-01-02T12:00:00.000Z",
                                      "2026-01-02 14:00:00+02:00", "2026-01-02T03:30:00-08:30",
                                      "2026-01-03 02:00:00+14",    "2026-01-02 12:00:00.000000"};
  for (const auto* text : noon) sql("INSERT INTO items (made) VALUES ($1)", text).run();
  sql("INSERT INTO items (made) VALUES ('2026-01-02T11:59:59Z'), ('2026-01-02 12:00:00.000001'), "
      "('2026-01-02'), ('2026-01-01T23:59:59-12:00'), ('2026-01-02 14:00:01+02:00'), (NULL)")
      .run();
  const auto all = static_cast<std::int64_t>(noon.size());
  const auto number = [](const auto& condition) { return Item::where(condition).count(); };
  EXPECT_EQ(number(made == kNoon), all);
  EXPECT_EQ(number(made != kNoon), 5);
  EXPECT_THAT(ids(made < kNoon), ElementsAre(9, 11, 12));
  EXPECT_EQ(number(made <= kNoon), all + 3);
  EXPECT_THAT(ids(made > kNoon), ElementsAre(10, 13));
  EXPECT_EQ(number(made >= kNoon), all + 2);
  EXPECT_EQ(number(made.in({kNoon, kNoon + 1us})), all + 1);
  EXPECT_EQ(number(!made.in({kNoon})), 5);
  EXPECT_EQ(number(made == kNoon - 12h), 1);
  EXPECT_EQ(Item::find(5).made, kNoon);
}

TEST_F(SqliteModel, TimesOfTheDatabaseItselfAreFound) {
  Item::create_table();
  const auto before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  sql("INSERT INTO items (made, sold) VALUES (CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)").run();
  EXPECT_EQ(Item::where(made >= before && made < before + 1h).count(), 1);
  EXPECT_EQ(Item::where(made == sold).count(), 1);
  EXPECT_EQ(Item::where(made < sold).count(), 0);
  const auto item = Item::find(1);
  EXPECT_EQ(Item::where(made == *item.made).count(), 1);
  Item::create(made = *item.made, sold = *item.made + 1us);
  EXPECT_EQ(Item::where(made == *item.made).count(), 2);
  EXPECT_EQ(Item::where(made < sold).count(), 1);
  EXPECT_EQ(Item::order(made.desc()).all().size(), 2U);
}

TEST_F(SqliteModel, TimesAtTheEndsOfTheWrittenYears) {
  Item::create_table();
  using std::chrono::sys_days;
  const Timestamp first = sys_days(std::chrono::year(0) / 1 / 1);
  const Timestamp last = sys_days(std::chrono::year(9999) / 12 / 31) + 24h - 1us;
  Item::create(made = first);
  Item::create(made = last);
  EXPECT_THAT(ids(made == first), ElementsAre(1));
  EXPECT_THAT(ids(made == last), ElementsAre(2));
  EXPECT_THAT(ids(made < last), ElementsAre(1));
  EXPECT_THAT(ids(made > first), ElementsAre(2));
}

TEST_F(SqliteModel, TimesOfDayAreFoundWhoeverWroteThem) {
  others_table();
  sql("INSERT INTO items (opens) VALUES ('09:30'), ('09:30:00'), ('09:30:00.0'), "
      "('09:30:00.000000'), ('09:30:00.000000000'), ('09:29:59.999999'), ('09:30:00.5'), "
      "('09:30:00.500000'), ('09:31')")
      .run();
  const TimeOfDay half{9h + 30min};
  EXPECT_THAT(ids(opens == half), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(ids(opens != half), ElementsAre(6, 7, 8, 9));
  EXPECT_THAT(ids(opens < half), ElementsAre(6));
  EXPECT_THAT(ids(opens <= half), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(ids(opens > half), ElementsAre(7, 8, 9));
  EXPECT_THAT(ids(opens >= half), ElementsAre(1, 2, 3, 4, 5, 7, 8, 9));
  EXPECT_THAT(ids(opens == TimeOfDay{9h + 30min + 500ms}), ElementsAre(7, 8));
  EXPECT_THAT(ids(opens.in({TimeOfDay{9h + 30min + 500ms}, TimeOfDay{9h + 31min}})),
              ElementsAre(7, 8, 9));
}

TEST_F(SqliteModel, UuidsAreFoundWhoeverWroteThem) {
  sql("CREATE TABLE items (id INTEGER PRIMARY KEY, price, cost, made, sold, opens, code UUID, "
      "extra)")
      .run();
  const auto uuid = Uuid::parse("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f").value();
  sql("INSERT INTO items (code) VALUES ('0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f'), "
      "('0190B2F6-6F6E-7C3A-8D3F-2B9A4C1D0E5F'), ('0190b2f66f6e7c3a8d3f2b9a4c1d0e5f'), "
      "('0190B2F66F6E7C3A8D3F2B9A4C1D0E5F'), (x'0190b2f66f6e7c3a8d3f2b9a4c1d0e5f'), "
      "('0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e50')")
      .run();
  EXPECT_THAT(ids(code == uuid), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(ids(code != uuid), ElementsAre(6));
  EXPECT_THAT(ids(code.in({uuid, Uuid{}})), ElementsAre(1, 2, 3, 4, 5));
  for (const auto& item : Item::where(code == uuid).all()) EXPECT_EQ(item.code, uuid);
}

struct Pair : Model<Pair> {
  std::int64_t id{};
  std::optional<TimeOfDay> opens{};
  std::optional<TimeOfDay> closes{};
  std::optional<Uuid> left{};
  std::optional<Uuid> right{};

  static constexpr auto table =
      grant::table<Pair>("pairs", column<&Pair::id>.primary_key(), column<&Pair::opens>,
                         column<&Pair::closes>, column<&Pair::left>, column<&Pair::right>);
};

TEST_F(SqliteModel, ColumnsAreComparedByValueWhoeverWroteThem) {
  sql("CREATE TABLE pairs (id INTEGER PRIMARY KEY, opens, closes, left UUID, right UUID)").run();
  sql("INSERT INTO pairs (opens, closes) VALUES ('12:00', '12:00:00.000000'), "
      "('12:00:00.5', '12:00:00.500000'), ('12:00:00.25', '12:00'), (NULL, '12:00')")
      .run();
  sql("INSERT INTO pairs (left, right) VALUES "
      "('0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f', '0190B2F66f6e7c3a8d3f2b9a4c1d0e5f'), "
      "(x'0190b2f66f6e7c3a8d3f2b9a4c1d0e5f', '0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f'), "
      "('0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5a', '0190B2F6-6F6E-7C3A-8D3F-2B9A4C1D0E5B')")
      .run();
  const auto found = [](const Expression& condition) {
    std::vector<std::int64_t> ids;
    for (const auto& each : Pair::where(condition).order(field<&Pair::id>.asc()).all()) {
      ids.push_back(each.id);
    }
    return ids;
  };
  constexpr auto from = field<&Pair::opens>;
  constexpr auto to = field<&Pair::closes>;
  EXPECT_THAT(found(from == to), ElementsAre(1, 2));
  EXPECT_THAT(found(from != to), ElementsAre(3));
  EXPECT_THAT(found(from > to), ElementsAre(3));
  constexpr auto left = field<&Pair::left>;
  constexpr auto right = field<&Pair::right>;
  EXPECT_THAT(found(left == right), ElementsAre(5, 6));
  EXPECT_THAT(found(left < right), ElementsAre(7));
}

struct Token : Model<Token> {
  Uuid code{};
  std::string note{};

  static constexpr auto table =
      grant::table<Token>("tokens", column<&Token::code>.primary_key(), column<&Token::note>);
};
constexpr auto token_note = field<&Token::note>;

TEST_F(SqliteModel, RecordWhoseKeyAnotherProgramWroteIsSaved) {
  sql("CREATE TABLE tokens (code UUID PRIMARY KEY, note TEXT)").run();
  sql("INSERT INTO tokens VALUES (x'0190b2f66f6e7c3a8d3f2b9a4c1d0e5f', 'a')").run();
  auto token = Token::all()[0];
  EXPECT_EQ(Token::find(token.code).note, "a");
  token.update(token_note = "b");
  token.reload();
  EXPECT_EQ(token.note, "b");
  token.destroy();
  EXPECT_EQ(Token::count(), 0);
}

TEST_F(SqliteModel, TwoFormsOfOneKeyAreTwoRowsAndNeitherIsWritten) {
  sql("CREATE TABLE tokens (code UUID PRIMARY KEY, note TEXT)").run();
  sql("INSERT INTO tokens VALUES ('0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f', 'a')").run();
  auto token = Token::all()[0];
  token.update(token_note = "alone");
  sql("INSERT INTO tokens VALUES ('0190B2F6-6F6E-7C3A-8D3F-2B9A4C1D0E5F', 'b')").run();
  for (const auto& write : std::vector<std::function<void()>>{
           [&] { token.update(token_note = "both"); },
           [&] { token.save(); },
           [&] { token.destroy(); },
       }) {
    EXPECT_THAT(error_of(write).message, HasSubstr("2 rows have the key code"));
  }
  EXPECT_EQ(Token::where(field<&Token::note> == "alone").count(), 1);
  EXPECT_EQ(Token::where(field<&Token::note> == "b").count(), 1);
}

TEST_F(SqliteModel, NullAmongOthersIsUnknown) {
  Item::create_table();
  Item::create(made = kNoon, price = 1);
  Item::create(made = kNoon + 1s, price = 2);
  Item::create(price = 3);
  const std::vector<std::optional<Timestamp>> times{std::nullopt, kNoon};
  EXPECT_THAT(ids(made.in(times)), ElementsAre(1));
  EXPECT_THAT(ids(!made.in(times)), IsEmpty());
  EXPECT_THAT(ids(made.in(std::vector<std::optional<Timestamp>>(2))), IsEmpty());
  const std::vector<std::optional<Decimal>> prices{Decimal("2.0"), std::nullopt};
  EXPECT_THAT(ids(price.in(prices)), ElementsAre(2));
  EXPECT_THAT(ids(!price.in(prices)), IsEmpty());
}

TEST_F(SqliteModel, ConditionsNestAsDeepAsElsewhere) {
  Item::create_table();
  Item::create(price = Decimal("9.5"), made = kNoon);
  auto condition = price == Decimal("9.50") && made == kNoon;
  for (int level = 1; level < 25; ++level) {
    condition = level % 2 == 0 ? condition && price != Decimal("7") : condition || made > kNoon;
  }
  EXPECT_EQ(Item::where(condition).count(), 1);
}

TEST_F(SqliteModel, JsonIsNotCompared) {
  Item::create_table();
  Item::create(extra = Json::from_text(R"({"a": 1})"));
  expect_refused([] { ids(extra == Json::from_text(R"({"a":1})")); }, "extra");
  expect_refused([] { ids(extra.in({Json::from_text("9.5")})); }, "extra");
  expect_refused([] { std::ignore = Item::order(extra.asc()).all(); }, "extra");
  EXPECT_EQ(Item::where(extra.is_not_null()).count(), 1);
}

/// What SQLite says about the statement that `condition` makes.
template <class Condition>
std::string plan(const Condition& condition) {
  const auto statement = render_select(
      Adapter::sqlite,
      Selection{.table = &detail::table_info<Item>(), .where = static_cast<Expression>(condition)});
  const auto explain =
      "EXPLAIN QUERY PLAN " + std::regex_replace(statement.sql, std::regex(R"(\$\d+)"), "'x'");
  std::string steps;
  transaction("primary", [&] {
    // A connection looks whether the schema has changed when it runs something, and not when it
    // explains it.
    std::ignore = Item::count();
    const auto rows = sql(explain).read().run();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      steps += rows[i].get<std::string>("detail") + "; ";
    }
  });
  return steps;
}

TEST_F(SqliteModel, ConditionsUseAnIndex) {
  for (const bool ours : {true, false}) {
    sql("DROP TABLE IF EXISTS items").run();
    if (ours) {
      Item::create_table();
    } else {
      others_table();
    }
    for (const auto* name : {"price", "cost", "made", "opens", "code"}) {
      sql(fmt::format("CREATE INDEX {0}_index ON items ({0})", name)).run();
    }
    const std::pair<std::string, ConditionOf<Item>> conditions[] = {
        {"price", price == Decimal("9.5")},
        {"cost", cost.in({Decimal("9.5"), Decimal("7")})},
        {"made", made == kNoon},
        {"made", made > kNoon},
        {"made", made < kNoon},
        {"made", made.in({kNoon, kNoon + 1s})},
        {"opens", opens == TimeOfDay{9h}},
        {"opens", opens > TimeOfDay{9h}},
        {"code", code == Uuid{}},
    };
    for (const auto& [name, condition] : conditions) {
      const auto steps = plan(condition);
      EXPECT_THAT(steps, HasSubstr(name + "_index")) << name;
      EXPECT_THAT(steps, Not(HasSubstr("SCAN"))) << name;
    }
  }
}

TEST_F(SqliteModel, TextOfADeclaredColumnIsReadAsItIs) {
  sql("CREATE TABLE t (a TIMESTAMP, b UUID, c DATE, d TIME, e DECIMAL TEXT)").run();
  const std::vector<std::string> texts{"2026-01-02T12:00:00Z",
                                       "0190B2F6-6F6E-7C3A-8D3F-2B9A4C1D0E5F", "2026-01-02",
                                       "09:30", "+09.50"};
  sql("INSERT INTO t VALUES ($1, $2, $3, $4, $5)", texts[0], texts[1], texts[2], texts[3], texts[4])
      .run();
  const auto row = sql("SELECT * FROM t").run();
  const char* const names[] = {"a", "b", "c", "d", "e"};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(row[0].get<std::string>(names[i]), texts[i]);
  }
  EXPECT_EQ(row[0].get<Timestamp>("a"), kNoon);
  EXPECT_EQ(row[0].get<Decimal>("e"), Decimal("9.5"));
}

}  // namespace
}  // namespace grant::test
