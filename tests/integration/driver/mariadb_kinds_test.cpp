// What a member asks for decides what it reads, whatever the column's type looks like.

#include <fmt/format.h>

#include "integration/driver/kinds.hpp"
#include "integration/driver/mariadb_fixture.hpp"

namespace grant::test {
namespace {

const std::string kUuid = "0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f";
const std::string kUuidHex = "0190b2f66f6e7c3a8d3f2b9a4c1d0e5f";
const std::string kNo{kRefused};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      // A display width says nothing of what is stored.
      {"TINYINT(1)",
       "4",
       {{As::i32, "4"},
        {As::i8, "4"},
        {As::u64, "4"},
        {As::real, "4"},
        {As::decimal, "4"},
        {As::boolean, kNo}}},
      {"TINYINT(1)", "-1", {{As::i32, "-1"}, {As::u64, kNo}, {As::boolean, kNo}}},
      {"TINYINT(1)",
       "1",
       {{As::boolean, "true"},
        {As::i32, "1"},
        {As::u64, "1"},
        {As::real, "1"},
        {As::decimal, "1"}}},
      {"TINYINT(1) UNSIGNED", "200", {{As::i32, "200"}, {As::i8, kNo}, {As::boolean, kNo}}},
      {"TINYINT(1) ZEROFILL", "7", {{As::i32, "7"}}},
      {"BOOLEAN", "FALSE", {{As::boolean, "false"}, {As::i32, "0"}, {As::decimal, "0"}}},
      {"TINYINT(4)", "1", {{As::boolean, "true"}, {As::i32, "1"}}},
      {"INT", "1", {{As::boolean, "true"}}},
      {"INT", "2", {{As::boolean, kNo}}},
      {"INT(8) ZEROFILL", "42", {{As::i32, "42"}, {As::text, kNo}}},
      {"INT UNSIGNED", "4294967295", {{As::i64, "4294967295"}, {As::i32, kNo}}},
      {"BIGINT UNSIGNED",
       "18446744073709551615",
       {{As::u64, "18446744073709551615"},
        {As::i64, kNo},
        {As::decimal, "18446744073709551615"},
        {As::real, kNo}}},
      {"BIGINT", "9007199254740993", {{As::i64, "9007199254740993"}, {As::real, kNo}}},
      // Bits are a number to a number, and bytes to bytes.
      {"BIT(1)",
       "b'1'",
       {{As::boolean, "true"},
        {As::i32, "1"},
        {As::u64, "1"},
        {As::bytes, "x01"},
        {As::text, kNo}}},
      {"BIT(1)", "b'0'", {{As::boolean, "false"}, {As::i32, "0"}, {As::bytes, "x00"}}},
      {"BIT(8)", "5", {{As::boolean, kNo}, {As::i32, "5"}, {As::bytes, "x05"}}},
      {"BIT(8)", "b'00110001'", {{As::i32, "49"}, {As::bytes, "x31"}}},  // "1" in ASCII
      {"BIT(64)", "18446744073709551615", {{As::u64, "18446744073709551615"}, {As::i64, kNo}}},
      {"YEAR", "2026", {{As::i32, "2026"}, {As::date, kNo}}},
      {"YEAR", "0", {{As::i32, "0"}, {As::boolean, "false"}}},
      {"ENUM('red','2')", "'red'", {{As::text, "red"}, {As::i32, kNo}}},
      {"ENUM('red','2')", "'2'", {{As::text, "2"}}},
      {"SET('a','b')", "'a,b'", {{As::text, "a,b"}, {As::i32, kNo}}},
      // Conditions bind a UUID as text, so that its bytes would be read and never found.
      {"BINARY(16)",
       "x'" + kUuidHex + "'",
       {{As::bytes, "x" + kUuidHex}, {As::uuid, kNo}, {As::text, kNo}}},
      {"CHAR(36)", "'" + kUuid + "'", {{As::uuid, kUuid}, {As::text, kUuid}}},
      {"UUID", "'" + kUuid + "'", {{As::uuid, kUuid}, {As::text, kUuid}, {As::bytes, kNo}}},
      {"DECIMAL(10,0)", "3", {{As::i32, "3"}, {As::decimal, "3"}, {As::real, "3"}}},
      {"DECIMAL(10,2)", "3.00", {{As::i32, "3"}, {As::decimal, "3.00"}}},
      {"DECIMAL(10,2)",
       "3.50",
       {{As::i32, kNo},
        {As::u64, kNo},
        {As::decimal, "3.50"},
        {As::real, "3.5"},
        {As::text, "3.50"}}},
      {"DECIMAL(20,0)", "9007199254740993", {{As::real, kNo}, {As::i64, "9007199254740993"}}},
      {"DECIMAL(20,0)", "9007199254740994", {{As::real, "9007199254740994"}}},
      {"DECIMAL(30,2)",
       "12345678901234567890.25",
       {{As::real, kNo}, {As::i64, kNo}, {As::decimal, "12345678901234567890.25"}}},
      {"FLOAT",
       "0.1",
       {{As::real, fmt::format("{}", static_cast<double>(0.1F))},
        {As::decimal, kNo},
        {As::i32, kNo}}},
      {"DOUBLE", "3", {{As::real, "3"}, {As::i32, kNo}, {As::decimal, kNo}}},
      {"TIME", "'838:59:59'", {{As::time, kNo}}},
      {"TIME", "'-01:00:00'", {{As::time, kNo}}},
      {"TIME(2)", "'23:59:59.25'", {{As::time, "23:59:59.250000"}, {As::text, "23:59:59.250000"}}},
      {"DATE",
       "'2026-11-23'",
       {{As::date, "2026-11-23"},
        {As::timestamp, "2026-11-23 00:00:00.000000"},
        {As::text, "2026-11-23"}}},
      {"DATETIME",
       "'2026-11-23 11:26:41'",
       {{As::timestamp, "2026-11-23 11:26:41.000000"},
        {As::date, kNo},
        {As::text, "2026-11-23 11:26:41.000000"}}},
      {"DATETIME(3)", "'2026-11-23 11:26:41.5'", {{As::timestamp, "2026-11-23 11:26:41.500000"}}},
      {"TIMESTAMP(6) NULL",
       "'2026-11-23 11:26:41.000042'",
       {{As::timestamp, "2026-11-23 11:26:41.000042"}}},
      {"JSON",
       "'{\"a\": 1}'",
       {{As::json, "{\"a\": 1}"}, {As::text, "{\"a\": 1}"}, {As::bytes, kNo}}},
      {"LONGTEXT", "'{\"a\": 1}'", {{As::json, "{\"a\": 1}"}, {As::text, "{\"a\": 1}"}}},
      {"INET6", "'2001:db8::1'", {{As::text, "2001:db8::1"}, {As::i32, kNo}}},
      {"POINT", "ST_GeomFromText('POINT(1 2)')", {{As::text, kNo}}},
      {"VARCHAR(10)",
       "'12'",
       {{As::i32, "12"}, {As::text, "12"}, {As::bytes, "x3132"}, {As::boolean, kNo}}},
      {"VARCHAR(10)", "'1.5'", {{As::i32, kNo}, {As::decimal, "1.5"}, {As::real, "1.5"}}},
      {"VARBINARY(10)", "'12'", {{As::i32, kNo}, {As::bytes, "x3132"}, {As::text, kNo}}},
      {"CHAR(4)", "'a'", {{As::text, "a"}}},
  };
  return all;
}

