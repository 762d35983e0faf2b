// Statements, from their text to their result.
#include <new>
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"

namespace grant::sqlite {
namespace {

constexpr std::string_view kExecuting = "cannot execute the statement";

}  // namespace

std::unique_ptr<Result> SqliteConnection::run(io::Call call, const Statement& statement,
                                              std::string_view tried) try {
  refuse_unless_ready(call, tried);
  const OperationScope scope(*this, call);
  Prepared& used = prepared(statement.sql, tried);
  sqlite3_stmt* const handle = used.handle.get();
  const ResetScope reset(handle);
  if (statement.guarded) refuse_guarded(used, tried);
  bind_params(handle, used.placeholders, statement.params, node_);
  if (used.changes_session) session_changed_ = true;

  const auto changes_before = sqlite3_total_changes64(database_.get());
  auto result = std::make_unique<SqliteResult>();
  int code = sqlite3_step(handle);
  if (code == SQLITE_ROW || code == SQLITE_DONE) result->set_columns(used.columns());
  for (; code == SQLITE_ROW; code = sqlite3_step(handle)) {
    result->add_row(handle);
    const auto most = settings_.max_result_size;
    if (most != 0 && result->size() > most) {
      const bool reads = sqlite3_stmt_readonly(handle) != 0;
      throw_error(failures::too_large(node_, reads ? Effect::read : Effect::write, most));
    }
  }
  if (code != SQLITE_DONE) fail(code, tried, statement);

  // SQLite's count of changed rows is left over from an earlier statement unless this one changed
  // any; the total tells.
  if (sqlite3_total_changes64(database_.get()) != changes_before) {
    result->set_affected_rows(static_cast<std::uint64_t>(sqlite3_changes64(database_.get())));
  }
  follow_transaction(true);
  note_end(statement.sql);
  return result;
} catch (const std::bad_alloc&) {
  throw_error(failures::no_memory(node_, statement.effect));
}

void SqliteConnection::run_plain(io::Call call, std::string_view sql, std::string_view tried) {
  Statement statement;
  statement.sql = sql;
  statement.effect = Effect::read;  // commit_now() sorts its own errors
  static_cast<void>(run(call, statement, tried));
}

Task<std::unique_ptr<Result>> SqliteConnection::execute(io::Call call, Statement statement) {
  refuse_failed_transaction(kExecuting);
  co_return run(call, statement, kExecuting);
}

}  // namespace grant::sqlite
