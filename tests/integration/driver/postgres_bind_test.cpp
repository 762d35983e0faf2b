#include <cmath>
#include <limits>

#include "grant/core/timestamp.hpp"
#include "integration/driver/postgres_fixture.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

Timestamp time(std::string_view text) { return parse_timestamp(text).value(); }

Date day(std::string_view text) { return parse_date(text).value(); }

const std::string kUuidText = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
const Uuid kUuid = Uuid::parse(kUuidText).value();
const std::array kNumbers{ValueView::integer(1), ValueView(), ValueView::integer(-3)};
const std::array kTexts{ValueView::text(""), ValueView::text("NULL"), ValueView(),
                        ValueView::text("a,\"b\\{}")};

struct RoundTrip {
  std::string_view type;
  ValueView value;
  ValueKind kind;
  std::string text;
};

/// The value bound to `type` and read back; `beside` another column, whose type may force text.
void expect_round_trip(Connection& connection, const RoundTrip& trip, std::string_view beside) {
  const auto sql = "select $1::" + std::string(trip.type) + std::string(beside);
  SCOPED_TRACE(sql);
  const auto result = exec(connection, sql, {trip.value});
  const auto cell = result->cell(0, 0);
  EXPECT_EQ(cell.kind(), trip.kind);
  EXPECT_EQ(text_of(cell), trip.text);
}

