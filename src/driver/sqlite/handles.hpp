#pragma once

#include <sqlite3.h>

#include <memory>

namespace grant::sqlite {

struct CloseDatabase {
  void operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// Frees a statement's locks and forgets its bound values, however its execution ended.
class ResetScope {
 public:
  explicit ResetScope(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  ResetScope(const ResetScope&) = delete;
  ResetScope& operator=(const ResetScope&) = delete;
  ~ResetScope() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

}  // namespace grant::sqlite
