#pragma once

#include <sqlite3.h>

#include <memory>

#include "core/fork.hpp"

// A forked child must not use, or even close, what its parent has open: SQLite keeps for each file
// which locks the process holds, and a child, which holds none of them, would believe that.
namespace grant::sqlite {

/// Around calls that take SQLite's locks.
[[nodiscard]] grant::detail::LibraryGate& gate() noexcept;

/// For a handle that sqlite3_open_v2() gave: forked children must be able to find it.
void remember(sqlite3* database);

/// Whether it was opened by a process that this one was forked from.
[[nodiscard]] bool is_inherited(const sqlite3* database) noexcept;

/// Before a child opens files of its own: takes from SQLite what it knows of the locks that the
/// parent's handles hold. The parent's files and locks stay as they are.
void give_up_inherited() noexcept;

struct CloseDatabase {
  void operator()(sqlite3* database) const noexcept;  // an inherited one is left alone
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const noexcept {
    if (is_inherited(sqlite3_db_handle(statement))) return;
    const grant::detail::LibraryGate::Inside inside(gate());
    sqlite3_finalize(statement);
  }
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// Frees a statement's locks and forgets its bound values, however its execution ended.
class ResetScope {
 public:
  explicit ResetScope(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  ResetScope(const ResetScope&) = delete;
  ResetScope& operator=(const ResetScope&) = delete;
  ~ResetScope() {
    if (is_inherited(sqlite3_db_handle(statement_))) return;
    const grant::detail::LibraryGate::Inside inside(gate());
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

}  // namespace grant::sqlite