TEST(PostgresValues, RoundTripInBinaryAndInText) {
  const auto connection = connect_to(0);
  const std::string zeros("\x00\xff\\'\x01", 5);
  const auto zero_bytes = ValueView::bytes(std::as_bytes(std::span(zeros)));
  const std::vector<RoundTrip> trips{
      {"bool", ValueView::boolean(true), ValueKind::boolean, "true"},
      {"bool", ValueView::boolean(false), ValueKind::boolean, "false"},
      {"int2", ValueView::integer(-32768), ValueKind::integer, "-32768"},
      {"int4", ValueView::integer(2147483647), ValueKind::integer, "2147483647"},
      {"int4", ValueView::integer(-2), ValueKind::integer, "-2"},
      {"int8", ValueView::integer(kLeast), ValueKind::integer, std::to_string(kLeast)},
      {"int8", ValueView::integer(kMost), ValueKind::integer, std::to_string(kMost)},
      {"oid", ValueView::integer(4294967295), ValueKind::integer, "4294967295"},
      {"float4", ValueView::real(0.1F), ValueKind::real, text_of(ValueView::real(0.1F))},
      {"float8", ValueView::real(0.1), ValueKind::real, "0.1"},
      {"float8", ValueView::real(-INFINITY), ValueKind::real, "-inf"},
      {"float8", ValueView::real(5e-324), ValueKind::real, "5e-324"},
      {"float8", ValueView::integer(1LL << 53), ValueKind::real, "9007199254740992"},
      {"text", ValueView::text("a'b\"\\ \n€\U0001F600"), ValueKind::text, "a'b\"\\ \n€\U0001F600"},
      {"text", ValueView::text({}), ValueKind::text, ""},
      {"varchar(3)", ValueView::text("abc"), ValueKind::text, "abc"},
      {"bytea", zero_bytes, ValueKind::bytes, zeros},
      {"bytea", ValueView::bytes({}), ValueKind::bytes, ""},
      {"json", ValueView::json(R"({"a": [1]})"), ValueKind::json, R"({"a": [1]})"},
      {"jsonb", ValueView::json(R"({"a":[1]})"), ValueKind::json, R"({"a": [1]})"},
      {"timestamptz", ValueView::timestamp(time("2026-11-23 11:26:41.000042")),
       ValueKind::timestamp, "2026-11-23 11:26:41.000042"},
      {"timestamptz", ValueView::timestamp(time("1883-11-18 12:00:00.5")), ValueKind::timestamp,
       "1883-11-18 12:00:00.500000"},
      {"timestamp", ValueView::timestamp(time("1969-12-31 23:59:59.999999")), ValueKind::timestamp,
       "1969-12-31 23:59:59.999999"},
      {"int8", ValueView(), ValueKind::null, "null"},
      {"numeric", ValueView::unsigned_integer(18'446'744'073'709'551'615U), ValueKind::decimal,
       "18446744073709551615"},
      {"numeric", ValueView::decimal("-0.00012345678901234567890"), ValueKind::decimal,
       "-0.00012345678901234567890"},
      {"numeric", ValueView::decimal("100000000.10"), ValueKind::decimal, "100000000.10"},
      {"numeric", ValueView::decimal("0"), ValueKind::decimal, "0"},
      {"numeric(9,3)", ValueView::decimal("-0.5"), ValueKind::decimal, "-0.500"},
      {"numeric", ValueView::text("12345678901234567890.12"), ValueKind::decimal,
       "12345678901234567890.12"},
      {"numeric", ValueView::integer(kLeast), ValueKind::decimal, std::to_string(kLeast)},
      {"numeric", ValueView::real(0.1), ValueKind::decimal, "0.1"},
      {"numeric", ValueView::real(1e22), ValueKind::decimal, "10000000000000000000000"},
      {"numeric", ValueView::text("1e3"), ValueKind::decimal, "1000"},
      {"date", ValueView::date(day("2026-11-23")), ValueKind::date, "2026-11-23"},
      {"date", ValueView::date(day("0001-01-01")), ValueKind::date, "0001-01-01"},
      {"date", ValueView::text("2026-11-23"), ValueKind::date, "2026-11-23"},
      {"date", ValueView::timestamp(time("1999-12-31")), ValueKind::date, "1999-12-31"},
      {"timestamptz", ValueView::date(day("1999-12-31")), ValueKind::timestamp,
       "1999-12-31 00:00:00.000000"},
      {"time", ValueView::time({std::chrono::microseconds(1)}), ValueKind::time, "00:00:00.000001"},
      {"time", ValueView::time({std::chrono::hours(24)}), ValueKind::time, "24:00:00.000000"},
      {"uuid", ValueView::uuid(kUuid), ValueKind::uuid, kUuidText},
      {"uuid", ValueView::text(kUuidText), ValueKind::uuid, kUuidText},
      {"text", ValueView::text(""), ValueKind::text, ""},
      {"int8[]", ValueView::array(kNumbers), ValueKind::array, "{1;null;-3;}"},
      {"int2[]", ValueView::array(kNumbers), ValueKind::array, "{1;null;-3;}"},
      {"numeric[]", ValueView::array(kNumbers), ValueKind::array, "{1;null;-3;}"},
      {"float8[]", ValueView::array(kNumbers), ValueKind::array, "{1;null;-3;}"},
      {"text[]", ValueView::array(kTexts), ValueKind::array, "{;NULL;null;a,\"b\\{};}"},
      {"text[]", ValueView::array({}), ValueKind::array, "{}"},
      {"int4[]", ValueView::text("{1,NULL,3}"), ValueKind::array, "{1;null;3;}"},
  };
  for (const auto& trip : trips) {
    expect_round_trip(*connection, trip, "");
    expect_round_trip(*connection, trip, ", '1 day'::interval");
  }
}

