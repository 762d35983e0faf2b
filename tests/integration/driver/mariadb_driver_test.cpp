// Statements and values, where MariaDB has ways of its own.

#include <fmt/format.h>

#include "grant/core/timestamp.hpp"
#include "grant/io/poll_loop.hpp"
#include "integration/driver/mariadb_fixture.hpp"

namespace grant::test {
int running(std::string_view sql) {
  return std::stoi(
      cluster().sql(0, fmt::format("select count(*) from information_schema.processlist where "
                                   "user = 'app' and command <> 'Sleep' and info = '{}'",
                                   sql)));
}

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MariadbPlaceholders, AreFoundOnlyWhereTheyAreCode) {
  const auto connection = connect_to(0);
  const auto one = ValueView::integer(1);
  const auto two = ValueView::integer(2);
  const std::vector<std::pair<std::string, std::string>> cases{
      {"select '$9''$8', $1 + $2", "$9'$8"},
      {R"(select 'it\'s $9', $1 + $2)", "it's $9"},
      {"select \"a$9\" from (select 'x' as \"a$9\", $1 as b, $2 as c) as t", "x"},
      {"select `a``$9` from (select 'y' as `a``$9`, $1 as b, $2 as c) as t", "y"},
      {"select 'z' -- $9 it's\n, $1 + $2", "z"},
      {"select 'z' --\n, $1 + $2", "z"},
      {"select 'z' # $9 \"\n, $1 + $2", "z"},
      {"select 'z' /* $9 ' ? */, $1 + $2", "z"},
      {"select /*! $2 +*/ $1", "3"},
      {"select /*M!100000 $2 +*/ $1", "3"},
      {"select a$9 from (select 4 as a$9, $1 as b, $2 as c) as t", "4"},
      {"select 5--$2-$1", "6"},
      {"select 5-$1*$2/*$9*/", "3"},
      {"select '?', $2, $1", "?"},
  };
  for (const auto& [sql, expected] : cases) {
    EXPECT_EQ(first(*connection, sql, {one, two}), expected) << sql;
  }
}

TEST(MariadbPlaceholders, QuestionMarksAndZeroAreRefused) {
  const auto connection = connect_to(0);
  EXPECT_EQ(exec_error(*connection, "select ?").code, Errc::invalid_argument);
  EXPECT_EQ(exec_error(*connection, "select ?", {ValueView::integer(1)}).code,
            Errc::invalid_argument);
  EXPECT_EQ(exec_error(*connection, "select $0", {ValueView::integer(1)}).code,
            Errc::invalid_argument);
  EXPECT_EQ(exec_error(*connection, "select $99999999999999999999999").code,
            Errc::invalid_argument);
  EXPECT_EQ(exec_error(*connection, "select 'open $1", {ValueView::integer(1)}).code,
            Errc::invalid_argument);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(MariadbPlaceholders, FollowTheSessionsWayWithBackslashes) {
  const auto connection = connect_to(0);
  exec(*connection, "set sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES')");
  EXPECT_EQ(first(*connection, R"(select concat('a\', $1, '\'))", {ValueView::text("b")}),
            R"(a\b\)");
}

TEST(MariadbStatements, EvictedOnesLeaveTheServer) {
  const auto connection = connect_to(cluster().url(0) + "?statement_cache_size=2");
  for (int i = 0; i < 6; ++i) exec(*connection, fmt::format("select {}", i));
  const auto rows = exec(*connection, "show session status like 'Prepared_stmt_count'");
  EXPECT_LE(std::stoi(text_of(rows->cell(0, 1))), 3);
}

TEST(MariadbStatements, CacheOfSizeZeroKeepsNothing) {
  const auto connection = connect_to(cluster().url(0) + "?statement_cache_size=0");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(first(*connection, "select $1 + 1", {ValueView::integer(i)}), std::to_string(i + 1));
  }
}

