#include "driver/sqlite/statement_cache.hpp"

#include <utility>

namespace grant::sqlite {

const std::shared_ptr<const Columns>& Prepared::columns() {
  const int count = sqlite3_stmt_status(handle.get(), SQLITE_STMTSTATUS_REPREPARE, 0);
  if (!columns_ || count != compiled_anew_) {
    columns_ = Columns::of(handle.get());
    compiled_anew_ = count;
  }
  return columns_;
}

Prepared* StatementCache::find(std::string_view sql) {
  const auto found = by_sql_.find(sql);
  if (found == by_sql_.end()) return nullptr;
  statements_.splice(statements_.begin(), statements_, found->second);
  return &statements_.front();
}

Prepared& StatementCache::add(Prepared prepared) {
  if (statements_.size() >= capacity_) {
    by_sql_.erase(statements_.back().sql);
    statements_.pop_back();
  }
  statements_.push_front(std::move(prepared));
  by_sql_.emplace(statements_.front().sql, statements_.begin());
  return statements_.front();
}

}  // namespace grant::sqlite