TEST(PostgresValues, OtherTypesTakeAndGiveText) {
  const auto connection = connect_to(0);
  const std::vector<RoundTrip> trips{
      {"inet", ValueView::text("10.0.0.1/8"), ValueKind::text, "10.0.0.1/8"},
      {"interval", ValueView::text("1 day"), ValueKind::text, "1 day"},
  };
  for (const auto& trip : trips) expect_round_trip(*connection, trip, "");

  exec(*connection, "create type mood as enum ('calm', 'keen')");
  exec(*connection, "create domain count as int check (value >= 0)");
  exec(*connection, "create table odd (m mood, c count)");
  const std::vector<ValueView> row{ValueView::text("keen"), ValueView::integer(7)};
  EXPECT_EQ(exec(*connection, "insert into odd values ($1, $2)", row)->affected_rows(), 1U);
  const auto result = exec(*connection, "select m, c from odd where m = $1", {row[0]});
  EXPECT_EQ(text_of(result->cell(0, 0)), "keen");
  EXPECT_EQ(result->cell(0, 1).kind(), ValueKind::integer);
  EXPECT_EQ(result->cell(0, 1).as_integer(), 7);
  const std::vector<ValueView> moods{ValueView::text("calm"), ValueView(), row[0]};
  const auto any =
      exec(*connection, "select count(*) from odd where m = any($1)", {ValueView::array(moods)});
  EXPECT_EQ(any->cell(0, 0).as_integer(), 1);
  const std::vector<ValueView> nets{ValueView::text("10.0.0.1"), ValueView::text("::1")};
  const auto net = exec(*connection, "select '::1'::inet = any($1)", {ValueView::array(nets)});
  EXPECT_TRUE(net->cell(0, 0).as_boolean());
  const std::vector<ValueView> quoted{ValueView::text("a\"b\\c"), ValueView::text("")};
  exec(*connection, "create type strange as enum ('a\"b\\c', '')");
  const auto same =
      exec(*connection, "select ($1::strange[])[1]::text", {ValueView::array(quoted)});
  EXPECT_EQ(text_of(same->cell(0, 0)), "a\"b\\c");
  exec(*connection, "drop type strange");
  exec(*connection, "drop table odd");
  exec(*connection, "drop domain count");
  exec(*connection, "drop type mood");
}

TEST(PostgresValues, TimestampWithoutZoneIsUtc) {
  const auto connection = connect_to(0);
  const auto noon = ValueView::timestamp(time("2026-07-01 12:00:00"));
  EXPECT_EQ(first(*connection, "select $1::timestamp::text", {noon}), "2026-07-01 12:00:00");
  EXPECT_EQ(first(*connection, "select $1::timestamptz::text", {noon}), "2026-07-01 12:00:00+00");
  EXPECT_EQ(first(*connection, "select $1::timestamp = $1::timestamptz::timestamp", {noon}),
            "true");
}

TEST(PostgresValues, ParametersMayRepeatAndComeInAnyOrder) {
  const auto connection = connect_to(0);
  EXPECT_EQ(first(*connection, "select $2::text || $1::text || $2::text",
                  {ValueView::text("1"), ValueView::text("2")}),
            "212");
}

struct Refusal {
  std::string_view sql;
  ValueView value;
  std::string_view says;
};