TEST(MariadbStatements, ThoseThatCannotBePreparedRunAsText) {
  const auto connection = connect_to(0);
  exec(*connection, "prepare twice from 'select 2 * 21 as answer'");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(first(*connection, "execute twice"), "42");
  exec(*connection, "deallocate prepare twice");
}

TEST(MariadbStatements, NamesOfColumnsFollowTheTable) {
  const auto connection = connect_to(0);
  const auto other = connect_to(0);
  exec(*connection, "create table renamed (a int, b json)");
  exec(*connection, "insert into renamed values (1, '{}')");
  const auto query = "select * from renamed";
  const auto twin = "select 1 as x, 2 as y";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(exec(*connection, query)->column_name(0), "a");
    EXPECT_EQ(exec(*connection, twin)->column_name(0), "x");
  }
  exec(*other, "alter table renamed change a c bigint");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(exec(*connection, query)->column_name(0), "c");
    EXPECT_EQ(exec(*connection, query)->cell(0, 1).kind(), ValueKind::json);
    EXPECT_EQ(exec(*connection, twin)->column_name(0), "x");
  }
  exec(*connection, "drop table renamed");
}

TEST(MariadbStatements, WrittenRowsThatCannotBeReadAreNotWrittenTwice) {
  const auto connection = connect_to(0);
  exec(*connection, "create table wider (a int)");
  const auto insert = "insert into wider (a) values (1) returning *";
  EXPECT_EQ(exec(*connection, insert)->column_count(), 1U);
  cluster().sql(0, "alter table wider add column b int");  // by another process
  EXPECT_EQ(exec_error(*connection, insert).code, Errc::outcome_unknown);
  EXPECT_EQ(first(*connection, "select count(*) from wider"), "2");
  EXPECT_EQ(exec(*connection, insert)->column_count(), 2U);
  exec(*connection, "drop table wider");
}

TEST(MariadbStatements, ProceduresGiveTheirRows) {
  const auto connection = connect_to(0);
  exec(*connection, "create procedure one_result(n int) begin select n; end");
  exec(*connection, "create procedure two_results(n int) begin select n; select 8, 9; end");
  for (const auto* call : {"call one_result($1)", "call two_results($1)"}) {
    for (int n = 1; n < 4; ++n) {
      EXPECT_EQ(first(*connection, call, {ValueView::integer(n)}), std::to_string(n)) << call;
    }
  }
  EXPECT_EQ(first(*connection, "select 1"), "1");
  exec(*connection, "drop procedure one_result");
  exec(*connection, "drop procedure two_results");
}

TEST(MariadbStatements, KindThatIsNoTypeOfTheProtocolFollowsItsColumn) {
  const auto connection = connect_to(0);
  exec(*connection, "create table remade (v uuid)");
  exec(*connection, "insert into remade values (uuid())");
  const auto kind = [&] {
    return exec(*connection, "select v from remade", {}, Effect::read)->cell(0, 0).kind();
  };
  EXPECT_EQ(kind(), ValueKind::uuid);
  exec(*connection, "alter table remade modify v varchar(36)");
  exec(*connection, "update remade set v = 'no uuid'");
  EXPECT_EQ(kind(), ValueKind::text);
  EXPECT_EQ(kind(), ValueKind::text);
  exec(*connection, "drop table remade");
}

