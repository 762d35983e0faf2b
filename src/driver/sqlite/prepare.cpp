// Statements, from their text to what SQLite makes of it.
#include <fmt/format.h>

#include <cstddef>
#include <utility>

#include "connection.hpp"
#include "errors.hpp"
#include "lexer.hpp"

namespace grant::sqlite {
namespace {

/// Whether `rest`, the text after the first statement, holds another one or is not SQL.
bool has_statement(sqlite3* database, std::string_view rest) {
  while (!rest.empty()) {
    sqlite3_stmt* raw = nullptr;
    const char* tail = nullptr;
    const int code =
        sqlite3_prepare_v3(database, rest.data(), static_cast<int>(rest.size()), 0, &raw, &tail);
    const StatementHandle handle(raw);
    if (code != SQLITE_OK || handle) return true;
    const auto taken = static_cast<std::size_t>(tail - rest.data());
    if (taken == 0) return false;
    rest.remove_prefix(taken);
  }
  return false;
}

}  // namespace

Prepared& SqliteConnection::prepared(std::string_view sql, std::string_view tried) {
  if (Prepared* const known = statements_.find(sql)) return *known;

  if (sql.find('\0') != std::string_view::npos) {
    throw_at(Errc::invalid_argument, node_, fmt::format("{}: a NUL character in its text", tried));
  }
  const auto longest =
      static_cast<std::size_t>(sqlite3_limit(database_.get(), SQLITE_LIMIT_SQL_LENGTH, -1));
  if (sql.size() > longest) {
    throw_at(Errc::invalid_argument, node_,
             fmt::format("{}: its text takes {} bytes, and SQLite takes no more than {}", tried,
                         sql.size(), longest),
             SQLITE_TOOBIG);
  }
  const bool keep = statements_.capacity() > 0;
  Prepared made;
  made.sql = sql;
  const auto text = rewrite_placeholders(
      sql, sqlite3_limit(database_.get(), SQLITE_LIMIT_VARIABLE_NUMBER, -1), node_);
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  compiled_changes_session_ = false;
  compiled_is_about_transaction_ = false;
  const int code =
      sqlite3_prepare_v3(database_.get(), text.c_str(), static_cast<int>(text.size() + 1),
                         keep ? SQLITE_PREPARE_PERSISTENT : 0, &raw, &tail);
  made.handle.reset(raw);
  made.changes_session = compiled_changes_session_;
  made.is_about_transaction = compiled_is_about_transaction_;
  if (code != SQLITE_OK) fail(code, tried, {});
  if (!made.handle) throw_at(Errc::invalid_argument, node_, fmt::format("{}: it is empty", tried));
  if (has_statement(database_.get(),
                    std::string_view(text).substr(static_cast<std::size_t>(tail - text.c_str())))) {
    throw_at(Errc::invalid_argument, node_,
             fmt::format("{}: its text holds more than one statement", tried));
  }
  made.placeholders = placeholders_of(made.handle.get(), node_);
  if (!keep) return uncached_.emplace(std::move(made));
  Prepared* const kept = statements_.insert(std::move(made));
  statements_.discarded().clear();  // nobody else has to be told
  return *kept;
}

}  // namespace grant::sqlite
