#include "grant/query/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "condition.hpp"
#include "grant/core/error.hpp"
#include "grant/query/dialect.hpp"
#include "sql_writer.hpp"

namespace grant {
namespace {

SqlWriter& all_columns(SqlWriter& out, const TableInfo& table) {
  return out.list(table.columns, [&](const ColumnInfo& column) { out.name(column.name); });
}

SqlWriter& names(SqlWriter& out, const TableInfo& table, const ColumnSet& columns) {
  return out.list(columns, [&](std::size_t index) { out.name(table.columns[index].name); });
}

/// A table's name, quoted, as a value.
SqlWriter& quoted_name(SqlWriter& out, std::string_view identifier) {
  std::string quoted;
  dialect::append_identifier(quoted, out.adapter(), identifier);
  return out.owned(Value(ValueView::text(quoted)));
}

void ignore_conflicts(SqlWriter& out, const TableInfo& table) {
  if (out.adapter() != Adapter::mariadb) {
    out.text(" ON CONFLICT DO NOTHING");
    return;
  }
  // Not INSERT IGNORE, which takes values that do not fit as well.
  const auto key = table.key().name;
  out.text(" ON DUPLICATE KEY UPDATE ").name(key).text(" = ").name(key);
}

SqlWriter& where(SqlWriter& out, const Selection& selection) {
  if (selection.where) write_condition(out.text(" WHERE "), *selection.where);
  return out;
}

SqlWriter& where_key(SqlWriter& out, const TableInfo& table, const void* record, Alone alone) {
  const auto& key = table.key();
  const auto has_key = [&] {
    if (dialect::comparing(out.adapter(), key.kind) == dialect::Comparing::as_the_type) {
      out.name(key.name).text(" = ").bind(key, record);
      return;
    }
    Params value;
    key.bind(record, value);
    write_equal(out, {table.name, key.name}, value.views()[0]);
  };
  out.text(" WHERE ");
  has_key();
  if (alone == Alone::by_rule) return out;
  out.text(" AND (SELECT count(*) FROM ").name(table.name).text(" WHERE ");
  has_key();
  return out.text(") = 1");
}

void order_by(SqlWriter& out, const std::vector<Order>& order) {
  if (order.empty()) return;
  out.text(" ORDER BY ").list(order, [&](const Order& each) {
    dialect::check_order(out.adapter(), out.kind_of(each.column), each.column);
    out.column(each.column).text(each.descending ? " DESC" : "");
  });
}

SqlWriter& range(SqlWriter& out, const Selection& selection) {
  if (selection.limit) out.text(" LIMIT ").number(*selection.limit);
  if (selection.offset) {
    if (!selection.limit) out.text(dialect::limit_before_offset(out.adapter()));
    out.text(" OFFSET ").number(*selection.offset);
  }
  return out;
}

void refuse_range(const Selection& selection, std::string_view what) {
  if (selection.order.empty() && !selection.limit && !selection.offset) return;
  throw_error(Errc::invalid_argument,
              fmt::format("{} of {} takes no order, limit or offset", what, selection.table->name));
}

}  // namespace

RenderedSql render_select(Adapter adapter, const Selection& selection) {
  SqlWriter out(adapter, *selection.table);
  all_columns(out.text("SELECT "), *selection.table).text(" FROM ").name(selection.table->name);
  where(out, selection);
  order_by(out, selection.order);
  return range(out, selection).take();
}

RenderedSql render_count(Adapter adapter, const Selection& selection) {
  SqlWriter out(adapter, *selection.table);
  if (!selection.limit && !selection.offset) {
    out.text("SELECT count(*) FROM ").name(selection.table->name);
    return where(out, selection).take();
  }
  out.text("SELECT count(*) FROM (SELECT 1 FROM ").name(selection.table->name);
  range(where(out, selection), selection);
  return out.text(") AS counted").take();
}

RenderedSql render_exists(Adapter adapter, const Selection& selection) {
  SqlWriter out(adapter, *selection.table);
  where(out.text("SELECT 1 FROM ").name(selection.table->name), selection);
  Selection one = selection;
  if (!one.limit || *one.limit > 1) one.limit = 1;
  return range(out, one).take();
}

RenderedSql render_update(Adapter adapter, const Selection& selection,
                          const std::vector<ColumnValue>& values) {
  refuse_range(selection, "an update");
  if (values.empty()) {
    throw_error(Errc::invalid_argument,
                fmt::format("an update of {} sets no column", selection.table->name));
  }
  SqlWriter out(adapter, *selection.table);
  out.text("UPDATE ").name(selection.table->name).text(" SET ");
  out.list(values, [&out](const ColumnValue& set) {
    out.of_table(set.column).text(" = ").value(set.value.view());
  });
  return where(out, selection).take();
}

RenderedSql render_delete(Adapter adapter, const Selection& selection) {
  refuse_range(selection, "a delete");
  SqlWriter out(adapter, *selection.table);
  return where(out.text("DELETE FROM ").name(selection.table->name), selection).take();
}

ColumnSet columns_to_insert(const TableInfo& table, const void* record) {
  ColumnSet columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    const bool left_out = column.generated || (column.primary_key && column.is_unset(record)) ||
                          (column.is_initial != nullptr && column.is_initial(record));
    if (!left_out) columns.push_back(i);
  }
  return columns;
}