TEST(MariadbValues, IntegersOfAllWidths) {
  const auto connection = connect_to(0);
  exec(*connection,
       "create table widths (a tinyint, b smallint, c mediumint, d int, e bigint, f tinyint "
       "unsigned, g smallint unsigned, h mediumint unsigned, i int unsigned, j bigint unsigned, k "
       "year, l boolean)");
  exec(*connection,
       "insert into widths values (-128, -32768, -8388608, -2147483648, -9223372036854775808, 255, "
       "65535, 16777215, 4294967295, 18446744073709551615, 2026, 1)");
  // Both protocols read the same.
  exec(*connection, "prepare widths from 'select * from widths'");
  for (const auto* sql : {"select * from widths", "execute widths"}) {
    const auto rows = exec(*connection, sql);
    const std::vector<std::string> expected{
        "-128", "-32768", "-8388608", "-2147483648", "-9223372036854775808",
        "255",  "65535",  "16777215", "4294967295",  "18446744073709551615",
        "2026", "true"};
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(text_of(rows->cell(0, i)), expected[i]) << sql;
    }
    EXPECT_EQ(rows->cell(0, 8).kind(), ValueKind::integer);
    EXPECT_EQ(rows->cell(0, 9).kind(), ValueKind::unsigned_integer);
  }
  exec(*connection, "drop table widths");
}

TEST(MariadbValues, OtherTypesInBothProtocols) {
  const auto connection = connect_to(0);
  exec(
      *connection,
      "create table others (a decimal(20,4), b date, c time(3), d float, e double, f datetime(6), "
      "g timestamp(6) null, h varbinary(9), i json, j enum('x','y'), k bit(9), l char(3), m uuid)");
  exec(*connection,
       "insert into others values (1234567890123456.7891, '2026-11-23', '12:34:56.789', 0.5, 1e300,"
       " '2026-11-23 11:26:41.000042', '2026-11-23 11:26:41.000042', x'00ff', '[1]', 'y', "
       "b'100000001',"
       " 'abc', '0190B2F6-6F6E-7C3A-8D3F-2B9A4C1D0E5F')");
  exec(*connection, "prepare others from 'select * from others'");
  for (const auto* sql : {"select * from others", "execute others"}) {
    const auto rows = exec(*connection, sql);
    const std::vector<std::string> expected{"1234567890123456.7891",
                                            "2026-11-23",
                                            "12:34:56.789000",
                                            "0.5",
                                            "1e+300",
                                            "2026-11-23 11:26:41.000042",
                                            "2026-11-23 11:26:41.000042",
                                            std::string("\x00\xff", 2),
                                            "[1]",
                                            "y",
                                            "\x01\x01",
                                            "abc",
                                            "0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f"};
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(text_of(rows->cell(0, i)), expected[i]) << sql << ", column " << i;
    }
    EXPECT_EQ(rows->cell(0, 0).kind(), ValueKind::decimal);
    EXPECT_EQ(rows->cell(0, 9).kind(), ValueKind::text);
    EXPECT_EQ(rows->cell(0, 7).kind(), ValueKind::bytes);
    EXPECT_EQ(rows->cell(0, 8).kind(), ValueKind::json);
  }
  exec(*connection, "drop table others");
}

TEST(MariadbValues, TimesThatAreNoTimeOfDayAreRefusedByColumn) {
  const auto connection = connect_to(0);
  exec(*connection, "create table times (at time(6), ends time)");
  exec(*connection, "insert into times values ('-00:00:01', '24:00:00'), ('24:00:00.000001', '0')");
  exec(*connection, "prepare times from 'select * from times'");
  for (const auto* sql : {"select * from times", "execute times"}) {
    const auto rows = exec(*connection, sql);
    EXPECT_EQ(rows->cell(0, 1).as_time().since_midnight, std::chrono::hours(24));
    EXPECT_EQ(rows->cell(1, 1).as_time().since_midnight, std::chrono::hours(0));
    for (const std::size_t row : {0U, 1U}) {
      const auto error = error_of([&] { return rows->cell(row, 0).kind(); });
      EXPECT_EQ(error.code, Errc::invalid_argument);
      EXPECT_THAT(error.message, HasSubstr("\"at\""));
    }
  }
  exec(*connection, "drop table times");
}

