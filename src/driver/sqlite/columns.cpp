#include <new>

#include "columns.hpp"

namespace grant::sqlite {

std::shared_ptr<const Columns> Columns::of(sqlite3_stmt* statement) {
  auto columns = std::make_shared<Columns>();
  const int count = sqlite3_column_count(statement);
  for (int column = 0; column < count; ++column) {
    const char* const name = sqlite3_column_name(statement, column);
    if (name == nullptr) throw std::bad_alloc();
    columns->names.emplace_back(name);
    columns->declared.push_back(declared_kind(sqlite3_column_decltype(statement, column)));
  }
  return columns;
}

}  // namespace grant::sqlite
