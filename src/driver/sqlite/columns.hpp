#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <vector>

#include "types.hpp"

namespace grant::sqlite {

/// The columns of a statement's rows. Immutable, and shared by all results of the statement.
struct Columns {
  std::vector<std::string> names{};
  std::vector<Declared> declared{};

  [[nodiscard]] static std::shared_ptr<const Columns> of(sqlite3_stmt* statement);
};

}  // namespace grant::sqlite