TEST(MariadbValues, BoundOnesArriveAsTheyAre) {
  const auto connection = connect_to(0);
  exec(*connection,
       "create table bound (a bigint unsigned, b decimal(65,30), c date, d time(6), e uuid, f "
       "char(36))");
  const auto uuid = Uuid::parse("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f").value();
  const std::string digits = std::string(35, '9') + "." + std::string(30, '9');
  exec(*connection, "insert into bound values ($1, $2, $3, $4, $5, $5)",
       {ValueView::unsigned_integer(18'446'744'073'709'551'615U), ValueView::decimal(digits),
        ValueView::date(std::chrono::year(1) / 1 / 1),
        ValueView::time(TimeOfDay{std::chrono::hours(24)}), ValueView::uuid(uuid)});
  const auto rows =
      exec(*connection,
           "select * from bound where a = $1 and b = $2 and c = $3 and d = $4 and e "
           "= $5 and f = $5",
           {ValueView::unsigned_integer(18'446'744'073'709'551'615U), ValueView::decimal(digits),
            ValueView::date(std::chrono::year(1) / 1 / 1),
            ValueView::time(TimeOfDay{std::chrono::hours(24)}), ValueView::uuid(uuid)});
  ASSERT_EQ(rows->row_count(), 1U);
  const std::vector<std::string> expected{"18446744073709551615", digits,
                                          "0001-01-01",           "24:00:00.000000",
                                          uuid.to_string(),       uuid.to_string()};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(text_of(rows->cell(0, i)), expected[i]);
  exec(*connection, "drop table bound");
}

TEST(MariadbValues, ThoseThatNoTypeHoldsAreRefusedByPlace) {
  const auto connection = connect_to(0);
  const auto refused = [&](ValueView value) {
    const auto error = exec_error(*connection, "select 1, $1", {value});
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr("$1"));
    return error.message;
  };
  EXPECT_THAT(refused(ValueView::array({})), HasSubstr("MariaDB has no arrays"));
  EXPECT_THAT(refused(ValueView::decimal(std::string(66, '1'))), HasSubstr("65 digits"));
  EXPECT_THAT(refused(ValueView::decimal("0." + std::string(39, '1'))), HasSubstr("38"));
  EXPECT_THAT(refused(ValueView::date(std::chrono::year(0) / 12 / 31)), HasSubstr("years 1"));
  EXPECT_THAT(refused(ValueView::time(TimeOfDay{std::chrono::hours(25)})), HasSubstr("24 hours"));
}

TEST(MariadbValues, ZeroDatesAreRefusedByColumnWhenTheyAreRead) {
  const auto connection = connect_to(0);
  exec(*connection, "create table zeroes (id int, at datetime(6))");
  EXPECT_EQ(exec_error(*connection, "insert into zeroes values (1, '0000-00-00')").code,
            Errc::invalid_argument);
  exec(*connection, "set sql_mode = ''");
  exec(*connection, "insert into zeroes values (1, '0000-00-00'), (2, '2026-02-00')");
  exec(*connection, "prepare zeroes from 'select * from zeroes'");
  for (const auto* sql : {"select * from zeroes", "execute zeroes"}) {
    const auto rows = exec(*connection, sql);
    EXPECT_EQ(rows->cell(0, 0).as_integer(), 1);
    for (const std::size_t row : {0U, 1U}) {
      const auto error = error_of([&] { return rows->cell(row, 1).kind(); });
      EXPECT_EQ(error.code, Errc::invalid_argument);
      EXPECT_THAT(error.message, HasSubstr("\"at\""));
    }
  }
  exec(*connection, "drop table zeroes");
}

