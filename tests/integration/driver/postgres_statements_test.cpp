// What is known of a statement, and for how long it is believed.

#include <array>

#include "integration/driver/postgres_fixture.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kPrepared =
    "select count(*) from pg_prepared_statements where name like 'grant_%'";

ValueView wide() { return ValueView::integer(3'000'000'000); }

/// As another process does it: of whatever this one notes, it is not noted.
void outside(const std::string& sql) { cluster().sql(0, "set role app; " + sql); }

std::vector<Answer> pipeline_of(Connection& connection, std::span<const Statement> statements) {
  return run(connection.pipeline(within(kPatience), statements));
}

/// A table that goes when this does.
class Table {
 public:
  Table(Connection& connection, std::string name, const std::string& columns)
      : name_(std::move(name)) {
    exec(connection, "create table " + name_ + " (" + columns + ")");
  }
  ~Table() { outside("drop table if exists " + name_ + " cascade"); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

 private:
  std::string name_;
};

TEST(PostgresSchema, WiderColumnTakesWiderValuesWhoeverMadeItWider) {
  const auto connection = connect_to(0);
  const auto other = connect_to(0);
  for (const std::string_view by : {"this connection", "another", "another process"}) {
    SCOPED_TRACE(by);
    const Table table(*connection, "widened", "v int");
    const auto update = "update widened set v = $1";
    exec(*connection, "insert into widened values (1)");
    exec(*connection, update, {ValueView::integer(2)});
    EXPECT_EQ(exec_error(*connection, update, {wide()}).code, Errc::invalid_argument);
    exec(*connection, update, {ValueView::integer(2)});
    const std::string widen = "alter table widened alter v type int8";
    by == "another process"
        ? outside(widen)
        : static_cast<void>(exec(by == "another" ? *other : *connection, widen));
    exec(*connection, update, {wide()});
    EXPECT_EQ(first(*connection, "select v from widened"), "3000000000");
  }
}

TEST(PostgresSchema, WiderColumnOfAnotherProcessIsSeenByPipelinesAndInTransactions) {
  const auto connection = connect_to(0);
  const Table table(*connection, "widened", "v int");
  const auto insert = "insert into widened values ($1)";
  exec(*connection, insert, {ValueView::integer(1)});
  outside("alter table widened alter v type int8");
  const std::array values{ValueView::integer(2)};
  const std::array wides{wide()};
  const std::array statements{Statement{insert, values}, Statement{insert, wides},
                              Statement{insert, values}};
  for (const auto& answer : pipeline_of(*connection, statements)) EXPECT_FALSE(answer.error);
  outside("alter table widened alter v type int4 using 0");
  const auto again = connect_to(0);
  exec(*again, insert, {ValueView::integer(1)});
  outside("alter table widened alter v type int8");
  run(again->begin(within(kPatience), {}));
  exec(*again, insert, {wide()});  // refused on this side: the transaction goes on
  run(again->commit(within(kPatience)));
  EXPECT_EQ(first(*connection, "select count(*) from widened where v > 100"), "1");
}

// The server converts what a statement was prepared to take, and says nothing.
TEST(PostgresSchema, WhatNobodyTellsIsBelievedForItsLifetimeOnly) {
  const auto forgetful = connect_to(cluster().url(0) + "?statement_lifetime=1");
  const auto trusting = connect_to(cluster().url(0) + "?statement_lifetime=0");
  const Table table(*trusting, "rounded", "v real");
  const auto insert = "insert into rounded values ($1) returning v";
  const auto without = "insert into rounded values ($1)";
  for (auto* const connection : {forgetful.get(), trusting.get()}) {
    exec(*connection, without, {ValueView::real(0.1)});
  }
  outside("alter table rounded alter v type float8");
  exec(*trusting, without, {ValueView::real(0.1)});
  EXPECT_EQ(first(*trusting, "select count(*) from rounded where v = 0.1"), "0");
  exec(*forgetful, without, {ValueView::real(0.1)});
  EXPECT_EQ(first(*forgetful, "select count(*) from rounded where v = 0.1"), "1");
  // A change that this process makes is another matter.
  outside("alter table rounded alter v type real");
  exec(*trusting, insert, {ValueView::real(0.1)});
  exec(*forgetful, "alter table rounded alter v type float8");
  exec(*trusting, "truncate rounded");
  EXPECT_EQ(exec(*trusting, insert, {ValueView::real(0.1)})->cell(0, 0).as_real(), 0.1);
}

TEST(PostgresSchema, LifetimeIsRefusedWhenItIsNone) {
  for (const std::string_view bad : {"statement_lifetime=-1", "statement_lifetime=5min",
                                     "statement_lifetime=86400001", "prepare=always"}) {
    const auto url = Url::parse(cluster().url(0) + "?" + std::string(bad));
    EXPECT_EQ(error_of([&] { postgres::driver().validate(url); }).code, Errc::configuration) << bad;
  }
}

TEST(PostgresSchema, ResultsOfAnotherTypeAreFollowed) {
  const auto connection = connect_to(0);
  const Table table(*connection, "results", "v int");
  exec(*connection, "insert into results values (1)");
  const auto query = "select v from results";
  EXPECT_EQ(exec(*connection, query)->cell(0, 0).kind(), ValueKind::integer);
  outside("alter table results alter v type text");
  const std::array queries{Statement{query, {}, Effect::read}, Statement{query, {}, Effect::read}};
  for (const auto& answer : pipeline_of(*connection, queries)) {
    ASSERT_FALSE(answer.error);
    EXPECT_EQ(answer.result->cell(0, 0).kind(), ValueKind::text);
  }
  outside("alter table results alter v type numeric using v::numeric");
  EXPECT_EQ(exec(*connection, query)->cell(0, 0).kind(), ValueKind::decimal);
}

TEST(PostgresSchema, WhatOneStatementIsToldHoldsForAllOthers) {
  const auto connection = connect_to(0);
  const auto other = connect_to(0);
  const Table table(*connection, "told", "v real, w int");
  const auto insert = "insert into told (v) values ($1)";
  exec(*connection, "select * from told");
  exec(*other, insert, {ValueView::real(0.5)});
  outside("alter table told alter v type float8");
  exec(*connection, "select * from told");  // is told
  exec(*other, insert, {ValueView::real(0.1)});
  EXPECT_EQ(first(*connection, "select count(*) from told where v = 0.1"), "1");
}

TEST(PostgresSchema, FirstStatementOfATransactionIsRunOnANewOne) {
  const auto connection = connect_to(0);
  const Table table(*connection, "begun", "a int");
  exec(*connection, "select * from begun");
  outside("alter table begun add b int");
  TransactionOptions options;
  options.isolation = Isolation::serializable;
  options.effect = Effect::read;
  run(connection->begin(within(kPatience), options));
  EXPECT_EQ(exec(*connection, "select * from begun")->column_count(), 2U);
  EXPECT_EQ(first(*connection, "show transaction_isolation"), "serializable");
  EXPECT_EQ(first(*connection, "show transaction_read_only"), "on");
  run(connection->commit(within(kPatience)));
}

TEST(PostgresSchema, LaterStatementOfATransactionAsksToRunItAgainOnce) {
  const auto connection = connect_to(0);
  const Table table(*connection, "later", "a int");
  const std::array<std::string_view, 3> queries{"select * from later", "select a, * from later",
                                                "insert into later values (1) returning *"};
  for (const auto query : queries) exec(*connection, query);
  outside("alter table later add b int");
  const auto transaction = [&] {
    run(connection->begin(within(kPatience), {}));
    exec(*connection, "insert into later values (7)");
    for (const auto query : queries) exec(*connection, query);
    run(connection->commit(within(kPatience)));
  };
  EXPECT_EQ(error_of(transaction).code, Errc::conflict);
  run(connection->rollback(within(kPatience)));
  transaction();  // all of them, not only the one that failed
  EXPECT_EQ(first(*connection, "select count(*) from later where a = 7"), "1");
}

TEST(PostgresSchema, TypeThatDoesNotMatchAnyLongerIsFollowed) {
  const auto connection = connect_to(0);
  const Table table(*connection, "mismatch", "v int");
  const auto insert = "insert into mismatch values ($1)";
  const auto find = "select count(*) from mismatch where v = $1";
  exec(*connection, insert, {ValueView::integer(1)});
  exec(*connection, find, {ValueView::integer(1)});
  outside("alter table mismatch alter v type jsonb using to_jsonb(v)");  // 42804, 42883
  exec(*connection, insert, {ValueView::json("{}")});
  EXPECT_EQ(first(*connection, find, {ValueView::json("{}")}), "1");
  outside("alter table mismatch alter v type uuid using gen_random_uuid()");
  exec(*connection, insert, {ValueView::text("00112233-4455-6677-8899-aabbccddeeff")});
  outside("drop table mismatch");
  EXPECT_EQ(exec_error(*connection, insert, {ValueView::integer(1)}).sqlstate, "42P01");
  outside("create table mismatch (v int)");
  exec(*connection, insert, {ValueView::integer(1)});
}

TEST(PostgresSchema, EnumThatGrowsOrIsMadeAnewIsFollowed) {
  const auto connection = connect_to(0);
  exec(*connection, "create type mood as enum ('sad')");
  const Table table(*connection, "moods", "v mood");
  const auto insert = "insert into moods values ($1) returning v";
  const auto find = "select count(*) from moods where v = $1";
  EXPECT_EQ(first(*connection, insert, {ValueView::text("sad")}), "sad");
  EXPECT_EQ(first(*connection, find, {ValueView::text("sad")}), "1");
  outside("alter type mood add value 'happy'");
  EXPECT_EQ(first(*connection, insert, {ValueView::text("happy")}), "happy");
  outside(
      "begin; alter table moods alter v type text; drop type mood; "
      "create type mood as enum ('sad', 'happy', 'new'); "
      "alter table moods alter v type mood using v::mood; commit");
  EXPECT_EQ(first(*connection, find, {ValueView::text("new")}), "0");
  EXPECT_EQ(first(*connection, insert, {ValueView::text("new")}), "new");
  outside("drop table moods; drop type mood");
}

// While it is open, others still see what was before, and are told so.
TEST(PostgresSchema, WhatATransactionChangedHoldsFromItsCommitOn) {
  const auto changing = connect_to(0);
  const auto looking = connect_to(0);
  exec(*changing, "create schema front");
  const Table table(*changing, "moved", "v text");
  exec(*changing, "insert into moved values ('behind')");
  exec(*looking, "set search_path = front, public");
  const auto query = "select v from moved";
  run(changing->begin(within(kPatience), {}));
  exec(*changing, "create table front.moved (v text)");
  exec(*changing, "insert into front.moved values ('in front')");
  EXPECT_EQ(first(*looking, query), "behind");
  run(changing->commit(within(kPatience)));
  EXPECT_EQ(first(*looking, query), "in front");
  exec(*changing, "drop schema front cascade");
}

TEST(PostgresSchema, SearchPathDecidesWhichTableIsMeant) {
  const auto connection = connect_to(0);
  exec(*connection, "create schema tenant_a");
  exec(*connection, "create schema tenant_b");
  exec(*connection, "create table tenant_a.things (v int)");
  exec(*connection, "create table tenant_b.things (v text)");
  const auto insert = "insert into things values ($1)";
  const auto query = "select v from things";
  const auto visit = [&](const char* path, ValueView value) {
    exec(*connection, path);
    exec(*connection, insert, {value});
    EXPECT_EQ(exec(*connection, query)->cell(0, 0).kind(), value.kind()) << path;
  };
  for (int i = 0; i < 2; ++i) {
    visit("set search_path = tenant_a", ValueView::integer(1));
    visit("set search_path = tenant_b", ValueView::text("one"));
    visit("select set_config('search_path', 'tenant_a', false)", ValueView::integer(1));
    visit("set schema 'tenant_b'", ValueView::text("two"));
    run(connection->begin(within(kPatience), {}));
    visit("set local search_path = tenant_a", ValueView::integer(1));
    run(connection->commit(within(kPatience)));
    visit("select 1", ValueView::text("three"));  // what was local has gone
    exec(*connection, "begin");
    exec(*connection, "savepoint s");
    visit("set local search_path = tenant_a", ValueView::integer(1));
    exec(*connection, "rollback to savepoint s");
    visit("select 1", ValueView::text("four"));
    exec(*connection, "rollback");
  }
  run(connection->reset(within(kPatience)));
  EXPECT_EQ(exec_error(*connection, query).sqlstate, "42P01");
  exec(*connection, "drop schema tenant_a cascade");
  exec(*connection, "drop schema tenant_b cascade");
}

TEST(PostgresStatements, ForgottenByTheServerArePreparedAgainWhateverMadeItForget) {
  const auto connection = connect_to(0);
  for (const auto* const forget :
       {"deallocate all", "discard all", "do $$begin execute 'deallocate all'; end$$"}) {
    SCOPED_TRACE(forget);
    const std::array queries{Statement{"select 7", {}, Effect::read},
                             Statement{"select 8", {}, Effect::read}};
    pipeline_of(*connection, queries);
    if (std::string_view(forget) != "discard all") {
      run(connection->begin(within(kPatience), {}));
      exec(*connection, "create temp table if not exists touched (v int)");
      exec(*connection, forget);
      EXPECT_EQ(first(*connection, "select 7"), "7");
      run(connection->commit(within(kPatience)));
    }
    exec(*connection, forget);
    EXPECT_EQ(first(*connection, "select 7"), "7");
    for (const auto& answer : pipeline_of(*connection, queries)) EXPECT_FALSE(answer.error);
  }
}

TEST(PostgresStatements, OfTheCallersOwnNamesAreTheCallersToKeep) {
  const auto connection = connect_to(0);
  exec(*connection, "select 1");
  EXPECT_EQ(exec_error(*connection, "execute nobodys").sqlstate, "26000");
  EXPECT_EQ(exec_error(*connection, "execute nobodys").sqlstate, "26000");
  exec(*connection, "select 1");
  EXPECT_EQ(first(*connection, kPrepared), "3") << "still kept on the server";
}

TEST(PostgresStatements, NamesAreNobodyElses) {
  const auto name_of = [](Connection& connection) {
    return first(connection, "select min(name) from pg_prepared_statements");
  };
  const auto one = connect_to(0);
  const auto other = connect_to(0);
  EXPECT_THAT(name_of(*one), StartsWith("grant_"));
  EXPECT_NE(name_of(*one), name_of(*other));
}

TEST(PostgresStatements, ThatAreNeverPreparedLeaveNothingOnTheServer) {
  const auto connection = connect_to(cluster().url(0) + "?prepare=never");
  const Table table(*connection, "unkept", "v int, w text");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(first(*connection, "insert into unkept values ($1, $2) returning v",
                    {ValueView::integer(i), ValueView::text("x")}),
              std::to_string(i));
  }
  EXPECT_EQ(first(*connection, kPrepared), "0");
  outside("alter table unkept alter v type text");
  EXPECT_EQ(exec(*connection, "select v from unkept")->cell(0, 0).kind(), ValueKind::text);
  outside("alter table unkept alter v type int8 using 5");
  EXPECT_EQ(exec(*connection, "select v from unkept")->cell(0, 0).as_integer(), 5);
  EXPECT_EQ(exec(*connection, "select v from unkept")->cell(0, 0).as_integer(), 5);
}

// libpq takes a description of more than 30,000 bytes for noise.
TEST(PostgresLimits, ParametersAreTakenUpToTheLimitOfTheProtocol) {
  for (const std::string_view how :
       {"prepare=session", "prepare=never", "statement_cache_size=0"}) {
    SCOPED_TRACE(how);
    const auto connection = connect_to(cluster().url(0) + "?" + std::string(how));
    for (const std::size_t count : {7'498U, 7'499U, 65'535U}) {
      std::string sql = "select v from (values (1::int8), (2), (70000)) t(v) where v in (";
      std::vector<ValueView> values;
      for (std::size_t i = 1; i <= count; ++i) {
        sql += (i == 1 ? "$" : ", $") + std::to_string(i);
        values.push_back(ValueView::integer(static_cast<std::int64_t>(i)));
      }
      sql += ")";
      for (int i = 0; i < (count > 10'000 ? 1 : 2); ++i) {
        const auto rows = exec(*connection, sql, values);
        ASSERT_EQ(rows->row_count(), 2U);
        EXPECT_EQ(rows->cell(1, 0).as_integer(), 2);
      }
      if (count > 10'000) break;  // the rest takes its time
      const Statement statement{sql, values, Effect::read};
      const auto answers = pipeline_of(*connection, {&statement, 1});
      ASSERT_FALSE(answers[0].error) << answers[0].error->message;
      EXPECT_EQ(answers[0].result->row_count(), 2U);
      for (const bool inside : {false, true}) {
        if (inside) run(connection->begin(within(kPatience), {}));
        const auto stream = run(connection->stream(within(kPatience), statement, {}));
        const Result* chunk = run(stream->next(within(kPatience)));
        ASSERT_NE(chunk, nullptr);
        EXPECT_EQ(chunk->row_count(), 2U);
        EXPECT_EQ(chunk->cell(0, 0).as_integer(), 1);
        run(stream->close(within(kPatience)));
        if (inside) run(connection->commit(within(kPatience)));
      }
      values.pop_back();
      EXPECT_THAT(exec_error(*connection, sql, values).message,
                  HasSubstr(std::to_string(count) + " placeholders"));
    }
    EXPECT_TRUE(connection->is_open());
  }
}

TEST(PostgresLimits, AreToldWithTheirNumberAndKeepTheConnection) {
  const auto connection = connect_to(0);
  const std::vector<ValueView> many(65'536, ValueView::integer(1));
  const std::string one = "select $1::int";
  const auto refused = exec_error(*connection, one, many);
  EXPECT_EQ(refused.code, Errc::invalid_argument);
  EXPECT_THAT(refused.message, HasSubstr("65535"));
  const Statement statement{one, many, Effect::read};
  EXPECT_EQ(pipeline_of(*connection, {&statement, 1})[0].error->code, Errc::invalid_argument);
  EXPECT_EQ(error_of([&] { run(connection->stream(within(kPatience), statement, {})); }).code,
            Errc::invalid_argument);

  std::string columns = "select 1";
  for (int i = 0; i < 1664; ++i) columns += ", 1";
  const auto wide_list = exec_error(*connection, columns);
  EXPECT_EQ(wide_list.code, Errc::invalid_argument);
  EXPECT_THAT(wide_list.message, HasSubstr("1664"));

  std::string row = "v0 text";
  std::string values = "md5('x')";
  for (int i = 1; i < 600; ++i) {
    row += ", v" + std::to_string(i) + " text";
    values += ", md5('x')";
  }
  const Table table(*connection, "wide_row", row);
  const auto too_big = exec_error(*connection, "insert into wide_row values (" + values + ")");
  EXPECT_EQ(too_big.code, Errc::invalid_argument);
  EXPECT_THAT(too_big.message, HasSubstr("8160"));
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

}  // namespace
}  // namespace grant::test
