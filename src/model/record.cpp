#include "grant/model/record.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "grant/core/codec.hpp"
#include "grant/core/error.hpp"

namespace grant::detail {
namespace {

constexpr std::string_view kCreatedAt = "created_at";
constexpr std::string_view kUpdatedAt = "updated_at";

void load_cell(const TableInfo& table, const ColumnInfo& column, ValueView value, void* record) {
  try {
    column.load(record, value);
  } catch (const Error& error) {
    auto info = error.info();
    info.message = fmt::format("column {}.{}: {}", table.name, column.name, info.message);
    throw_error(std::move(info));
  }
}

bool is_stamp(const ColumnInfo& column, std::string_view name) {
  return column.touch != nullptr && column.name == name;
}

void stamp_new(const TableInfo& table, const Access& access, void* record) {
  for (const auto& column : table.columns) {
    if (!is_stamp(column, kCreatedAt) && !is_stamp(column, kUpdatedAt)) continue;
    if (column.is_unset(record)) column.touch(record, wall_time_of(access));
  }
}

Executed run_rendered(const Access& access, const RenderedSql& rendered, Effect effect) {
  return execute(access, rendered.statement(effect));
}

void expect_one_row(const TableInfo& table, const Executed& executed, std::string_view doing) {
  if (executed.result->affected_rows() == 0) {
    throw_not_found(table, fmt::format("the row to {} is gone", doing));
  }
}

void update_indices(const TableInfo& table, const Access& access, void* record,
                    std::vector<std::size_t> indices) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (!is_stamp(table.columns[i], kUpdatedAt)) continue;
    table.columns[i].touch(record, wall_time_of(access));
    if (std::ranges::find(indices, i) == indices.end()) indices.push_back(i);
  }
  if (indices.empty()) return;
  const auto rendered = render_update_record(adapter_of(access), table, record, indices);
  expect_one_row(table, run_rendered(access, rendered, Effect::write), "update");
}

}  // namespace

void throw_not_found(const TableInfo& table, std::string_view what) {
  throw_error(Errc::not_found, fmt::format("table {}: {}", table.name, what));
}

void load_row(const TableInfo& table, const Result& result, std::size_t row, void* record) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    load_cell(table, table.columns[i], result.cell(row, i), record);
  }
}

std::vector<std::size_t> match_columns(const TableInfo& table, const Result& result) {
  std::vector<std::size_t> positions;
  for (const auto& column : table.columns) {
    std::size_t at = 0;
    while (at < result.column_count() && result.column_name(at) != column.name) ++at;
    if (at == result.column_count()) {
      throw_error(Errc::invalid_argument,
                  fmt::format("table {}: the result has no column {}", table.name, column.name));
    }
    positions.push_back(at);
  }
  return positions;
}

void load_row(const TableInfo& table, const Result& result, std::size_t row,
              std::span<const std::size_t> positions, void* record) {
  for (std::size_t i = 0; i < positions.size(); ++i) {
    load_cell(table, table.columns[i], result.cell(row, positions[i]), record);
  }
}

const Origin* insert_record(const TableInfo& table, const Access& access, void* record) {
  stamp_new(table, access, record);
  const auto rendered = render_insert(adapter_of(access), table, record);
  const auto executed = run_rendered(access, rendered, Effect::write);
  if (executed.result->row_count() > 0) load_row(table, *executed.result, 0, record);
  return executed.origin;
}

void update_record(const TableInfo& table, const Access& access, void* record) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (!table.columns[i].primary_key) indices.push_back(i);
  }
  update_indices(table, access, record, std::move(indices));
}

void update_columns(const TableInfo& table, const Access& access, void* record,
                    std::span<const std::string_view> columns) {
  std::vector<std::size_t> indices;
  for (const auto name : columns) {
    const auto found = std::ranges::find(table.columns, name, &ColumnInfo::name);
    indices.push_back(static_cast<std::size_t>(found - table.columns.begin()));
  }
  update_indices(table, access, record, std::move(indices));
}

void delete_record(const TableInfo& table, const Access& access, const void* record) {
  const auto rendered = render_delete_record(adapter_of(access), table, record);
  expect_one_row(table, run_rendered(access, rendered, Effect::write), "delete");
}

void reload_record(const TableInfo& table, const Access& access, void* record) {
  Params key;
  table.key().bind(record, key);
  const auto executed = run_select(access, by_key(table, Value(key.views()[0])));
  if (executed.result->row_count() == 0) throw_not_found(table, "the row to reload is gone");
  load_row(table, *executed.result, 0, record);
}

Selection by_key(const TableInfo& table, Value key) {
  const ColumnName column{table.name, table.key().name};
  Selection selection;
  selection.table = &table;
  selection.where = Expression::compare(column, Comparison::equal, std::move(key));
  return selection;
}

Executed run_select(const Access& access, const Selection& selection) {
  return run_rendered(access, render_select(adapter_of(access), selection), Effect::read);
}

std::uint64_t run_count(const Access& access, const Selection& selection) {
  const auto rendered = render_count(adapter_of(access), selection);
  const auto executed = run_rendered(access, rendered, Effect::read);
  return static_cast<std::uint64_t>(Codec<std::int64_t>::decode(executed.result->cell(0, 0)));
}

bool run_exists(const Access& access, const Selection& selection) {
  const auto rendered = render_exists(adapter_of(access), selection);
  return run_rendered(access, rendered, Effect::read).result->row_count() > 0;
}

std::uint64_t run_update(const Access& access, const Selection& selection,
                         const std::vector<ColumnValue>& values) {
  const auto rendered = render_update(adapter_of(access), selection, values);
  return run_rendered(access, rendered, Effect::write).result->affected_rows();
}

std::uint64_t run_delete(const Access& access, const Selection& selection) {
  const auto rendered = render_delete(adapter_of(access), selection);
  return run_rendered(access, rendered, Effect::write).result->affected_rows();
}

void run_create_table(const Access& access, const TableInfo& table) {
  Statement statement;
  const auto text = render_create_table(adapter_of(access), table);
  statement.sql = text;
  execute(access, statement);
}

}  // namespace grant::detail