TEST(MariadbValues, ThoseThatDoNotFitAreRefusedAndNotQuoted) {
  const auto connection = connect_to(0);
  exec(*connection,
       "create table small (a tinyint, b varchar(3), c datetime, d int unsigned, e json)");
  const auto refused = [&](const char* column, ValueView value) {
    const auto error =
        exec_error(*connection, fmt::format("insert into small ({}) values ($1)", column), {value});
    EXPECT_THAT(error.message, HasSubstr(column));
    EXPECT_THAT(error.message, Not(HasSubstr("4711")));
    EXPECT_NE(error.native, 0);
    return error.code;
  };
  EXPECT_EQ(refused("a", ValueView::integer(4711)), Errc::invalid_argument);
  EXPECT_EQ(refused("a", ValueView::text("4711' for x'")), Errc::invalid_argument);
  EXPECT_EQ(refused("b", ValueView::text("4711")), Errc::invalid_argument);
  EXPECT_EQ(refused("c", ValueView::text("4711-xx")), Errc::invalid_argument);
  EXPECT_EQ(refused("d", ValueView::integer(-4711)), Errc::invalid_argument);
  EXPECT_EQ(refused("e", ValueView::text("{4711")), Errc::constraint);
  EXPECT_EQ(first(*connection, "select count(*) from small"), "0");
  exec(*connection, "drop table small");
}

TEST(MariadbErrors, ConstraintsAreNamed) {
  const auto connection = connect_to(0);
  exec(*connection,
       "create table parents (id int primary key, name varchar(20), unique key by_name (name))");
  exec(*connection,
       "create table children (parent int, constraint of_parent foreign key (parent) references "
       "parents (id))");
  exec(*connection, "insert into parents values (1, 'it''s for key ''x''')");
  const auto duplicate = exec_error(*connection, "insert into parents values (2, $1)",
                                    {ValueView::text("it's for key 'x'")});
  EXPECT_EQ(duplicate.constraint, "by_name");
  EXPECT_THAT(duplicate.message, Not(HasSubstr("it's")));
  EXPECT_EQ(duplicate.native, 1062);
  EXPECT_EQ(exec_error(*connection, "insert into children values (9)").constraint, "of_parent");
  exec(*connection, "insert into children values (1)");
  EXPECT_EQ(exec_error(*connection, "delete from parents").constraint, "of_parent");
  exec(*connection, "drop table children");
  exec(*connection, "drop table parents");
}

TEST(MariadbSession, SettingsThatValuesDependOnAreFixed) {
  const auto connection = connect_to(0);
  EXPECT_EQ(first(*connection, "select @@session.time_zone"), "+00:00");
  EXPECT_EQ(first(*connection, "select @@character_set_client"), "utf8mb4");
  EXPECT_EQ(first(*connection, "select @@character_set_results"), "utf8mb4");
  EXPECT_THAT(first(*connection, "select @@sql_mode"), HasSubstr("STRICT_TRANS_TABLES"));
  EXPECT_EQ(first(*connection, "select @@session.session_track_system_variables"), "last_gtid");
  EXPECT_EQ(exec_error(*connection, "load data local infile '/etc/hostname' into table x").code,
            Errc::invalid_argument);
}

TEST(MariadbSession, MatchedRowsCountAsAffected) {
  const auto connection = connect_to(0);
  exec(*connection, "create table matched (a int)");
  exec(*connection, "insert into matched values (1), (1)");
  EXPECT_EQ(exec(*connection, "update matched set a = 1")->affected_rows(), 2U);
  exec(*connection, "drop table matched");
}

Task<void> sleep_on_server(io::Call call, int& ended) {
  ConnectOptions options;
  options.url = Url::parse(cluster().url(0));
  const auto connection = co_await mariadb::driver().connect(call, std::move(options));
  Statement statement;
  statement.sql = "select sleep(2)";
  statement.effect = Effect::read;
  const auto rows = co_await connection->execute(call, statement);
  if (rows->row_count() == 1) ++ended;
}

TEST(MariadbAwaiting, EightSleepersShareOneThread) {
  io::PollLoop loop;
  int ended = 0;
  const auto started = Clock::system().now();
  for (int i = 0; i < 8; ++i) {
    loop.spawn(sleep_on_server(io::Call(loop, started + kPatience), ended));
  }
  loop.run();
  EXPECT_EQ(ended, 8);
  EXPECT_LT(Clock::system().now() - started, std::chrono::seconds(8 * 2));
}

}  // namespace
}  // namespace grant::test
