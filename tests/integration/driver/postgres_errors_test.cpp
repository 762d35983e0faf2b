#include <fmt/format.h>

#include <future>

#include "integration/driver/postgres_fixture.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The server's own errors, each made to happen.
class PostgresErrors : public ::testing::Test {
 protected:
  void SetUp() override {
    exec(*one_,
         "create table parents (id int primary key, name text unique, "
         "age int not null default 0 check (age >= 0))");
    exec(*one_, "create table children (parent int references parents)");
    exec(*one_, "insert into parents values (1, 'Ada', 0), (2, 'Bob', 0)");
  }
  void TearDown() override {
    one_.reset();
    two_.reset();
    const auto connection = connect_to(0);
    exec(*connection, "drop table children, parents");
  }

  ErrorInfo error_for(std::string_view sql, std::vector<ValueView> params = {}) {
    auto error = error_of([&] { exec(*one_, sql, std::move(params)); });
    EXPECT_TRUE(one_->is_open());
    EXPECT_EQ(error.node, "primary/test");
    return error;
  }

  static void begin(Connection& connection, Isolation isolation) {
    TransactionOptions options;
    options.isolation = isolation;
    run(connection.begin(within(kPatience), options));
  }

  std::unique_ptr<Connection> one_ = connect_to(0);
  std::unique_ptr<Connection> two_ = connect_to(0);
};

struct Expected {
  std::string_view sql;
  Errc code;
  std::string_view sqlstate;
  std::string_view constraint;
};

TEST_F(PostgresErrors, AreSortedByWhatToDoNext) {
  const std::vector<Expected> table{
      {"insert into parents values (1, 'Cyd')", Errc::constraint, "23505", "parents_pkey"},
      {"insert into parents values (3, 'Ada')", Errc::constraint, "23505", "parents_name_key"},
      {"insert into children values (9)", Errc::constraint, "23503", "children_parent_fkey"},
      {"insert into parents values (3, 'Cyd', null)", Errc::constraint, "23502", ""},
      {"insert into parents values (3, 'Cyd', -1)", Errc::constraint, "23514", "parents_age_check"},
      {"select * from nowhere", Errc::invalid_argument, "42P01", ""},
      {"select nothing from parents", Errc::invalid_argument, "42703", ""},
      {"selekt", Errc::invalid_argument, "42601", ""},
      {"select 1/0", Errc::invalid_argument, "22012", ""},
      {"select pg_read_file('x')", Errc::invalid_argument, "42501", ""},
  };
  for (const auto& row : table) {
    const auto error = error_for(row.sql);
    EXPECT_EQ(error.code, row.code) << row.sql;
    EXPECT_EQ(error.sqlstate, row.sqlstate) << row.sql;
    EXPECT_EQ(error.constraint, row.constraint) << row.sql;
  }
}

TEST_F(PostgresErrors, NameTheRuleAndThePlaceButNoValues) {
  const auto duplicate = error_for("insert into parents values (3, $1)", {ValueView::text("Ada")});
  EXPECT_EQ(duplicate.message,
            "node \"primary/test\": duplicate key value violates unique constraint "
            "\"parents_name_key\" (table \"parents\")");
  const auto missing = error_for("insert into parents values (3, 'x', null)");
  EXPECT_THAT(missing.message, HasSubstr("\"age\""));
  EXPECT_THAT(missing.message, HasSubstr("\"parents\""));
}

TEST_F(PostgresErrors, HideValuesThatTheServerQuotes) {
  const auto secret = ValueView::text("open \"sesame\"");
  for (const std::string_view sql :
       {"select $1::text::int", "select ($1::text || '!')::int", "select $1::text::timestamptz",
        "select $1::uuid", "select $1::text::regclass", "select $1::text::json", "select $1::jsonb",
        "select set_config($1::text, 'x', false)", "select $1::text::int2[]",
        "select to_date($1::text, 'YYYY')"}) {
    const auto error = error_for(sql, {secret});
    EXPECT_EQ(error.code, Errc::invalid_argument) << sql;
    EXPECT_THAT(error.message, Not(HasSubstr("sesame"))) << sql;
  }
  const auto range = error_for("select $1::text::int2", {ValueView::text("70007")});
  EXPECT_EQ(range.sqlstate, "22003");
  EXPECT_EQ(range.message,
            "node \"primary/test\": the server refuses a value (22003): the number is out of its "
            "type's range");
  EXPECT_EQ(range.server_message, "value \"70007\" is out of range for type smallint");
}

