// What is kept of a statement: for how long, and how much memory that takes.

#include <fmt/format.h>
#include <malloc.h>

#include "integration/driver/mariadb_fixture.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;

/// As another process does it: of whatever this one notes, it is not noted.
void outside(const std::string& sql) { cluster().sql(0, sql); }

TEST(MariadbSchema, TextThatLooksLikeAUuidIsTextOnceTheColumnIs) {
  const auto connection = connect_to(0);
  const auto text = ValueView::text("00112233-4455-6677-8899-AABBCCDDEEFF");
  exec(*connection, "create table no_uuid (v uuid)");
  exec(*connection, "insert into no_uuid values ($1)", {text});
  const auto query = "select v from no_uuid";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(exec(*connection, query)->cell(0, 0).kind(), ValueKind::uuid);
  }
  outside("drop table no_uuid; create table no_uuid (v char(36))");
  exec(*connection, "insert into no_uuid values ($1)", {text});
  for (int i = 0; i < 3; ++i) {
    const auto rows = exec(*connection, query);
    ASSERT_EQ(rows->cell(0, 0).kind(), ValueKind::text);
    EXPECT_EQ(rows->cell(0, 0).as_characters(), text.as_characters());
    const auto stream = run(connection->stream(within(kPatience), {query, {}, Effect::read}, {}));
    const Result* chunk = run(stream->next(within(kPatience)));
    ASSERT_NE(chunk, nullptr);
    EXPECT_EQ(chunk->cell(0, 0).kind(), ValueKind::text);
    EXPECT_EQ(run(stream->next(within(kPatience))), nullptr);
  }
  outside("drop table no_uuid; create table no_uuid (v uuid)");
  exec(*connection, "insert into no_uuid values ($1)", {text});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(exec(*connection, query)->cell(0, 0).kind(), ValueKind::uuid);
  }
  outside("drop table no_uuid; create table no_uuid (v json)");
  exec(*connection, "insert into no_uuid values ('{}')");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(exec(*connection, query)->cell(0, 0).kind(), ValueKind::json);
  }
  exec(*connection, "drop table no_uuid");
}

