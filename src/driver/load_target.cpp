#include "load_target.hpp"

#include <fmt/format.h>

namespace grant {

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

std::string quoted_table(const LoadTarget& target) {
  if (target.schema.empty()) return quoted(target.table);
  return fmt::format("{}.{}", quoted(target.schema), quoted(target.table));
}

std::string table_and_columns(const LoadTarget& target) {
  std::string columns;
  for (const auto column : target.columns) {
    if (!columns.empty()) columns += ", ";
    columns += quoted(column);
  }
  return fmt::format("{} ({})", quoted_table(target), columns);
}

std::string insert_one(const LoadTarget& target) {
  std::string places;
  for (std::size_t i = 1; i <= target.columns.size(); ++i) {
    places += fmt::format("{}${}", i == 1 ? "" : ", ", i);
  }
  return fmt::format("INSERT INTO {} VALUES ({})", table_and_columns(target), places);
}

}  // namespace grant
