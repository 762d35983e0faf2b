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

/// Leaves out a primary key that is not set; gives all columns back.
[[nodiscard]] RenderedSql render_insert(Adapter adapter, const TableInfo& table,
                                        const void* record);

/// What becomes of a row that a unique column or key keeps out.
enum class OnConflict : std::uint8_t {
  fail,    ///< The whole statement fails.
  ignore,  ///< It is left out.
};

/// Many records, at least one and at most most_records(), with one statement. Leaves out primary
/// keys that are not set; gives all columns back when `returning`. Errors: invalid_argument, when
/// some keys are set and some are not.
[[nodiscard]] RenderedSql render_insert_all(Adapter adapter, const TableInfo& table,
                                            std::span<void* const> records, OnConflict on_conflict,
                                            bool returning);

/// How many records one such statement takes.
[[nodiscard]] std::size_t most_records(Adapter adapter, const TableInfo& table) noexcept;

/// Sets `columns` (indices, at least one) of the row that has the record's primary key.
[[nodiscard]] RenderedSql render_update_record(Adapter adapter, const TableInfo& table,
                                               const void* record,
                                               const std::vector<std::size_t>& columns);
[[nodiscard]] RenderedSql render_delete_record(Adapter adapter, const TableInfo& table,
                                               const void* record);

/// `CREATE TABLE IF NOT EXISTS`, with the columns, keys and null rules of the model.
[[nodiscard]] std::string render_create_table(Adapter adapter, const TableInfo& table);

}  // namespace grant