RenderedSql render_insert(Adapter adapter, const TableInfo& table, const void* record,
                          const ColumnSet& columns) {
  SqlWriter out(adapter, table);
  out.text("INSERT INTO ").name(table.name);
  if (columns.empty()) {
    out.text(dialect::default_values(adapter));
  } else {
    names(out.text(" ("), table, columns).text(") VALUES (");
    out.list(columns, [&](std::size_t i) { out.bind(table.columns[i], record); }).text(")");
  }
  return all_columns(out.text(" RETURNING "), table).take();
}

bool takes_arrays(Adapter adapter, const TableInfo& table) {
  // unnest() would take a column that is an array itself apart too far.
  return adapter == Adapter::postgres &&
         std::ranges::none_of(table.columns, [](const ColumnInfo& column) {
           return column.kind == ValueKind::array;
         });
}

std::size_t most_records(Adapter adapter, const TableInfo& table) noexcept {
  if (takes_arrays(adapter, table)) return 1'000'000;
  return std::max<std::size_t>(1, dialect::most_placeholders(adapter) / table.columns.size());
}

RenderedSql render_insert_all(Adapter adapter, const TableInfo& table,
                              std::span<void* const> records, const ColumnSet& columns,
                              OnConflict on_conflict, bool returning, const ColumnTypes& types) {
  if (columns.empty()) {
    throw_error(
        Errc::invalid_argument,
        fmt::format("table {} has nothing but a generated key: create its records one by one",
                    table.name));
  }
  SqlWriter out(adapter, table);
  names(out.text("INSERT INTO ").name(table.name).text(" ("), table, columns);
  if (takes_arrays(adapter, table)) {
    out.text(") SELECT * FROM unnest(");
    out.list(columns, [&](std::size_t i) {
      out.bind_array(table.columns[i], records, types.empty() ? std::string_view() : types[i]);
    });
    out.text(")");
  } else {
    out.text(") VALUES ").list(records, [&](const void* record) {
      out.text("(");
      out.list(columns, [&](std::size_t i) { out.bind(table.columns[i], record); }).text(")");
    });
  }
  if (on_conflict == OnConflict::ignore) ignore_conflicts(out, table);
  if (returning) all_columns(out.text(" RETURNING "), table);
  return out.take();
}

RenderedSql render_column_types(Adapter adapter, const TableInfo& table) {
  if (!takes_arrays(adapter, table)) return {};
  SqlWriter out(adapter, table);
  out.text(
      "SELECT attname::text, format_type(atttypid, -1) FROM pg_attribute "
      "WHERE attnum > 0 AND NOT attisdropped AND attrelid = to_regclass(");
  return quoted_name(out, table.name).text(")").take();
}

RenderedSql render_key_rules(Adapter adapter, const TableInfo& table) {
  SqlWriter out(adapter, table);
  const auto key = ValueView::text(table.key().name);
  switch (adapter) {
    case Adapter::postgres:
      out.text(
          "SELECT count(*) FROM pg_index JOIN pg_attribute ON attrelid = indrelid "
          "AND attnum = indkey[0] JOIN pg_class ON pg_class.oid = indrelid "
          "WHERE indisunique AND indisvalid AND indimmediate AND indpred IS NULL "
          "AND indnkeyatts = 1 AND (relkind = 'p' OR NOT relhassubclass) "
          "AND indrelid = to_regclass(");
      quoted_name(out, table.name).text(") AND attname = ").value(key);
      break;
    case Adapter::mariadb:
      out.text(
          "SELECT count(*) FROM (SELECT index_name FROM information_schema.statistics "
          "WHERE table_schema = database() AND non_unique = 0 AND table_name = ");
      out.value(ValueView::text(table.name)).text(" GROUP BY index_name");
      out.text(" HAVING count(*) = 1 AND max(column_name) = ").value(key).text(") AS rules");
      break;
    case Adapter::sqlite:
      // A primary key of one column may have no index: it is the row's own number then.
      out.text("SELECT (SELECT count(*) = 1 AND max(name) = ").value(key);
      out.text(" FROM pragma_table_info(").value(ValueView::text(table.name));
      out.text(") WHERE pk > 0) + (SELECT count(*) FROM pragma_index_list(");
      out.value(ValueView::text(table.name))
          .text(") AS rule WHERE \"unique\" AND NOT partial AND ");
      out.text("(SELECT count(*) = 1 AND max(name) = ").value(key);
      out.text(" FROM pragma_index_info(rule.name)))");
      break;
  }
  return out.take();
}

RenderedSql render_update_record(Adapter adapter, const TableInfo& table, const void* record,
                                 const ColumnSet& columns, const ColumnSet& returned, Alone alone) {
  SqlWriter out(adapter, table);
  out.text("UPDATE ").name(table.name).text(" SET ");
  out.list(columns, [&](std::size_t index) {
    const auto& column = table.columns[index];
    out.name(column.name).text(" = ").bind(column, record);
  });
  where_key(out, table, record, alone);
  if (adapter != Adapter::mariadb && !returned.empty()) {
    names(out.text(" RETURNING "), table, returned);
  }
  return out.take();
}

RenderedSql render_delete_record(Adapter adapter, const TableInfo& table, const void* record,
                                 Alone alone) {
  SqlWriter out(adapter, table);
  return where_key(out.text("DELETE FROM ").name(table.name), table, record, alone).take();
}

std::string render_create_table(Adapter adapter, const TableInfo& table) {
  SqlWriter out(adapter, table);
  out.text("CREATE TABLE IF NOT EXISTS ").name(table.name).text(" (");
  out.list(table.columns, [&](const ColumnInfo& column) {
    out.name(column.name).text(" ").text(dialect::column_definition(adapter, column));
  });
  return out.text(")").take().sql;
}

}  // namespace grant
