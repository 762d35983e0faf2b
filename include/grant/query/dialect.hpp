#pragma once

#include <string>
#include <string_view>

#include "grant/driver/adapter.hpp"
#include "grant/query/table_info.hpp"

namespace grant::dialect {

/// Appends `name` as a quoted identifier, whatever is in it.
void append_identifier(std::string& sql, Adapter adapter, std::string_view name);

/// What must stand before OFFSET where no limit is wanted; empty: nothing.
[[nodiscard]] std::string_view limit_before_offset(Adapter adapter) noexcept;

/// The values of an INSERT that gives none: ` DEFAULT VALUES` or ` () VALUES ()`.
[[nodiscard]] std::string_view default_values(Adapter adapter) noexcept;

/// The type of an array of `kind`, on PostgreSQL.
[[nodiscard]] std::string array_type(ValueKind kind);

/// How many placeholders one statement may have.
[[nodiscard]] std::size_t most_placeholders(Adapter adapter) noexcept;

/// The type, key and null rules of a column, as CREATE TABLE takes them.
[[nodiscard]] std::string column_definition(Adapter adapter, const ColumnInfo& column);

}  // namespace grant::dialect
