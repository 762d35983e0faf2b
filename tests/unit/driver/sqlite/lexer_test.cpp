#include "driver/sqlite/lexer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error_of.hpp"

namespace grant::sqlite {
namespace {

using ::testing::HasSubstr;

constexpr int kMost = 250'000;

std::string rewritten(std::string_view sql) { return rewrite_placeholders(sql, kMost, "n"); }

TEST(SqlitePlaceholders, AreNumberedAsTheyWereNamed) {
  EXPECT_EQ(rewritten("SELECT $1, $2, $3"), "SELECT ?, ?, ?");
  EXPECT_EQ(rewritten("SELECT $2, $1, $2, $3"), "SELECT ?2, ?1, ?2, ?");
  EXPECT_EQ(rewritten("f($1)+$1"), "f(?)+?1");
  EXPECT_EQ(rewritten("SELECT ?, ?2"), "SELECT ?, ?2");
}

TEST(SqlitePlaceholders, AreFoundOnlyWhereTheyAreCode) {
  for (const std::string_view sql :
       {"'$1'", "\"$1\"", "`$1`", "[$1]", "'it''s $1'", "-- $1", "/* $1 */", "a$1", "\xC3\xA4$1",
        "'$1", "/* $1", "$name", "$1x", "$0", "$01", "$1::x", "$1(x)", "$"}) {
    EXPECT_EQ(rewritten(sql), sql);
  }
  EXPECT_EQ(rewritten("-- $1\n$1"), "-- $1\n?");
  EXPECT_EQ(rewritten("/* $9 */$1'$2'$2"), "/* $9 */?'$2'?");
  EXPECT_EQ(rewritten("$1-$2/$3"), "?-?/?");
}

TEST(SqlitePlaceholders, BeyondTheLimitOrMixedAreRefused) {
  const auto many = test::error_of([] { return rewrite_placeholders("$9", 8, "n"); });
  EXPECT_EQ(many.code, Errc::invalid_argument);
  EXPECT_THAT(many.message, HasSubstr("placeholder $9, and SQLite takes no more than 8"));
  EXPECT_EQ(test::error_of([] { return rewritten("$99999999999999"); }).code,
            Errc::invalid_argument);
  EXPECT_THAT(test::error_of([] { return rewritten("SELECT $1, ?"); }).message,
              HasSubstr("mixes placeholders"));
}

}  // namespace
}  // namespace grant::sqlite
