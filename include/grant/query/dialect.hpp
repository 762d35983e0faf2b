#pragma once

#include <string>
#include <string_view>

#include "grant/driver/adapter.hpp"
#include "grant/query/table_info.hpp"

namespace grant::dialect {

/// Appends `name` as a quoted identifier, whatever is in it. Errors: invalid_argument, for one that
/// the engine would cut short or not take.
void append_identifier(std::string& sql, Adapter adapter, std::string_view name);

/// What must stand before OFFSET where no limit is wanted; empty: nothing.
[[nodiscard]] std::string_view limit_before_offset(Adapter adapter) noexcept;

/// The values of an INSERT that gives none: ` DEFAULT VALUES` or ` () VALUES ()`.
[[nodiscard]] std::string_view default_values(Adapter adapter) noexcept;

/// The type of an array of `kind`, on PostgreSQL.
[[nodiscard]] std::string array_type(ValueKind kind);

/// How many placeholders a statement gets when there are more values than one takes.
[[nodiscard]] std::size_t most_placeholders(Adapter adapter) noexcept;

/// Errors: invalid_argument, for more than the engine's protocol can count. SQLite's own limit is
/// its build's, which its driver knows.
void check_placeholders(Adapter adapter, std::size_t count);

/// How deep conditions may nest in one another.
[[nodiscard]] std::size_t most_levels(Adapter adapter) noexcept;

/// The type, key and null rules of a column, as CREATE TABLE takes them.
[[nodiscard]] std::string column_definition(Adapter adapter, const ColumnInfo& column);

}  // namespace grant::dialect
