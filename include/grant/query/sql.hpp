#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grant/core/value.hpp"
#include "grant/driver/adapter.hpp"
#include "grant/driver/statement.hpp"
#include "grant/query/expression.hpp"
#include "grant/query/table_info.hpp"

namespace grant {

/// SQL text and its values. What it was rendered from must outlive it: values are not copied.
struct RenderedSql {
  std::string sql{};
  Params params{};
  /// Of each value, the column that it is for or compared with; empty: none.
  std::vector<ColumnName> columns{};

  [[nodiscard]] Statement statement(Effect effect) const noexcept {
    Statement statement;
    statement.sql = sql;
    statement.params = params.views();
    statement.effect = effect;
    return statement;
  }
};

/// Which rows of a table, in which order.
struct Selection {
  const TableInfo* table = nullptr;
  std::optional<Expression> where{};
  std::vector<Order> order{};
  std::optional<std::uint64_t> limit{};
  std::optional<std::uint64_t> offset{};
};

/// A column set to a value.
struct ColumnValue {
  ColumnName column{};
  Value value{};
};

// Each renders for one engine. Values are always bound; names are quoted.

[[nodiscard]] RenderedSql render_select(Adapter adapter, const Selection& selection);
[[nodiscard]] RenderedSql render_count(Adapter adapter, const Selection& selection);

/// One row if the selection has any.
[[nodiscard]] RenderedSql render_exists(Adapter adapter, const Selection& selection);

/// Order, limit and offset must be empty. Errors: invalid_argument.
[[nodiscard]] RenderedSql render_update(Adapter adapter, const Selection& selection,
                                        const std::vector<ColumnValue>& values);
[[nodiscard]] RenderedSql render_delete(Adapter adapter, const Selection& selection);

/// Indices of columns, in the order of the table.
using ColumnSet = std::vector<std::size_t>;

/// What saving a new record writes: all columns but a primary key that is not set, generated ones,
/// and those with a default in the database that were not touched.
[[nodiscard]] ColumnSet columns_to_insert(const TableInfo& table, const void* record);

/// Writes `columns` and gives all columns back.
[[nodiscard]] RenderedSql render_insert(Adapter adapter, const TableInfo& table, const void* record,
                                        const ColumnSet& columns);

/// What becomes of a row that a unique column or key keeps out.
enum class OnConflict : std::uint8_t {
  fail,    ///< The whole statement fails.
  ignore,  ///< It is left out.
};

/// The types that the columns of a table have in the database, as SQL: one for each column.
using ColumnTypes = std::vector<std::string>;

/// Many records, at least one and at most most_records(), with one statement that writes `columns`;
/// gives all columns back when `returning`. `types`, where they are known, are what values that go
/// as arrays become. Errors: invalid_argument, when `columns` is empty.
[[nodiscard]] RenderedSql render_insert_all(Adapter adapter, const TableInfo& table,
                                            std::span<void* const> records,
                                            const ColumnSet& columns, OnConflict on_conflict,
                                            bool returning, const ColumnTypes& types = {});

/// Whether many records go as an array for each column.
[[nodiscard]] bool takes_arrays(Adapter adapter, const TableInfo& table);

/// Asks for ColumnTypes: a row for each column that the table has, with its name and type. Empty
/// where no engine needs them.
[[nodiscard]] RenderedSql render_column_types(Adapter adapter, const TableInfo& table);

/// Asks whether the database has a rule that no two rows have the same primary key: one row, with
/// how many such rules there are.
[[nodiscard]] RenderedSql render_key_rules(Adapter adapter, const TableInfo& table);

/// How many records one such statement takes.
[[nodiscard]] std::size_t most_records(Adapter adapter, const TableInfo& table) noexcept;

/// How a statement about one record reaches no more than one row.
enum class Alone : std::uint8_t {
  by_rule,   ///< The database has a rule that keeps the key unique.
  by_count,  ///< It changes nothing where several rows have the key.
};

/// Sets `columns` (at least one) of the row that has the record's primary key, and gives `returned`
/// back where the engine can.
[[nodiscard]] RenderedSql render_update_record(Adapter adapter, const TableInfo& table,
                                               const void* record, const ColumnSet& columns,
                                               const ColumnSet& returned = {},
                                               Alone alone = Alone::by_rule);
[[nodiscard]] RenderedSql render_delete_record(Adapter adapter, const TableInfo& table,
                                               const void* record, Alone alone = Alone::by_rule);

/// `CREATE TABLE IF NOT EXISTS`, with the columns, keys and null rules of the model.
[[nodiscard]] std::string render_create_table(Adapter adapter, const TableInfo& table);

}  // namespace grant
