#include "driver/postgres/effects.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "driver/postgres/statement_cache.hpp"

namespace grant::postgres {
namespace {

using driver::SchemaEffect;

TEST(PostgresSchemaEffect, IsReadFromTheTagAndTheText) {
  struct Case {
    std::string_view tag;
    std::string_view sql;
    SchemaEffect effect;
  };
  const std::vector<Case> table{
      {"CREATE TABLE", "create table t (v int)", SchemaEffect::everyone},
      {"CREATE TABLE", "create temp table t (v int)", SchemaEffect::session},
      {"CREATE TABLE", "create local temporary table t (v int)", SchemaEffect::session},
      {"CREATE TABLE", "create table t (temp int)", SchemaEffect::everyone},
      {"CREATE VIEW", "create or replace temp view v as select 1", SchemaEffect::session},
      {"CREATE TYPE", "create type mood as enum ()", SchemaEffect::everyone},
      {"ALTER TABLE", "alter table t alter v type text", SchemaEffect::everyone},
      {"ALTER TYPE", "alter type mood add value 'x'", SchemaEffect::everyone},
      {"DROP TABLE", "drop table t", SchemaEffect::everyone},
      {"IMPORT FOREIGN SCHEMA", "import foreign schema s", SchemaEffect::everyone},
      {"DO", "do $$begin end$$", SchemaEffect::everyone},
      {"COMMIT PREPARED", "commit prepared 'x'", SchemaEffect::everyone},
      {"SET", "set search_path = a", SchemaEffect::session},
      {"SET", "set local search_path = a", SchemaEffect::session},
      {"SET", "set schema 'a'", SchemaEffect::session},
      {"SET", "set role r", SchemaEffect::session},
      {"SET", "set session authorization r", SchemaEffect::session},
      {"SET", "set statement_timeout = 7", SchemaEffect::none},
      {"RESET", "reset all", SchemaEffect::session},
      {"RESET", "reset search_path", SchemaEffect::session},
      {"RESET", "reset work_mem", SchemaEffect::none},
      {"DISCARD ALL", "discard all", SchemaEffect::session},
      {"DISCARD TEMP", "discard temp", SchemaEffect::session},
      {"INSERT 0 1", "insert into t values (1)", SchemaEffect::none},
      {"TRUNCATE TABLE", "truncate t", SchemaEffect::none},
      {"COMMIT", "commit", SchemaEffect::none},
      {"BEGIN", "begin", SchemaEffect::none},
  };
  for (const auto& [tag, sql, effect] : table) EXPECT_EQ(effect_of(tag, sql), effect) << sql;
}

TEST(PostgresSchemaEffect, OfQueriesIsReadFromTheirText) {
  EXPECT_TRUE(moves_names("select set_config('search_path', $1, true)"));
  EXPECT_TRUE(moves_names("select set_config( $1, 'x', true)"));
  EXPECT_TRUE(moves_names("select set_config('role', 'x', false)"));
  EXPECT_TRUE(
      moves_names("select set_config('a.b', '1', true), set_config('search_path', '', true)"));
  EXPECT_TRUE(moves_names("select 1 as v into temp t"));
  EXPECT_TRUE(moves_names("create temporary table t as select 1"));
  EXPECT_FALSE(moves_names("select set_config('app.tenant', $1, true)"));
  EXPECT_FALSE(moves_names("select temp from readings"));
  EXPECT_FALSE(moves_names("select 1"));
}

TEST(PostgresDescription, IsTooLongFor7499ParametersAndMore) {
  const auto with = [](int most) {
    std::string sql = "select 1 where 1 in (";
    for (int i = 1; i <= most; ++i) sql += "$" + std::to_string(i) + ", ";
    return sql + "0)";
  };
  EXPECT_FALSE(is_described_at_length(with(7'498)));
  EXPECT_TRUE(is_described_at_length(with(7'499)));
  EXPECT_FALSE(is_described_at_length("select $7499")) << "too short for so many";
}

}  // namespace
}  // namespace grant::postgres
