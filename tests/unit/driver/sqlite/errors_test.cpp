#include "driver/sqlite/errors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace grant::sqlite {
namespace {

TEST(SqliteErrorTable, SaysOfEachCodeWhatToDoNext) {
  const std::vector<std::pair<int, Errc>> table{
      {SQLITE_ERROR, Errc::invalid_argument},
      {SQLITE_MISMATCH, Errc::invalid_argument},
      {SQLITE_RANGE, Errc::invalid_argument},
      {SQLITE_TOOBIG, Errc::invalid_argument},
      {SQLITE_BUSY, Errc::timeout},
      {SQLITE_BUSY_RECOVERY, Errc::timeout},
      {SQLITE_BUSY_TIMEOUT, Errc::timeout},
      {SQLITE_BUSY_SNAPSHOT, Errc::conflict},
      {SQLITE_LOCKED, Errc::conflict},
      {SQLITE_LOCKED_SHAREDCACHE, Errc::conflict},
      {SQLITE_ABORT_ROLLBACK, Errc::conflict},
      {SQLITE_INTERRUPT, Errc::timeout},
      {SQLITE_CONSTRAINT, Errc::constraint},
      {SQLITE_CONSTRAINT_CHECK, Errc::constraint},
      {SQLITE_CONSTRAINT_FOREIGNKEY, Errc::constraint},
      {SQLITE_CONSTRAINT_NOTNULL, Errc::constraint},
      {SQLITE_CONSTRAINT_PRIMARYKEY, Errc::constraint},
      {SQLITE_CONSTRAINT_UNIQUE, Errc::constraint},
      {SQLITE_CONSTRAINT_TRIGGER, Errc::constraint},
      {SQLITE_READONLY, Errc::read_only},
      {SQLITE_READONLY_DIRECTORY, Errc::read_only},
      {SQLITE_READONLY_DBMOVED, Errc::unavailable},
      {SQLITE_READONLY_RECOVERY, Errc::unavailable},
      {SQLITE_READONLY_CANTLOCK, Errc::unavailable},
      {SQLITE_READONLY_CANTINIT, Errc::unavailable},
      {SQLITE_READONLY_ROLLBACK, Errc::unavailable},
      {SQLITE_CANTOPEN, Errc::unavailable},
      {SQLITE_CANTOPEN_ISDIR, Errc::unavailable},
      {SQLITE_IOERR, Errc::unavailable},
      {SQLITE_IOERR_FSYNC, Errc::unavailable},
      {SQLITE_FULL, Errc::unavailable},
      {SQLITE_NOMEM, Errc::unavailable},
      {SQLITE_PROTOCOL, Errc::unavailable},
      {SQLITE_SCHEMA, Errc::unavailable},
      {SQLITE_NOTADB, Errc::configuration},
      {SQLITE_CORRUPT, Errc::configuration},
      {SQLITE_CORRUPT_VTAB, Errc::configuration},
      {SQLITE_PERM, Errc::configuration},
      {SQLITE_NOLFS, Errc::configuration},
      {SQLITE_AUTH, Errc::invalid_argument},
  };
  for (const auto& [code, errc] : table) EXPECT_EQ(errc_of(code), errc) << code;
}

TEST(SqliteErrorTable, KnowsWhichLimitWasMet) {
  EXPECT_EQ(limit_met(SQLITE_ERROR, "too many SQL variables"), SQLITE_LIMIT_VARIABLE_NUMBER);
  EXPECT_EQ(limit_met(SQLITE_ERROR, "too many columns in result set"), SQLITE_LIMIT_COLUMN);
  EXPECT_EQ(limit_met(SQLITE_ERROR, "too many columns on t"), SQLITE_LIMIT_COLUMN);
  EXPECT_EQ(limit_met(SQLITE_ERROR, "too many terms in compound SELECT"),
            SQLITE_LIMIT_COMPOUND_SELECT);
  EXPECT_EQ(limit_met(SQLITE_ERROR, "too many terms in ORDER BY clause"), SQLITE_LIMIT_COLUMN);
  EXPECT_EQ(limit_met(SQLITE_ERROR, "too many arguments on function f"), SQLITE_LIMIT_FUNCTION_ARG);
  EXPECT_EQ(limit_met(SQLITE_ERROR, "too many attached databases - max 10"), std::nullopt);
  EXPECT_EQ(limit_met(SQLITE_TOOBIG, "statement too long"), SQLITE_LIMIT_SQL_LENGTH);
  EXPECT_EQ(limit_met(SQLITE_TOOBIG, "string or blob too big"), SQLITE_LIMIT_LENGTH);
  EXPECT_EQ(limit_met(SQLITE_ERROR, "no such table: t"), std::nullopt);
}

TEST(SqliteErrorTable, NamesTheConstraint) {
  using Pair = std::pair<std::string_view, std::string_view>;
  for (const auto& [message, name] :
       std::array{Pair{"UNIQUE constraint failed: users.email", "users.email"},
                  Pair{"UNIQUE constraint failed: a.x, a.y", "a.x, a.y"},
                  Pair{"UNIQUE constraint failed: index 'users_lower_email'", "users_lower_email"},
                  Pair{"NOT NULL constraint failed: users.name", "users.name"},
                  Pair{"CHECK constraint failed: age_is_positive", "age_is_positive"},
                  Pair{"FOREIGN KEY constraint failed", ""}, Pair{"no such table: users", ""}}) {
    EXPECT_EQ(constraint_in(message), name) << message;
  }
}

TEST(SqliteErrorTable, FailureKeepsTheExtendedCodeAndTheNode) {
  try {
    throw_failure(SQLITE_CONSTRAINT_UNIQUE, "n", "cannot insert",
                  "UNIQUE constraint failed: users.email");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::constraint);
    EXPECT_EQ(error.native(), SQLITE_CONSTRAINT_UNIQUE);
    EXPECT_EQ(error.constraint(), "users.email");
    EXPECT_EQ(error.node(), "n");
    return;
  }
  ADD_FAILURE() << "nothing was thrown";
}

}  // namespace
}  // namespace grant::sqlite