/// Functions and expressions, whose types the server makes up.
const std::vector<Kind>& expressions() {
  static const std::vector<Kind> all{
      {"expression", "concat(1, 2)", {{As::text, "12"}, {As::i32, "12"}, {As::bytes, "x3132"}}},
      {"expression", "min(cast('ab' as binary))", {{As::bytes, "x6162"}, {As::text, kNo}}},
      {"expression", "case when 1 then 'a' else 2 end", {{As::text, "a"}}},
      {"expression", "coalesce(null, 'a')", {{As::text, "a"}}},
      {"expression", "1 = 1", {{As::boolean, "true"}, {As::i32, "1"}}},
      {"expression", "count(*)", {{As::i64, "1"}, {As::boolean, "true"}}},
      {"expression", "sum(3)", {{As::i64, "3"}, {As::decimal, "3"}, {As::real, "3"}}},
      {"expression", "sum(1.5)", {{As::i64, kNo}, {As::decimal, "1.5"}, {As::real, "1.5"}}},
      {"expression", "avg(3)", {{As::decimal, "3.0000"}, {As::i32, "3"}, {As::real, "3"}}},
      {"expression", "max(cast(7 as unsigned))", {{As::u64, "7"}}},
      {"expression", "if(1, true, false)", {{As::boolean, "true"}, {As::i32, "1"}}},
      {"expression", "cast('2026-11-23' as date)", {{As::date, "2026-11-23"}}},
      {"expression", "null", {{As::i32, kNo}, {As::text, kNo}}},
  };
  return all;
}

TEST(MariadbKinds, WhatAMemberAsksForDecides) {
  const auto connection = connect_to(0);
  for (const auto& kind : kinds()) {
    exec(*connection, "create or replace table kinds (v " + kind.type + ")");
    const auto back =
        exec(*connection, "insert into kinds values (" + kind.literal + ") returning v");
    expect_reads(*back, 0, kind, "returning");
    expect_reads(*exec(*connection, "select v from kinds"), 0, kind, "prepared");
    // The text protocol, in which statements run that cannot be prepared.
    const auto text = exec(*connection, "begin not atomic select v from kinds; end");
    expect_reads(*text, 0, kind, "text");
  }
  exec(*connection, "drop table kinds");
}

TEST(MariadbKinds, ExpressionsAreReadAsTheMemberAsks) {
  const auto connection = connect_to(0);
  for (const auto& kind : expressions()) {
    expect_reads(*exec(*connection, "select " + kind.literal), 0, kind, "prepared");
  }
  exec(*connection, "select 1");
}

TEST(MariadbKinds, AZeroDateIsRefusedAndNoOtherDay) {
  const auto connection = connect_to(0);
  exec(*connection, "set sql_mode = ''");
  exec(*connection, "create or replace table kinds (d date, t datetime)");
  exec(*connection, "insert into kinds values ('0000-00-00', '2026-00-10')");
  const auto rows = exec(*connection, "select d, t from kinds");
  expect_reads(*rows, 0, {"DATE", "zero", {{As::date, kNo}, {As::timestamp, kNo}}}, "prepared");
  expect_reads(*rows, 1, {"DATETIME", "no month", {{As::timestamp, kNo}}}, "prepared");
  exec(*connection, "drop table kinds");
}

}  // namespace
}  // namespace grant::test
