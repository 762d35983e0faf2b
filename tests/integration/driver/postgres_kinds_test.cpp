// What a member asks for decides what it reads, whatever the column's type looks like.

#include <fmt/format.h>

#include "integration/driver/kinds.hpp"
#include "integration/driver/postgres_fixture.hpp"

namespace grant::test {
namespace {

const std::string kUuid = "0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f";
const std::string kNo{kRefused};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"boolean", "true", {{As::boolean, "true"}, {As::i32, "1"}, {As::text, kNo}}},
      {"int2",
       "4",
       {{As::i8, "4"},
        {As::i32, "4"},
        {As::u64, "4"},
        {As::real, "4"},
        {As::decimal, "4"},
        {As::boolean, kNo}}},
      {"int4", "-1", {{As::i32, "-1"}, {As::u64, kNo}, {As::boolean, kNo}}},
      {"int8",
       "9007199254740993",
       {{As::i64, "9007199254740993"}, {As::i32, kNo}, {As::real, kNo}}},
      // Zeros and ones are bits to a number, not its decimal digits.
      {"bit(1)", "B'1'", {{As::boolean, "true"}, {As::i32, "1"}, {As::text, "1"}}},
      {"bit(4)",
       "B'0101'",
       {{As::i32, "5"},
        {As::u64, "5"},
        {As::boolean, kNo},
        {As::text, "0101"},
        {As::decimal, kNo}}},
      {"bit(64)", "(-1)::bigint::bit(64)", {{As::u64, "18446744073709551615"}, {As::i64, kNo}}},
      {"bit varying(70)", "(repeat('0', 66) || '11')::varbit", {{As::i32, "3"}}},
      {"bit varying(70)",
       "repeat('1', 65)::varbit",
       {{As::i64, kNo}, {As::u64, kNo}, {As::real, kNo}}},
      {"\"char\"", "'a'", {{As::text, "a"}, {As::i32, kNo}}},
      {"name", "'a'", {{As::text, "a"}}},
      {"oid", "4294967295", {{As::i64, "4294967295"}, {As::i32, kNo}}},
      {"money", "12.50", {{As::text, "$12.50"}, {As::decimal, kNo}, {As::real, kNo}}},
      {"numeric", "'NaN'", {{As::decimal, kNo}, {As::real, kNo}, {As::i32, kNo}}},
      {"numeric", "'Infinity'", {{As::decimal, kNo}, {As::real, kNo}}},
      {"numeric(10,2)",
       "3",
       {{As::i32, "3"}, {As::decimal, "3.00"}, {As::real, "3"}, {As::text, "3.00"}}},
      {"numeric(10,2)",
       "3.5",
       {{As::i32, kNo}, {As::u64, kNo}, {As::decimal, "3.50"}, {As::real, "3.5"}}},
      {"numeric", "9007199254740993", {{As::real, kNo}, {As::i64, "9007199254740993"}}},
      {"numeric", "1e300", {{As::i64, kNo}}},
      {"float4",
       "0.1",
       {{As::real, fmt::format("{}", static_cast<double>(0.1F))},
        {As::decimal, kNo},
        {As::i32, kNo}}},
      {"float8", "3", {{As::real, "3"}, {As::i32, kNo}}},
      {"interval", "'1 day'", {{As::text, "1 day"}, {As::time, kNo}}},
      {"time", "'24:00'", {{As::time, "24:00:00.000000"}, {As::text, "24:00:00.000000"}}},
      {"timetz", "'12:00+02'", {{As::text, "12:00:00+02"}, {As::time, kNo}}},
      {"timestamp",
       "'2026-11-23 11:26:41.5'",
       {{As::timestamp, "2026-11-23 11:26:41.500000"}, {As::date, kNo}}},
      {"timestamptz",
       "'2026-11-23 11:26:41+02'",
       {{As::timestamp, "2026-11-23 09:26:41.000000"}, {As::text, "2026-11-23 09:26:41.000000"}}},
      {"timestamptz", "'infinity'", {{As::timestamp, kNo}}},
      {"timestamptz", "'-infinity'", {{As::timestamp, kNo}}},
      {"timestamp", "'0044-03-15 12:00 BC'", {{As::text, kNo}}},
      {"date", "'infinity'", {{As::date, kNo}, {As::timestamp, kNo}}},
      {"date", "'0044-03-15 BC'", {{As::text, kNo}}},
      {"date",
       "'2026-11-23'",
       {{As::date, "2026-11-23"}, {As::timestamp, "2026-11-23 00:00:00.000000"}}},
      {"json", "'{\"a\": 1}'", {{As::json, "{\"a\": 1}"}, {As::text, "{\"a\": 1}"}}},
      {"jsonb", "'{\"a\":1}'", {{As::json, "{\"a\": 1}"}}},
      {"bytea", "'\\x3132'", {{As::bytes, "x3132"}, {As::i32, kNo}, {As::text, kNo}}},
      {"bytea", "decode('" + std::string(32, '0') + "', 'hex')", {{As::uuid, kNo}}},
      {"uuid", "'" + kUuid + "'", {{As::uuid, kUuid}, {As::text, kUuid}}},
      {"char(36)", "'" + kUuid + "'", {{As::uuid, kUuid}}},
      {"inet", "'10.0.0.1/8'", {{As::text, "10.0.0.1/8"}, {As::i32, kNo}}},
      {"cidr", "'10.0.0.0/8'", {{As::text, "10.0.0.0/8"}}},
      {"macaddr", "'08:00:2b:01:02:03'", {{As::text, "08:00:2b:01:02:03"}}},
      {"xml", "'<a/>'", {{As::text, "<a/>"}}},
      {"int4range", "'[1,5)'", {{As::text, "[1,5)"}}},
      {"kinds_positive", "7", {{As::i32, "7"}, {As::i64, "7"}}},
      {"kinds_mood", "'keen'", {{As::text, "keen"}}},
      {"kinds_pair", "(1,'x')", {{As::text, "(1,x)"}}},
      {"varchar(9)", "'12'", {{As::i32, "12"}, {As::bytes, "x3132"}, {As::boolean, kNo}}},
  };
  return all;
}

