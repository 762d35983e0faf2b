#include "sql_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "grant/core/error.hpp"
#include "grant/query/dialect.hpp"

namespace grant {

SqlWriter& SqlWriter::text(std::string_view part) {
  out_.sql += part;
  return *this;
}

SqlWriter& SqlWriter::number(std::uint64_t number) {
  fmt::format_to(std::back_inserter(out_.sql), "{}", number);
  return *this;
}

SqlWriter& SqlWriter::name(std::string_view identifier) {
  dialect::append_identifier(out_.sql, adapter_, identifier);
  return *this;
}

SqlWriter& SqlWriter::column(const ColumnName& column) {
  refuse_another(column);
  about_ = column;
  return name(column.table).text(".").name(column.column);
}

SqlWriter& SqlWriter::of_table(const ColumnName& column) {
  refuse_another(column);
  about_ = column;
  return name(column.column);
}

ValueKind SqlWriter::kind_of(const ColumnName& column) const {
  refuse_another(column);
  const auto found = std::ranges::find(table_.columns, column.column, &ColumnInfo::name);
  return found == table_.columns.end() ? ValueKind::null : found->kind;
}

SqlWriter& SqlWriter::value(ValueView view) {
  out_.params.add(view);
  return placeholder();
}

SqlWriter& SqlWriter::owned(Value value) {
  out_.params.add(std::move(value));
  return placeholder();
}

SqlWriter& SqlWriter::array(Params elements) {
  out_.params.add_array(std::move(elements));
  return placeholder();
}

SqlWriter& SqlWriter::bind(const ColumnInfo& column, const void* record) {
  about_ = {table_.name, column.name};
  column.bind(record, out_.params);
  return placeholder();
}

SqlWriter& SqlWriter::bind_array(const ColumnInfo& column, std::span<void* const> records,
                                 std::string_view type) {
  about_ = {table_.name, column.name};
  Params values;
  for (const void* record : records) column.bind(record, values);
  array(std::move(values));
  // The server would cast an array of the model's type to the column's, and round or cut what one
  // value by itself is refused for. Text becomes an enum, an address or an interval by its cast.
  const bool by_text = column.kind == ValueKind::text || column.kind == ValueKind::json;
  if (by_text || type.empty()) text("::").text(dialect::array_type(column.kind));
  if (!type.empty()) text("::").text(type).text("[]");
  return *this;
}

RenderedSql SqlWriter::take() {
  dialect::check_placeholders(adapter_, out_.params.size());
  return std::move(out_);
}

SqlWriter& SqlWriter::placeholder() {
  out_.columns.push_back(about_);
  return text("$").number(out_.params.size());
}

void SqlWriter::refuse_another(const ColumnName& column) const {
  if (column.table == table_.name) return;
  throw_error(Errc::invalid_argument,
              fmt::format("the query is on {}, and column {}.{} is not of it", table_.name,
                          column.table, column.column));
}

}  // namespace grant
