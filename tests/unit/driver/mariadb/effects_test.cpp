#include "driver/mariadb/effects.hpp"

#include <gtest/gtest.h>

namespace grant::mariadb {
namespace {

TEST(Commits, AreToldByTheFirstWords) {
  for (const auto* const sql :
       {"SELECT 1", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "SET @x = 1", "SAVEPOINT a",
        "RELEASE SAVEPOINT a", "REPLACE INTO t VALUES (1)", "(SELECT 1)", "DO 0",
        "SET STATEMENT max_statement_time = 1 FOR SELECT 1", ""}) {
    EXPECT_EQ(commits(sql), Commits::never) << sql;
  }
  for (const auto* const sql :
       {"CREATE TABLE t (a INT)", "/* a */ -- b\n alter table t add b int", "TRUNCATE t",
        "LOCK TABLES t READ", "LOAD DATA INFILE 'x' INTO TABLE t", "SET autocommit = 1",
        "SET @@session.autocommit = 1", "START SLAVE", "GRANT SELECT ON t TO a",
        "SET STATEMENT max_statement_time = 1 FOR DROP TABLE t"}) {
    EXPECT_EQ(commits(sql), Commits::itself) << sql;
  }
  for (const auto* const sql : {"CALL p()", "BEGIN NOT ATOMIC COMMIT; END", "EXECUTE s",
                                "EXECUTE IMMEDIATE 'x'", "IF 1 THEN COMMIT; END IF"}) {
    EXPECT_EQ(commits(sql), Commits::within) << sql;
  }
  for (const auto* const sql : {"COMMIT", "rollback", "BEGIN", "BEGIN WORK", "START TRANSACTION"}) {
    EXPECT_EQ(commits(sql), Commits::control) << sql;
  }
}

TEST(Commits, SayHowATransactionHasEnded) {
  EXPECT_EQ(end_by("ROLLBACK AND CHAIN"), TransactionEnd::rolled_back);
  EXPECT_EQ(end_by("COMMIT"), TransactionEnd::committed);
  EXPECT_EQ(end_by("CREATE TABLE t (a INT)"), TransactionEnd::committed);
  EXPECT_EQ(end_by("CALL p()"), TransactionEnd::unknown);
}

TEST(GuardedText, LocksRowsOnlyWhereItSaysSo) {
  EXPECT_TRUE(locks_rows("SELECT * FROM t for update"));
  EXPECT_TRUE(locks_rows("SELECT * FROM t LOCK IN SHARE MODE"));
  EXPECT_FALSE(locks_rows("SELECT updated, share FROM t"));
  EXPECT_TRUE(moves_sequence("SELECT next value for s"));
  EXPECT_TRUE(moves_sequence("SELECT nextval(s)"));
  EXPECT_TRUE(moves_sequence("SELECT SETVAL(s, 7)"));
  EXPECT_FALSE(moves_sequence("SELECT previous value for s, lastval(s), next, value FROM t"));
}

TEST(GuardedText, MayCallAStoredFunctionUnlessAllItsCallsAreTheServersOwn) {
  EXPECT_TRUE(may_call_stored("SELECT writes()"));
  EXPECT_TRUE(may_call_stored("SELECT app.writes (1)"));
  EXPECT_TRUE(may_call_stored("SELECT \"writes\"(1)"));
  EXPECT_TRUE(may_call_stored("SELECT `writes`(1)"));
  EXPECT_FALSE(may_call_stored("SELECT count(*) FROM t WHERE id IN (1, 2)"));
  EXPECT_FALSE(may_call_stored("SELECT \"id\" FROM t"));
}

TEST(TransactionFlags, BecomeFewerOnlyInAnotherTransaction) {
  EXPECT_FALSE(is_another_transaction("", "T_______"));
  EXPECT_FALSE(is_another_transaction("________", "T_______"));
  EXPECT_FALSE(is_another_transaction("T_______", "T_R_W_S_"));
  EXPECT_FALSE(is_another_transaction("T___W___", "T__wW___"));
  EXPECT_TRUE(is_another_transaction("T___W___", "T_______"));
  EXPECT_TRUE(is_another_transaction("T__wW___", "T___W___"));
  EXPECT_TRUE(is_another_transaction("T_______", "________"));
}

}  // namespace
}  // namespace grant::mariadb