const std::vector<std::pair<std::string, std::string>>& arrays() {
  static const std::vector<std::pair<std::string, std::string>> all{
      {"'{1,2}'::int4[]", "1,2"},
      {"'[0:1]={1,2}'::int4[]", "1,2"},
      {"'{}'::int4[]", ""},
      {"'{{1,2},{3,4}}'::int4[]", kNo},
      {"'[2:2][3:4]={{1,2}}'::int4[]", kNo},
      {"'{1.00,2}'::numeric[]", "1,2"},
      {"'{1.5}'::numeric[]", kNo},
      {"'{1,NULL}'::int8[]", kNo},
  };
  return all;
}

class PostgresKinds : public ::testing::Test {
 protected:
  void SetUp() override {
    exec(*connection_, "create domain kinds_positive as int4 check (value > 0)");
    exec(*connection_, "create type kinds_mood as enum ('calm', 'keen')");
    exec(*connection_, "create type kinds_pair as (a int4, b text)");
  }
  void TearDown() override {
    exec(*connection_, "drop table if exists kinds");
    exec(*connection_, "drop domain kinds_positive");
    exec(*connection_, "drop type kinds_mood, kinds_pair");
  }

  const std::unique_ptr<Connection> connection_ = connect_to(0);
};

TEST_F(PostgresKinds, WhatAMemberAsksForDecides) {
  for (const auto& kind : kinds()) {
    exec(*connection_, "drop table if exists kinds");
    exec(*connection_, "create table kinds (v " + kind.type + ", odd interval)");
    const auto back =
        exec(*connection_, "insert into kinds values (" + kind.literal + ") returning v");
    expect_reads(*back, 0, kind, "returning");
    expect_reads(*exec(*connection_, "select v from kinds"), 0, kind, "prepared");
    // One column that only has a text form, and the whole row comes as text.
    expect_reads(*exec(*connection_, "select v, odd from kinds"), 0, kind, "text");
  }
}

TEST_F(PostgresKinds, ArraysAreReadFromTheirFirstElementWhereverTheyStart) {
  for (const auto& [sql, expected] : arrays()) {
    for (const auto* const more : {"", ", '1 day'::interval"}) {
      const auto rows = exec(*connection_, "select " + sql + more);
      std::string read;
      try {
        for (const int number : Codec<std::vector<int>>::decode(rows->cell(0, 0))) {
          read += (read.empty() ? "" : ",") + std::to_string(number);
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Errc::invalid_argument);
        read = kRefused;
      }
      EXPECT_EQ(read, expected) << sql << more;
    }
  }
}

TEST_F(PostgresKinds, ATimeWithoutAZoneIsUtcWhateverTheSessionsZone) {
  const auto connection = connect_to(0);
  exec(*connection, "set timezone = 'Asia/Kathmandu'");
  for (const auto* const more : {"", ", '1 day'::interval"}) {
    const auto rows = exec(*connection, std::string("select timestamp '2026-11-23 11:00', "
                                                    "timestamptz '2026-11-23 11:00+00'") +
                                            more);
    for (std::size_t column = 0; column < 2; ++column) {
      EXPECT_EQ(read_as(As::timestamp, rows->cell(0, column)), "2026-11-23 11:00:00.000000");
    }
  }
}

}  // namespace
}  // namespace grant::test
