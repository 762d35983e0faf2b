#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "driver/statement_cache.hpp"
#include "types.hpp"

namespace grant::mariadb {

/// A statement that the server has parsed.
struct Prepared {
  std::string sql{};                 ///< As the caller wrote it.
  StatementHandle handle{};          ///< Null: it goes as text, because it cannot be prepared.
  std::vector<std::size_t> order{};  ///< As Rewritten has it.
  std::size_t parameters{};
  bool outdated{};      ///< To be prepared anew before it runs again.
  bool changes_rows{};  ///< It inserts, updates or deletes, whether or not it gives rows back.
};

using StatementCache = grant::StatementCache<Prepared>;

}  // namespace grant::mariadb