// The text is the author's, whatever code he gives it.
TEST_F(PostgresErrors, AreNotToldInTheWordsOfFunctions) {
  for (const std::string_view code : {"P0001", "23505", "42P01", "XX000", "40001", "ZZ123"}) {
    exec(*one_, fmt::format("create or replace function speaks(said text) returns void language "
                            "plpgsql as $$begin raise exception 'it was %', said using errcode = "
                            "'{}', hint = 'of ' || said; end$$",
                            code));
    const auto error = error_for("select speaks($1)", {ValueView::text("sesame")});
    EXPECT_EQ(error.sqlstate, code);
    EXPECT_THAT(error.message, Not(HasSubstr("sesame"))) << code;
    EXPECT_EQ(error.server_message, "it was sesame; of sesame");
  }
  exec(*one_, "drop function speaks");
}

TEST_F(PostgresErrors, OfSyntaxDoNotQuoteTheStatement) {
  const auto error = error_for("create role r pasword 'sesame'");
  EXPECT_EQ(error.sqlstate, "42601");
  EXPECT_THAT(error.message, HasSubstr("syntax error at character 15"));
  EXPECT_THAT(error_for("select 1 'sesame' 2").message, Not(HasSubstr("sesame")));
}

TEST_F(PostgresErrors, TimeLimitsOfTheServer) {
  exec(*one_, "set statement_timeout = '30ms'");
  EXPECT_EQ(error_for("select pg_sleep(60)").code, Errc::timeout);
  exec(*one_, "set statement_timeout = 0");

  begin(*two_, Isolation::engine_default);
  exec(*two_, "update parents set age = 1 where id = 1");
  exec(*one_, "set lock_timeout = '30ms'");
  const auto locked = error_for("update parents set age = 2 where id = 1");
  EXPECT_EQ(locked.code, Errc::timeout);
  EXPECT_EQ(locked.sqlstate, "55P03");
  EXPECT_EQ(error_for("select * from parents where id = 1 for update nowait").code, Errc::timeout);
}

TEST_F(PostgresErrors, StatementCancelledByAnotherSession) {
  const auto backend = exec(*one_, "select pg_backend_pid()")->cell(0, 0).as_integer();
  auto error = std::async(std::launch::async, [&] { return error_for("select pg_sleep(60)"); });
  await(*two_,
        "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' "
        "and state = 'active' and wait_event = 'PgSleep'",
        "1");
  exec(*two_, "select pg_cancel_backend($1)", {ValueView::integer(backend)});
  EXPECT_EQ(error.get().code, Errc::cancelled);
}

TEST_F(PostgresErrors, SerializationFailureIsAConflict) {
  begin(*one_, Isolation::repeatable_read);
  exec(*one_, "select * from parents");
  exec(*two_, "update parents set age = age + 1 where id = 1");
  const auto error = error_for("update parents set age = age + 1 where id = 1");
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_EQ(error.sqlstate, "40001");
  EXPECT_EQ(error_for("select 1").sqlstate, "40001") << "what failed the transaction";
}

TEST_F(PostgresErrors, SerializationFailureAtCommitIsAConflict) {
  begin(*one_, Isolation::serializable);
  begin(*two_, Isolation::serializable);
  exec(*one_, "select sum(age) from parents");
  exec(*two_, "select sum(age) from parents");
  exec(*one_, "update parents set age = 1 where id = 1");
  exec(*two_, "update parents set age = 1 where id = 2");
  run(one_->commit(within(kPatience)));
  const auto error = error_of([&] { run(two_->commit(within(kPatience))); });
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_EQ(error.sqlstate, "40001");
  EXPECT_EQ(two_->transaction_state(), TransactionState::none);
}

TEST_F(PostgresErrors, DeadlockIsAConflictForOneOfTheTwo) {
  begin(*one_, Isolation::engine_default);
  begin(*two_, Isolation::engine_default);
  exec(*one_, "update parents set age = 1 where id = 1");
  exec(*two_, "update parents set age = 1 where id = 2");
  const auto attempt = [](Connection& connection, std::string_view sql) {
    try {
      exec(connection, sql);
      run(connection.rollback(within(kPatience)));
      return std::string("none");
    } catch (const Conflict& conflict) {
      run(connection.rollback(within(kPatience)));
      return conflict.sqlstate();
    }
  };
  auto other = std::async(std::launch::async, [&] {
    return attempt(*two_, "update parents set age = 2 where id = 1");
  });
  const auto mine = attempt(*one_, "update parents set age = 2 where id = 2");
  EXPECT_THAT((std::vector{mine, other.get()}), ::testing::UnorderedElementsAre("40P01", "none"));
}

TEST_F(PostgresErrors, DeferredRuleFailsTheCommit) {
  exec(*one_,
       "alter table children add constraint late foreign key (parent) references parents "
       "deferrable initially deferred");
  exec(*one_, "alter table children drop constraint children_parent_fkey");
  begin(*one_, Isolation::engine_default);
  exec(*one_, "insert into children values (9)");
  const auto error = error_of([&] { run(one_->commit(within(kPatience))); });
  EXPECT_EQ(error.code, Errc::constraint);
  EXPECT_EQ(error.constraint, "late");
}

}  // namespace
}  // namespace grant::test
