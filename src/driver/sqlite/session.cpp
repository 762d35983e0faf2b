// What statements leave on a connection. There is nothing to undo it with: a new one costs less.
#include <algorithm>
#include <array>
#include <string_view>

#include "connection.hpp"
#include "driver/words.hpp"

namespace grant::sqlite {
namespace {

/// Pragmas that take an argument, and still only look, or change the file alone.
bool is_harmless(std::string_view pragma) noexcept {
  constexpr std::array<std::string_view, 14> harmless{
      "APPLICATION_ID", "FOREIGN_KEY_CHECK", "FOREIGN_KEY_LIST", "INCREMENTAL_VACUUM",
      "INDEX_INFO",     "INDEX_LIST",        "INDEX_XINFO",      "INTEGRITY_CHECK",
      "OPTIMIZE",       "QUICK_CHECK",       "TABLE_INFO",       "TABLE_XINFO",
      "USER_VERSION",   "WAL_CHECKPOINT"};
  return std::ranges::any_of(harmless, [&](auto known) { return driver::is_word(pragma, known); });
}

}  // namespace

int SqliteConnection::on_compile(void* self, int action, const char* what, const char* value,
                                 const char* /*database*/, const char* /*within*/) noexcept {
  switch (action) {
    case SQLITE_PRAGMA:
      if (value == nullptr || is_harmless(what)) return SQLITE_OK;
      break;
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW: break;
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
      static_cast<SqliteConnection*>(self)->compiled_is_about_transaction_ = true;
      return SQLITE_OK;
    default: return SQLITE_OK;
  }
  static_cast<SqliteConnection*>(self)->compiled_changes_session_ = true;
  return SQLITE_OK;
}

}  // namespace grant::sqlite
