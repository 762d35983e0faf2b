#include "grant/query/sql.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <tuple>

#include "grant/model/field.hpp"
#include "support/error_of.hpp"

namespace grant {
namespace {

/// A type whose value in the database exists only once it is encoded.
template <ValueKind Kind>
struct Numbered {
  int number = 0;

  friend bool operator==(const Numbered&, const Numbered&) = default;
};

}  // namespace

template <ValueKind Kind>
struct Codec<Numbered<Kind>> {
  static constexpr ValueKind kind = Kind;
  static Value encode(const Numbered<Kind>& key) {
    auto text = std::string(60, '1') + std::to_string(key.number);
    return Value(Kind == ValueKind::text ? ValueView::text(text) : ValueView::decimal(text));
  }
  static Numbered<Kind> decode(ValueView /*value*/) { return {}; }
};

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Song {
  std::int64_t id{};
  std::string title{};
  std::optional<std::string> album{};
  double length{};

  static constexpr auto table =
      grant::table<Song>("songs",  //
                         grant::column<&Song::id>.primary_key(), grant::column<&Song::title>,
                         grant::column<&Song::album>, grant::column<&Song::length>);
};

constexpr auto kId = field<&Song::id>;
constexpr auto kTitle = field<&Song::title>;
constexpr auto kAlbum = field<&Song::album>;

Selection songs() {
  Selection selection;
  selection.table = &detail::table_info<Song>();
  return selection;
}

Selection songs_where(Expression condition) {
  auto selection = songs();
  selection.where = std::move(condition);
  return selection;
}

/// What stands behind WHERE, followed by the number of values.
std::string condition(const Expression& expression) {
  const auto selection = songs_where(expression);
  const auto rendered = render_delete(Adapter::postgres, selection);
  const std::string start = "DELETE FROM \"songs\" WHERE ";
  EXPECT_EQ(rendered.sql.substr(0, start.size()), start);
  return rendered.sql.substr(start.size()) + " [" + std::to_string(rendered.params.size()) + ']';
}

TEST(Conditions, CompareColumnsWithBoundValues) {
  EXPECT_EQ(condition(kId == 7), R"("songs"."id" = $1 [1])");
  EXPECT_EQ(condition(kId != 7), R"("songs"."id" <> $1 [1])");
  EXPECT_EQ(condition(kId < 7), R"("songs"."id" < $1 [1])");
  EXPECT_EQ(condition(kId <= 7), R"("songs"."id" <= $1 [1])");
  EXPECT_EQ(condition(kId > 7), R"("songs"."id" > $1 [1])");
  EXPECT_EQ(condition(kId >= 7), R"("songs"."id" >= $1 [1])");
  EXPECT_EQ(condition(kTitle.like("A%")), R"("songs"."title" LIKE $1 [1])");
}

TEST(Conditions, CompareColumnsWithColumns) {
  EXPECT_EQ(condition(kTitle == kAlbum), R"("songs"."title" = "songs"."album" [0])");
  EXPECT_EQ(condition(kTitle < kAlbum), R"("songs"."title" < "songs"."album" [0])");
}

TEST(Conditions, NullIsTestedForNotCompared) {
  EXPECT_EQ(condition(kAlbum == std::nullopt), R"("songs"."album" IS NULL [0])");
  EXPECT_EQ(condition(kAlbum != std::nullopt), R"("songs"."album" IS NOT NULL [0])");
  EXPECT_EQ(condition(kAlbum == std::optional<std::string>()), R"("songs"."album" IS NULL [0])");
  EXPECT_EQ(condition(kAlbum == std::optional<std::string>("x")), R"("songs"."album" = $1 [1])");
  EXPECT_EQ(condition(kAlbum.is_null()), R"("songs"."album" IS NULL [0])");
  EXPECT_EQ(condition(kAlbum.is_not_null()), R"("songs"."album" IS NOT NULL [0])");
}

TEST(Conditions, InTakesAnyNumberOfValues) {
  EXPECT_EQ(condition(kId.in({1, 2, 3})), R"("songs"."id" IN ($1, $2, $3) [3])");
  EXPECT_EQ(condition(kTitle.in(std::vector<std::string>{"a"})), R"("songs"."title" IN ($1) [1])");
  EXPECT_EQ(condition(kId.in(std::vector<int>())), "1 = 0 [0]");
}

TEST(Conditions, NestWithTheirParentheses) {
  EXPECT_EQ(condition(kId == 1 && kTitle == "a"),
            R"(("songs"."id" = $1 AND "songs"."title" = $2) [2])");
  EXPECT_EQ(condition((kId == 1 || kId == 2) && !(kTitle == "a")),
            R"((("songs"."id" = $1 OR "songs"."id" = $2) AND NOT ("songs"."title" = $3)) [3])");
  EXPECT_EQ(condition(!(kId == 1 || kAlbum == std::nullopt)),
            R"(NOT (("songs"."id" = $1 OR "songs"."album" IS NULL)) [1])");
}

TEST(Conditions, NullHasNoOrder) {
  EXPECT_EQ(test::error_of([] { return condition(kAlbum < std::optional<std::string>()); }).code,
            Errc::invalid_argument);
}

TEST(Conditions, ManyValuesGoAsOneArrayToPostgres) {
  const std::vector<std::int64_t> many(70'000, 7);
  const auto selection = songs_where(kId.in(many));
  const auto rendered = render_count(Adapter::postgres, selection);
  EXPECT_EQ(rendered.sql, R"(SELECT count(*) FROM "songs" WHERE "songs"."id" = ANY($1))");
  ASSERT_EQ(rendered.params.size(), 1U);
  EXPECT_EQ(rendered.params.views()[0].as_array().size(), 70'000U);
  EXPECT_EQ(render_count(Adapter::sqlite, selection).params.size(), 70'000U);
  const auto error =
      test::error_of([&] { return render_count(Adapter::mariadb, selection).params.size(); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("70000 values, and mariadb takes no more than 65535"));
}

TEST(Conditions, AreFlatHoweverTheyWerePutTogether) {
  const std::string three = R"("songs"."id" = $1 OR "songs"."id" = $2 OR "songs"."id" = $3)";
  EXPECT_EQ(condition(kId == 1 || (kId == 2 || kId == 3)), "(" + three + ") [3]");
  EXPECT_EQ(condition((kId == 1 || kId == 2) || kId == 3), "(" + three + ") [3]");
  EXPECT_EQ(condition(!!(kId == 1 || kId == 2) || !!!!(kId == 3)), "(" + three + ") [3]");
  EXPECT_EQ(condition(!!!(kId == 1)), R"(NOT ("songs"."id" = $1) [1])");
}

std::size_t deepest(std::string_view sql) {
  std::size_t depth = 0;
  std::size_t most = 0;
  for (const char c : sql) {
    if (c == '(') most = std::max(most, ++depth);
    if (c == ')') --depth;
  }
  return most;
}

TEST(Conditions, OfAnyLengthAreRenderedAndLetGoWithoutRecursion) {
  constexpr int many = 100'000;
  auto any = kId == 0;
  auto all = kId == 0;
  auto right = kId == 0;
  auto opposite = kId == 0;
  for (int i = 1; i < many; ++i) {
    any = any || kId == i;
    all = std::move(all) && !(kId == i);
    right = kId == i || right;
    opposite = !opposite;
  }
  for (const auto& condition : {any, all, right}) {
    const auto selection = songs_where(condition);
    const auto rendered = render_delete(Adapter::sqlite, selection);
    EXPECT_EQ(rendered.params.size(), std::size_t{many});
    EXPECT_LE(deepest(rendered.sql), 6U);
  }
  EXPECT_EQ(condition(opposite), R"(NOT ("songs"."id" = $1) [1])");
  const auto order = songs_where(any);
  const auto rendered = render_delete(Adapter::sqlite, order);
  EXPECT_EQ(rendered.params.views()[0].as_integer(), 0);
  EXPECT_EQ(rendered.params.views()[many - 1].as_integer(), many - 1);
}

TEST(Conditions, ThatNestDeeperThanTheEngineTakesAreRefused) {
  auto mixed = kId == 0;
  auto opposites = kId == 0;
  for (int i = 1; i < 100'000; ++i) {
    mixed = i % 2 == 0 ? mixed || kId == i : mixed && kId == i;
    opposites = !(opposites || kId == i);
  }
  for (const auto& condition : {mixed, opposites}) {
    const auto selection = songs_where(condition);
    for (const auto adapter : {Adapter::postgres, Adapter::mariadb, Adapter::sqlite}) {
      const auto error = test::error_of([&] { return render_delete(adapter, selection).sql; });
      EXPECT_EQ(error.code, Errc::invalid_argument);
      EXPECT_THAT(error.message, HasSubstr(adapter == Adapter::sqlite ? " 25 " : " 200 "));
    }
  }
}

TEST(Conditions, JoinedWithThemselvesAgainAndAgainAreRefused) {
  auto doubled = kId == 0;
  for (int i = 0; i < 60; ++i) doubled = doubled || doubled;
  EXPECT_EQ(test::error_of([&] { return condition(doubled); }).code, Errc::invalid_argument);
}

struct Album {
  std::int64_t id{};

  static constexpr auto table =
      grant::table<Album>("albums", grant::column<&Album::id>.primary_key());
};

TEST(Conditions, OnAnotherModelAreRefusedWhereTheCompilerDidNotSeeIt) {
  const Expression another = field<&Album::id> == 7;
  const auto error =
      test::error_of([&] { return render_select(Adapter::sqlite, songs_where(another)).sql; });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_EQ(error.message, "the query is on songs, and column albums.id is not of it");
  auto ordered = songs();
  ordered.order = {field<&Album::id>.asc()};
  EXPECT_EQ(test::error_of([&] { return render_select(Adapter::sqlite, ordered).sql; }).code,
            Errc::invalid_argument);
  const std::vector<ColumnValue> set{{field<&Album::id>.name(), Value()}};
  EXPECT_EQ(test::error_of([&] { return render_update(Adapter::sqlite, songs(), set).sql; }).code,
            Errc::invalid_argument);
}

TEST(Conditions, ValuesAreBoundInTheOrderOfTheirPlaceholders) {
  const auto selection = songs_where(kTitle == "first" && (kId > 2 || kTitle == "third"));
  const auto rendered = render_select(Adapter::sqlite, selection);
  const auto values = rendered.params.views();
  ASSERT_EQ(values.size(), 3U);
  EXPECT_EQ(values[0].as_characters(), "first");
  EXPECT_EQ(values[1].as_integer(), 2);
  EXPECT_EQ(values[2].as_characters(), "third");
}

TEST(Conditions, ValuesNeverReachTheText) {
  const auto selection = songs_where(kTitle == "'; DROP TABLE songs; --");
  for (const auto adapter : {Adapter::postgres, Adapter::mariadb, Adapter::sqlite}) {
    EXPECT_EQ(render_select(adapter, selection).sql.find("DROP"), std::string::npos);
  }
}

TEST(Conditions, OperandsBecomeTheColumnsOwnType) {
  const auto selection = songs_where(field<&Song::length> == 3);
  EXPECT_EQ(render_select(Adapter::sqlite, selection).params.views()[0].kind(), ValueKind::real);
}

// -- Statements -------------------------------------------------------------------------------

TEST(RenderSelect, NamesAllColumns) {
  EXPECT_EQ(render_select(Adapter::postgres, songs()).sql,
            R"(SELECT "id", "title", "album", "length" FROM "songs")");
  EXPECT_EQ(render_select(Adapter::mariadb, songs()).sql,
            "SELECT `id`, `title`, `album`, `length` FROM `songs`");
}

/// What a selection ends with after the name of the table.
std::string range(Adapter adapter, const Selection& selection) {
  const auto sql = render_select(adapter, selection).sql;
  return sql.substr(sql.find("FROM") + 12);
}

TEST(RenderSelect, OrdersLimitsAndSkips) {
  auto selection = songs();
  selection.order = {kTitle.desc(), kId.asc()};
  EXPECT_EQ(range(Adapter::sqlite, selection), R"( ORDER BY "songs"."title" DESC, "songs"."id")");
  selection.order.clear();
  selection.limit = 10;
  selection.offset = 20;
  for (const auto adapter : {Adapter::postgres, Adapter::mariadb, Adapter::sqlite}) {
    EXPECT_EQ(range(adapter, selection), " LIMIT 10 OFFSET 20");
  }
}

TEST(RenderSelect, SkipsWithoutALimitAsTheEngineWantsIt) {
  auto selection = songs();
  selection.offset = 20;
  EXPECT_EQ(range(Adapter::postgres, selection), " OFFSET 20");
  EXPECT_EQ(range(Adapter::mariadb, selection), " LIMIT 18446744073709551615 OFFSET 20");
  EXPECT_EQ(range(Adapter::sqlite, selection), " LIMIT -1 OFFSET 20");
}

TEST(RenderCount, CountsRowsWithinTheRangeOnly) {
  auto selection = songs_where(kId > 1);
  EXPECT_EQ(render_count(Adapter::sqlite, selection).sql,
            R"(SELECT count(*) FROM "songs" WHERE "songs"."id" > $1)");
  selection.limit = 5;
  EXPECT_EQ(render_count(Adapter::sqlite, selection).sql,
            R"(SELECT count(*) FROM (SELECT 1 FROM "songs" WHERE "songs"."id" > $1 LIMIT 5) )"
            "AS counted");
}

TEST(RenderCount, CountsBehindAnOffsetWithoutALimit) {
  auto selection = songs();
  selection.offset = 3;
  EXPECT_EQ(render_count(Adapter::postgres, selection).sql,
            R"(SELECT count(*) FROM (SELECT 1 FROM "songs" OFFSET 3) AS counted)");
  EXPECT_EQ(render_count(Adapter::sqlite, selection).sql,
            R"(SELECT count(*) FROM (SELECT 1 FROM "songs" LIMIT -1 OFFSET 3) AS counted)");
}

TEST(RenderExists, AsksForOneRow) {
  auto selection = songs();
  EXPECT_EQ(render_exists(Adapter::sqlite, selection).sql, R"(SELECT 1 FROM "songs" LIMIT 1)");
  selection.limit = 7;
  selection.offset = 2;
  EXPECT_EQ(render_exists(Adapter::sqlite, selection).sql,
            R"(SELECT 1 FROM "songs" LIMIT 1 OFFSET 2)");
  selection.limit = 0;
  selection.offset.reset();
  EXPECT_EQ(render_exists(Adapter::sqlite, selection).sql, R"(SELECT 1 FROM "songs" LIMIT 0)");
}

ColumnValue set_title(const std::string& title) {
  return {kTitle.name(), Value(ValueView::text(title))};
}

TEST(RenderUpdate, SetsColumnsOfTheSelectedRows) {
  const auto selection = songs_where(kId == 7);
  const std::vector<ColumnValue> values{set_title("a"), {kAlbum.name(), Value()}};
  const auto rendered = render_update(Adapter::mariadb, selection, values);
  EXPECT_EQ(rendered.sql, "UPDATE `songs` SET `title` = $1, `album` = $2 WHERE `songs`.`id` = $3");
  EXPECT_TRUE(rendered.params.views()[1].is_null());
}

TEST(RenderUpdate, RefusesToSetNothing) {
  const auto error = test::error_of([] { return render_update(Adapter::sqlite, songs(), {}).sql; });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_EQ(error.message, "an update of songs sets no column");
}

TEST(RenderUpdateAndDelete, RefuseOrderLimitAndOffset) {
  const std::vector<std::function<void(Selection&)>> ranges{
      [](Selection& s) { s.limit = 1; },
      [](Selection& s) { s.offset = 1; },
      [](Selection& s) { s.order = {kId.asc()}; },
  };
  for (const auto& add_range : ranges) {
    auto selection = songs();
    add_range(selection);
    EXPECT_EQ(test::error_of([&] { return render_delete(Adapter::sqlite, selection).sql; }).message,
              "a delete of songs takes no order, limit or offset");
    EXPECT_EQ(test::error_of([&] {
                return render_update(Adapter::sqlite, selection, {set_title("x")}).sql;
              }).message,
              "an update of songs takes no order, limit or offset");
  }
}

RenderedSql insert_all_columns(Adapter adapter, const TableInfo& table, const void* record) {
  return render_insert(adapter, table, record, columns_to_insert(table, record));
}

TEST(RenderInsert, LeavesOutAKeyThatIsNotSet) {
  const auto& table = detail::table_info<Song>();
  Song song;
  song.title = "a";
  const auto generated = insert_all_columns(Adapter::sqlite, table, &song);
  EXPECT_EQ(generated.sql,
            R"(INSERT INTO "songs" ("title", "album", "length") VALUES ($1, $2, $3) )"
            R"(RETURNING "id", "title", "album", "length")");
  EXPECT_EQ(generated.params.views()[0].as_characters(), "a");
  EXPECT_TRUE(generated.params.views()[1].is_null());
  song.id = 9;
  const auto given = insert_all_columns(Adapter::sqlite, table, &song);
  EXPECT_THAT(given.sql,
              HasSubstr(R"(("id", "title", "album", "length") VALUES ($1, $2, $3, $4))"));
  EXPECT_EQ(given.params.views()[0].as_integer(), 9);
}

struct Ticket {
  std::int64_t id{};

  static constexpr auto table =
      grant::table<Ticket>("tickets", grant::column<&Ticket::id>.primary_key());
};

TEST(RenderInsert, WithoutValuesIsWhatTheEngineWants) {
  const Ticket ticket;
  const auto& table = detail::table_info<Ticket>();
  EXPECT_EQ(insert_all_columns(Adapter::postgres, table, &ticket).sql,
            R"(INSERT INTO "tickets" DEFAULT VALUES RETURNING "id")");
  EXPECT_EQ(insert_all_columns(Adapter::sqlite, table, &ticket).sql,
            R"(INSERT INTO "tickets" DEFAULT VALUES RETURNING "id")");
  EXPECT_EQ(insert_all_columns(Adapter::mariadb, table, &ticket).sql,
            "INSERT INTO `tickets` () VALUES () RETURNING `id`");
}

TEST(RenderInsertAll, GivesPostgresAnArrayForEachColumn) {
  std::array<Song, 2> two;
  two[0].title = "a";
  two[1].title = "b";
  const std::array<void*, 2> records{&two[0], &two[1]};
  const auto& table = detail::table_info<Song>();
  const auto all =
      render_insert_all(Adapter::postgres, table, records, {1, 2, 3}, OnConflict::ignore, true);
  EXPECT_EQ(all.sql,
            R"(INSERT INTO "songs" ("title", "album", "length") SELECT * FROM )"
            R"(unnest($1::text[], $2::text[], $3::double precision[]) ON CONFLICT DO NOTHING )"
            R"(RETURNING "id", "title", "album", "length")");
  ASSERT_EQ(all.params.size(), 3U);
  EXPECT_EQ(all.params.views()[0].as_array()[1].as_characters(), "b");
  EXPECT_TRUE(all.params.views()[1].as_array()[0].is_null());
}

TEST(RenderInsertAll, GivesTheOthersAPlaceholderForEachValue) {
  std::array<Song, 2> two;
  two[0].id = 1;
  two[1].id = 2;
  const std::array<void*, 2> records{&two[0], &two[1]};
  const auto& table = detail::table_info<Song>();
  EXPECT_EQ(
      render_insert_all(Adapter::sqlite, table, records, {0, 1, 2, 3}, OnConflict::fail, false).sql,
      R"(INSERT INTO "songs" ("id", "title", "album", "length") VALUES )"
      R"(($1, $2, $3, $4), ($5, $6, $7, $8))");
  EXPECT_THAT(
      render_insert_all(Adapter::mariadb, table, records, {0, 1}, OnConflict::ignore, false).sql,
      HasSubstr("ON DUPLICATE KEY UPDATE `id` = `id`"));
  EXPECT_EQ(most_records(Adapter::sqlite, table), 32'766U / 4);
}

TEST(RenderInsertAll, GivesArraysTheTypesOfTheColumns) {
  std::array<Song, 1> one;
  const std::array<void*, 1> records{&one[0]};
  EXPECT_THAT(render_insert_all(Adapter::postgres, detail::table_info<Song>(), records, {1, 2, 3},
                                OnConflict::fail, false, {"bigint", "mood", "", "numeric"})
                  .sql,
              HasSubstr("$1::text[]::mood[], $2::text[], $3::numeric[]"));
}

struct Part {
  std::int64_t id{};
  std::int32_t level = 3;
  std::string made{};

  static constexpr auto table = grant::table<Part>("parts", grant::column<&Part::id>.primary_key(),
                                                   grant::column<&Part::level>.database_default(),
                                                   grant::column<&Part::made>.generated());
};

TEST(ColumnsToInsert, LeavesOutWhatIsTheDatabases) {
  const auto& table = detail::table_info<Part>();
  Part part;
  EXPECT_THAT(columns_to_insert(table, &part), IsEmpty());
  part.level = 0;  // not what a new record starts with
  EXPECT_THAT(columns_to_insert(table, &part), ElementsAre(1U));
  part.id = 7;
  part.made = "here";
  EXPECT_THAT(columns_to_insert(table, &part), ElementsAre(0U, 1U));
}

TEST(RenderInsertAll, RefusesNothingToInsert) {
  Ticket ticket;
  const std::array<void*, 1> tickets{&ticket};
  EXPECT_EQ(test::error_of([&] {
              return render_insert_all(Adapter::sqlite, detail::table_info<Ticket>(), tickets, {},
                                       OnConflict::fail, false);
            }).code,
            Errc::invalid_argument);
}

TEST(RenderSelect, JsonIsComparedWhereItHasATypeOfItsOwn) {
  Selection selection{.table = &detail::table_info<Song>()};
  selection.where = Expression::compare({"songs", "title"}, Comparison::equal,
                                        Value(ValueView::json(R"({"a": "secret"})")));
  EXPECT_THAT(render_select(Adapter::postgres, selection).sql, HasSubstr("= $1"));
  for (const auto adapter : {Adapter::mariadb, Adapter::sqlite}) {
    const auto error = test::error_of([&] { std::ignore = render_select(adapter, selection); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr(adapter == Adapter::sqlite ? "SQLite" : "MariaDB"));
    EXPECT_THAT(error.message, Not(HasSubstr("secret")));
  }
}

template <ValueKind Kind>
struct Filed {
  Numbered<Kind> key{};

  static constexpr auto table =
      grant::table<Filed>("filed", grant::column<&Filed::key>.primary_key());
};

template <ValueKind Kind>
void expect_key_lives_as_long_as_the_sql() {
  const Filed<Kind> record{{7}};
  for (const auto adapter : {Adapter::postgres, Adapter::mariadb, Adapter::sqlite}) {
    const auto rendered =
        render_delete_record(adapter, detail::table_info<Filed<Kind>>(), &record, Alone::by_count);
    EXPECT_GE(rendered.params.size(), 2U);
    EXPECT_EQ(rendered.params.views()[0].as_characters(), std::string(60, '1') + '7');
    EXPECT_EQ(rendered.columns[0].column, "key");
  }
}

TEST(RenderRecord, KeyThatIsEncodedLivesAsLongAsTheSql) {
  expect_key_lives_as_long_as_the_sql<ValueKind::text>();
  expect_key_lives_as_long_as_the_sql<ValueKind::decimal>();
}

TEST(RenderRecord, UpdatesAndDeletesByThePrimaryKey) {
  Song song;
  song.id = 3;
  song.title = "a";
  const auto& table = detail::table_info<Song>();
  const auto updated = render_update_record(Adapter::sqlite, table, &song, {1, 3});
  EXPECT_EQ(updated.sql, R"(UPDATE "songs" SET "title" = $1, "length" = $2 WHERE "id" = $3)");
  EXPECT_EQ(updated.params.views()[2].as_integer(), 3);
  EXPECT_EQ(render_delete_record(Adapter::sqlite, table, &song).sql,
            R"(DELETE FROM "songs" WHERE "id" = $1)");
  EXPECT_EQ(render_delete_record(Adapter::sqlite, table, &song, Alone::by_count).sql,
            R"(DELETE FROM "songs" WHERE "id" = $1 AND )"
            R"((SELECT count(*) FROM "songs" WHERE "id" = $2) = 1)");
  EXPECT_THAT(render_update_record(Adapter::postgres, table, &song, {1}, {3}).sql,
              HasSubstr(R"(RETURNING "length")"));
  EXPECT_THAT(render_update_record(Adapter::mariadb, table, &song, {1}, {3}).sql,
              Not(HasSubstr("RETURNING")));
}

TEST(RenderCreateTable, HasKeysTypesAndNullRules) {
  const auto& table = detail::table_info<Song>();
  EXPECT_EQ(render_create_table(Adapter::sqlite, table),
            R"(CREATE TABLE IF NOT EXISTS "songs" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, )"
            R"("title" TEXT NOT NULL DEFAULT '', "album" TEXT, "length" REAL NOT NULL DEFAULT 0))");
  EXPECT_EQ(render_create_table(Adapter::postgres, table),
            R"(CREATE TABLE IF NOT EXISTS "songs" ("id" bigint GENERATED BY DEFAULT AS IDENTITY )"
            R"(PRIMARY KEY, "title" text NOT NULL DEFAULT '', "album" text, )"
            R"("length" double precision NOT NULL DEFAULT 0))");
  EXPECT_EQ(render_create_table(Adapter::mariadb, table),
            "CREATE TABLE IF NOT EXISTS `songs` (`id` BIGINT AUTO_INCREMENT PRIMARY KEY, "
            "`title` LONGTEXT NOT NULL DEFAULT '', `album` LONGTEXT, "
            "`length` DOUBLE NOT NULL DEFAULT 0)");
}

// -- Names ------------------------------------------------------------------------------------

TEST(Names, AreQuotedWhateverIsInThem) {
  const std::string_view evil = R"(a"b`c; DROP TABLE "x)";
  const ColumnInfo column{.name = evil, .kind = ValueKind::integer, .primary_key = true};
  const std::array columns{column};
  const TableInfo table{evil, columns, 0};
  Selection selection;
  selection.table = &table;
  selection.order = {{{evil, evil}, false}};
  const std::string quoted = R"("a""b`c; DROP TABLE ""x")";
  for (const auto adapter : {Adapter::postgres, Adapter::sqlite}) {
    EXPECT_EQ(render_select(adapter, selection).sql,
              "SELECT " + quoted + " FROM " + quoted + " ORDER BY " + quoted + "." + quoted);
  }
  const std::string ticks = R"(`a"b``c; DROP TABLE "x`)";
  EXPECT_EQ(render_select(Adapter::mariadb, selection).sql,
            "SELECT " + ticks + " FROM " + ticks + " ORDER BY " + ticks + "." + ticks);
}

std::string sql_of_name(Adapter adapter, std::string_view name) {
  const std::array columns{
      ColumnInfo{.name = name, .kind = ValueKind::integer, .primary_key = true}};
  const TableInfo table{"t", columns, 0};
  return render_create_table(adapter, table);
}

TEST(Names, LongerThanTheEngineTakesAreRefusedWithItsLimit) {
  const std::string of_64(64, 'n');
  const auto refusal = [](Adapter adapter, std::string_view name) {
    const auto error = test::error_of([&] { return sql_of_name(adapter, name); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    return error.message;
  };
  EXPECT_THAT(refusal(Adapter::postgres, of_64), HasSubstr("has 64 bytes"));
  EXPECT_THAT(refusal(Adapter::postgres, of_64), HasSubstr("no more than 63"));
  EXPECT_THAT(sql_of_name(Adapter::postgres, std::string(63, 'n')), HasSubstr("nnn"));
  std::string umlauts;
  for (int i = 0; i < 32; ++i) umlauts += "\u00e4";
  refusal(Adapter::postgres, umlauts);  // 64 bytes
  EXPECT_THAT(sql_of_name(Adapter::mariadb, umlauts + umlauts), HasSubstr(umlauts));
  EXPECT_THAT(refusal(Adapter::mariadb, umlauts + umlauts + "n"), HasSubstr("65 characters"));
  EXPECT_THAT(sql_of_name(Adapter::sqlite, std::string(1'000, 'n')), HasSubstr("nnn"));
  for (const auto adapter : {Adapter::postgres, Adapter::mariadb, Adapter::sqlite}) {
    EXPECT_THAT(refusal(adapter, ""), HasSubstr("empty"));
    EXPECT_THAT(refusal(adapter, std::string_view("a\0b", 3)), HasSubstr("NUL"));
  }
}

TEST(RenderedSql, MakesAStatementWithItsEffect) {
  const auto selection = songs_where(kId == 1);
  const auto rendered = render_select(Adapter::sqlite, selection);
  const auto statement = rendered.statement(Effect::read);
  EXPECT_EQ(statement.sql, rendered.sql);
  EXPECT_EQ(statement.params.size(), 1U);
  EXPECT_EQ(statement.effect, Effect::read);
}

}  // namespace
}  // namespace grant