TEST(MariadbSchema, WiderColumnTakesAndGivesWiderValuesWhoeverMadeItWider) {
  const auto connection = connect_to(0);
  exec(*connection, "create table widened (v int)");
  exec(*connection, "insert into widened values (1)");
  const auto update = "update widened set v = $1";
  const auto query = "select v from widened";
  exec(*connection, update, {ValueView::integer(2)});
  EXPECT_EQ(first(*connection, query), "2");
  outside("alter table widened modify v bigint");
  exec(*connection, update, {ValueView::integer(3'000'000'000)});
  EXPECT_EQ(first(*connection, query), "3000000000");
  outside("alter table widened modify v bigint unsigned");
  exec(*connection, update, {ValueView::unsigned_integer(18'000'000'000'000'000'000U)});
  EXPECT_EQ(first(*connection, query), "18000000000000000000");
  exec(*connection, "drop table widened");
}

TEST(MariadbSchema, DatabaseDecidesWhichTableIsMeant) {
  const auto connection = connect_to(0);
  outside("create database other_one; grant all on other_one.* to app@'127.0.0.1', app@localhost");
  exec(*connection, "create table app.things (v int)");
  exec(*connection, "create table other_one.things (v text)");
  exec(*connection, "insert into app.things values (1)");
  exec(*connection, "insert into other_one.things values ('one')");
  for (int i = 0; i < 2; ++i) {
    exec(*connection, "use app");
    EXPECT_EQ(first(*connection, "select v from things"), "1");
    exec(*connection, "use other_one");
    EXPECT_EQ(first(*connection, "select v from things"), "one");
  }
  run(connection->reset(within(kPatience)));
  EXPECT_EQ(first(*connection, "select v from things"), "1");
  exec(*connection, "drop table app.things");
  outside("drop database other_one");
}

TEST(MariadbSchema, ModeDecidesWhatQuotesMean) {
  const auto connection = connect_to(0);
  const auto query = R"(select concat('a\', $1, '\'))";
  exec(*connection, "set @@session.sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES')");
  EXPECT_EQ(first(*connection, query, {ValueView::text("b")}), R"(a\b\)");
  exec(*connection, "set sql_mode = replace(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')");
  EXPECT_EQ(exec_error(*connection, query, {ValueView::text("b")}).code, Errc::invalid_argument);
}

TEST(MariadbSchema, StatementIsPreparedAnewWhenItsLifetimeIsOver) {
  const auto prepared = [](Connection& connection) {
    const auto rows = exec(connection, "show session status like 'Com_stmt_prepare'");
    return std::stoi(text_of(rows->cell(0, 1)));
  };
  for (const auto& [lifetime, more] : {std::pair("0", 1), std::pair("1", 4)}) {
    const auto connection =
        connect_to(cluster().url(0) + "?statement_lifetime=" + std::string(lifetime));
    const int before = prepared(*connection);
    // sleeps: the lifetime is over when the next one begins
    for (int i = 0; i < 3; ++i) first(*connection, "select sleep(0.003)");
    EXPECT_GE(prepared(*connection) - before, more) << lifetime;
  }
}

/// What the process has in use, as malloc counts it: pages that it keeps for later do not count.
std::size_t bytes_in_use() { return ::mallinfo2().uordblks + ::mallinfo2().hblkhd; }

TEST(MariadbMemory, NothingOfAResultIsKeptWhenItIsGone) {
  const auto connection = connect_to(0);
  exec(*connection, "select repeat('x', 1000000)");  // what the connection itself grows to
  exec(*connection, "select 1");
  const auto before = bytes_in_use();
  for (int i = 0; i < 20; ++i) {
    const auto query = fmt::format(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10) "
        "select repeat('x', 500000), {} from n",
        i);
    ASSERT_EQ(exec(*connection, query)->row_count(), 10U);
  }
  EXPECT_LT(bytes_in_use(), before + 2'000'000) << "20 results of 5 MB were read";
}

TEST(MariadbMemory, NothingOfLargeValuesIsKept) {
  const auto connection = connect_to(0);
  const std::string large(1'000'000, 'x');
  std::vector<ValueView> many(30'000, ValueView::integer(1));
  std::string sql = "select 1 where 1 in ($1";
  for (std::size_t i = 2; i <= many.size(); ++i) sql += fmt::format(", ${}", i);
  sql += ")";
  exec(*connection, "select length($1)", {ValueView::text(large)});
  const auto before = bytes_in_use();
  for (int i = 0; i < 10; ++i) {
    exec(*connection, fmt::format("select length($1) + {}", i), {ValueView::text(large)});
  }
  EXPECT_LT(bytes_in_use(), before + 2'000'000);
}

/// A server with room for few statements, until this goes.
class FewStatements {
 public:
  explicit FewStatements(int count)
      : before_(cluster().sql(0, "select @@max_prepared_stmt_count")) {
    outside(fmt::format("set global max_prepared_stmt_count = {}", count));
  }
  ~FewStatements() { outside("set global max_prepared_stmt_count = " + before_); }
  FewStatements(const FewStatements&) = delete;
  FewStatements& operator=(const FewStatements&) = delete;

 private:
  std::string before_;
};

TEST(MariadbStatementLimits, ConnectionGivesUpStatementsOfItsOwnForNewOnes) {
  const FewStatements room(10);
  const auto connection = connect_to(0);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(first(*connection, fmt::format("select $1 + {}", i), {ValueView::integer(1)}),
              std::to_string(i + 1));
  }
  const auto rows = exec(*connection, "show session status like 'Com_stmt_prepare'");
  EXPECT_LT(std::stoi(text_of(rows->cell(0, 1))), 80) << "not once more for every new one";
}

TEST(MariadbStatementLimits, StatementsWithoutValuesNeedNoPlace) {
  const auto connection = connect_to(0);
  const FewStatements room(0);
  EXPECT_EQ(first(*connection, "select 42"), "42");
  EXPECT_EQ(first(*connection, "select 42"), "42");
  EXPECT_EQ(exec_error(*connection, "select $1", {ValueView::integer(1)}).code,
            Errc::configuration);
  EXPECT_EQ(run(connection->probe(within(kPatience))).kind, NodeKind::primary);
  const auto stream =
      run(connection->stream(within(kPatience), {"select 42", {}, Effect::read}, {}));
  ASSERT_NE(run(stream->next(within(kPatience))), nullptr);
}

TEST(MariadbStatementLimits, ThoseThatHaveRoomMakeItForOthers) {
  const auto holder = connect_to(0);
  const auto connection = connect_to(0);
  const FewStatements room(6);
  for (int i = 0; i < 6; ++i) {
    exec(*holder, fmt::format("select $1 + {}", i), {ValueView::integer(1)});
  }
  const auto query = "select $1 * 2";
  const auto refused = exec_error(*connection, query, {ValueView::integer(21)});
  EXPECT_EQ(refused.code, Errc::configuration);
  EXPECT_EQ(refused.native, 1461);
  EXPECT_THAT(refused.message, HasSubstr("max_prepared_stmt_count"));
  exec(*holder, "select $1 + 5", {ValueView::integer(1)});
  exec(*holder, "select 5");
  EXPECT_EQ(first(*connection, query, {ValueView::integer(21)}), "42");
}

TEST(MariadbStatementLimits, AreToldWithTheirNumberAndKeepTheConnection) {
  const auto connection = connect_to(0);
  std::string most = "select 1 where 1 in ($1";
  for (int i = 2; i <= 65'535; ++i) most += ", $1";
  EXPECT_EQ(first(*connection, most + ")", {ValueView::integer(1)}), "1");
  EXPECT_EQ(exec_error(*connection, most + ", $1)", {ValueView::integer(1)}).code,
            Errc::invalid_argument);
  const auto beyond = exec_error(*connection, "select $65536", {ValueView::integer(1)});
  EXPECT_EQ(beyond.code, Errc::invalid_argument);
  EXPECT_THAT(beyond.message, HasSubstr("65535"));
  std::string columns = "create table too_wide (v0 int";
  for (int i = 1; i < 5'000; ++i) columns += fmt::format(", v{} int", i);
  EXPECT_EQ(exec_error(*connection, columns + ")").code, Errc::invalid_argument);
  std::string nested = "select 1";
  for (int i = 0; i < 3'000; ++i) nested = "select (" + nested + ")";
  EXPECT_EQ(exec_error(*connection, nested).code, Errc::invalid_argument);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

}  // namespace
}  // namespace grant::test
