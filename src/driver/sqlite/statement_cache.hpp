#pragma once

#include <memory>
#include <string>

#include "bind.hpp"
#include "driver/statement_cache.hpp"
#include "handles.hpp"
#include "result.hpp"

namespace grant::sqlite {

/// A statement that SQLite has compiled.
struct Prepared {
  std::string sql{};
  StatementHandle handle{};
  Placeholders placeholders{};
  bool changes_session = false;  ///< Settings, temporary tables, or which files are attached.
  bool is_about_transaction = false;

  /// The columns of its rows. Ask after the first step: SQLite compiles a statement anew by itself
  /// when the schema has changed, and then the columns may be others.
  [[nodiscard]] const std::shared_ptr<const Columns>& columns();

 private:
  std::shared_ptr<const Columns> columns_;
  int compiled_anew_ = 0;  // SQLite's count when columns_ was read
};

using StatementCache = grant::StatementCache<Prepared>;

}  // namespace grant::sqlite
