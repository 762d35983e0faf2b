#include "statement_cache.hpp"

namespace grant::sqlite {

const std::shared_ptr<const Columns>& Prepared::columns() {
  const int count = sqlite3_stmt_status(handle.get(), SQLITE_STMTSTATUS_REPREPARE, 0);
  if (!columns_ || count != compiled_anew_) {
    columns_ = Columns::of(handle.get());
    compiled_anew_ = count;
  }
  return columns_;
}

}  // namespace grant::sqlite
