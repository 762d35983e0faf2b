#pragma once

#include <string>
#include <string_view>

#include "grant/driver/row_source.hpp"

namespace grant {

/// `"name"`: an identifier of the SQL standard, which is what the sessions of every engine read.
[[nodiscard]] std::string quoted(std::string_view name);

/// `"table"`, or `"schema"."table"`.
[[nodiscard]] std::string quoted_table(const LoadTarget& target);

/// `"table" ("column", …)`, after its schema.
[[nodiscard]] std::string table_and_columns(const LoadTarget& target);

/// An INSERT of one row, with a placeholder for each column.
[[nodiscard]] std::string insert_one(const LoadTarget& target);

}  // namespace grant