TEST(PostgresValues, WhatDoesNotFitIsRefusedByPlaceTypeAndLimit) {
  const auto connection = connect_to(0);
  const auto secret = ValueView::text("sesame");
  const std::vector<Refusal> refusals{
      {"select $1::int, $2::int2", ValueView::integer(40000),
       "parameter $2: the integer does not fit: smallint holds -32768 to 32767"},
      {"select $1::int, $2::int4", ValueView::integer(1LL << 31),
       "integer holds -2147483648 to 2147483647"},
      {"select $1::int, $2::oid", ValueView::integer(-1), "oid holds 0 to 4294967295"},
      {"select $1::int, $2::float8", ValueView::integer((1LL << 53) + 1), "exactly"},
      {"select $1::int, $2::float4", ValueView::real(1e300), "magnitudes up to"},
      {"select $1::int, $2::float4", ValueView::integer((1LL << 24) + 1),
       "real holds integers to 16777216 exactly"},
      {"select $1::int, $2::int", secret, "a text value cannot be bound to integer"},
      {"select $1::int, $2::bool", ValueView::integer(1), "cannot be bound to boolean"},
      {"select $1::int, $2::text", ValueView::integer(1), "cannot be bound to text"},
      {"select $1::int, $2::bytea", secret, "cannot be bound to bytea"},
      {"select $1::int, $2::date", ValueView::timestamp(time("2026-01-01 01:00:00")),
       "no time of day"},
      {"select $1::int, $2::text", ValueView::text({"sesame\0x", 8}), "NUL character at byte 6"},
      {"select $1::int, $2::text", ValueView::text("sesame\xC3("), "not UTF-8 at byte 6"},
      {"select $1::int, $2::text", ValueView::text("12345678\xED\xA0\x80"), "not UTF-8 at byte 8"},
      {"select $1::int, $2::jsonb", ValueView::json("\xC0\x80"), "not UTF-8 at byte 0"},
      {"select $1::int, $2::timestamp", ValueView::timestamp(Timestamp::min()),
       "starts at 4714-11-24 BC"},
  };
  for (const auto& [sql, value, says] : refusals) {
    const auto error = error_of([&, v = value, s = sql] {
      exec(*connection, s, {ValueView::integer(1), v});
    });
    EXPECT_EQ(error.code, Errc::invalid_argument) << sql;
    EXPECT_THAT(error.message, HasSubstr("parameter $2: "));
    EXPECT_THAT(error.message, HasSubstr(std::string(says)));
    EXPECT_THAT(error.message, Not(HasSubstr("sesame")));
  }
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(PostgresValues, TheNumberOfValuesMustMatch) {
  const auto connection = connect_to(0);
  const auto few =
      error_of([&] { exec(*connection, "select $1::int, $2::int", {ValueView::integer(1)}); });
  EXPECT_EQ(few.code, Errc::invalid_argument);
  EXPECT_EQ(few.message, "the statement has 2 placeholders, but 1 values were given");
  EXPECT_EQ(error_of([&] { exec(*connection, "select 1", {ValueView()}); }).code,
            Errc::invalid_argument);
}

TEST(PostgresValues, StatementsThatCannotBePreparedAreRefused) {
  const auto connection = connect_to(0);
  for (const std::string_view sql : {std::string_view("select 1\0", 9), std::string_view(""),
                                     std::string_view("select 1; select 2")}) {
    EXPECT_EQ(error_of([&] { exec(*connection, sql); }).code, Errc::invalid_argument) << sql;
  }
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(PostgresValues, CopyIsRefused) {
  const auto connection = connect_to(0);
  EXPECT_EQ(error_of([&] { exec(*connection, "copy (select 1) to stdout"); }).code,
            Errc::invalid_argument);
  EXPECT_FALSE(connection->is_open());
}

TEST(PostgresValues, InfiniteTimesAreRefusedOnReading) {
  const auto connection = connect_to(0);
  for (const std::string sql :
       {"select 'infinity'::timestamptz as at", "select '-infinity'::timestamp as at, 1.0::numeric",
        "select '294276-12-31'::timestamp as at"}) {
    const auto result = exec(*connection, sql);
    const auto error = error_of([&] { static_cast<void>(result->cell(0, 0)); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr("column \"at\""));
  }
}

TEST(PostgresValues, LargeOnesPassInBothDirections) {
  const auto connection = connect_to(0);
  // More than the socket's buffers hold, so that sending has to wait and to read meanwhile.
  const std::string large(24U << 20U, 'x');
  const auto result =
      exec(*connection, "select $1::text || 'y', $1::text", {ValueView::text(large)});
  EXPECT_EQ(result->cell(0, 0).as_characters(), large + "y");
  EXPECT_EQ(result->cell(0, 1).as_characters(), large);
}

TEST(PostgresResults, CountWhatWasChanged) {
  const auto connection = connect_to(0);
  EXPECT_EQ(exec(*connection, "create table counted (a int)")->affected_rows(), 0U);
  EXPECT_EQ(exec(*connection, "insert into counted select generate_series(1, 12)")->affected_rows(),
            12U);
  EXPECT_EQ(exec(*connection, "update counted set a = 0 where a < 4 returning a")->affected_rows(),
            3U);
  const auto read = exec(*connection, "select a as number from counted");
  EXPECT_EQ(read->affected_rows(), 0U);
  EXPECT_EQ(read->row_count(), 12U);
  EXPECT_EQ(read->column_name(0), "number");
  EXPECT_EQ(exec(*connection, "delete from counted")->affected_rows(), 12U);
  exec(*connection, "drop table counted");
}

}  // namespace
}  // namespace grant::test
