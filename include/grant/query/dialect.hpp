#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "grant/driver/adapter.hpp"
#include "grant/query/expression.hpp"
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

/// How the engine compares the values of a column.
enum class Comparing : std::uint8_t {
  as_the_type,    ///< As they are.
  as_timestamps,  ///< As text in one of several forms: grant_timestamp() has them in one.
  as_decimals,    ///< As text or numbers, equal or not; there is no order. grant_decimal() has them
                  ///< in one form.
  as_times,       ///< As text with or without seconds and decimals: forms_of() has them all.
  as_uuids,       ///< As text or bytes in one of the forms of forms_of().
  not_at_all,     ///< As text in which the same value can be written in many ways.
};
[[nodiscard]] Comparing comparing(Adapter adapter, ValueKind kind) noexcept;

/// Errors: invalid_argument, where the engine has no order for a column of this kind.
void check_order(Adapter adapter, ValueKind kind, const ColumnName& column);

/// The error for a comparison that comparing() rules out.
[[noreturn]] void refuse_comparison(Adapter adapter, ValueKind kind, const ColumnName& column);

/// The type, key and null rules of a column, as CREATE TABLE takes them.
[[nodiscard]] std::string column_definition(Adapter adapter, const ColumnInfo& column);

}  // namespace grant::dialect
