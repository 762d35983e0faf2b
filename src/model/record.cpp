#include "grant/model/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "grant/core/codec.hpp"
#include "grant/core/error.hpp"
#include "grant/session/session.hpp"
#include "grant/session/transaction.hpp"

namespace grant::detail {
namespace {

constexpr std::string_view kCreatedAt = "created_at";
constexpr std::string_view kUpdatedAt = "updated_at";

Access access_to(const ModelInfo& model, const Origin* home) {
  return {current_context(), model.connection, home};
}

void load_cell(const TableInfo& table, const ColumnInfo& column, ValueView value, void* record) {
  try {
    column.load(record, value);
  } catch (const Error& error) {
    auto info = error.info();
    info.message = fmt::format("column {}.{}: {}", table.name, column.name, info.message);
    throw_error(std::move(info));
  }
}

/// Fills `record` from a row whose columns are in the order of the table's.
void load_row(const TableInfo& table, const Result& result, std::size_t row, void* record) {
  constexpr std::size_t at_once = 32;
  std::array<ValueView, at_once> cells;
  if (table.columns.size() > at_once || result.column_count() != table.columns.size()) {
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      load_cell(table, table.columns[i], result.cell(row, i), record);
    }
    return;
  }
  const std::span<ValueView> whole(cells.data(), table.columns.size());
  result.row(row, whole);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    load_cell(table, table.columns[i], whole[i], record);
  }
}

/// For each column of the table, where the result has it.
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

bool is_stamp(const ColumnInfo& column, std::string_view name) {
  return column.touch != nullptr && column.name == name;
}

void stamp_new(const TableInfo& table, const Access& access, void* record) {
  for (const auto& column : table.columns) {
    if (!is_stamp(column, kCreatedAt) && !is_stamp(column, kUpdatedAt)) continue;
    if (column.is_unset(record)) column.touch(record, wall_time_of(access));
  }
}

/// As many statements as it takes, in a transaction where it takes several.
template <class Done>
void insert_in_parts(const ModelInfo& model, std::span<void* const> records, OnConflict on_conflict,
                     bool returning, const Done& done) {
  if (records.empty()) return;
  const auto access = access_to(model, nullptr);
  for (void* record : records) stamp_new(model.table, access, record);
  const auto adapter = adapter_of(access);
  const auto most = most_records(adapter, model.table);
  const auto insert = [&] {
    // Made here: inside the transaction, if there is one.
    const auto inner = access_to(model, nullptr);
    for (auto rest = records; !rest.empty();) {
      const auto part = rest.first(std::min(most, rest.size()));
      rest = rest.subspan(part.size());
      const auto rendered = render_insert_all(adapter, model.table, part, on_conflict, returning);
      done(part, execute(inner, rendered.statement(Effect::write)));
    }
  };
  if (records.size() <= most) return insert();
  TransactionSpec spec;
  spec.database = model.connection.database;
  spec.failover_retry_attempts = model.connection.retry_attempts;
  transaction(spec, insert);
}

[[noreturn]] void throw_missing(const TableInfo& table, std::string_view what) {
  throw_error(Errc::not_found, fmt::format("table {}: {}", table.name, what));
}

void expect_one_row(const TableInfo& table, const Executed& executed, std::string_view doing) {
  if (executed.result->affected_rows() == 0) {
    throw_missing(table, fmt::format("the row to {} is gone", doing));
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
  expect_one_row(table, execute(access, rendered.statement(Effect::write)), "update");
}

Selection by_key(const TableInfo& table, Value key) {
  const ColumnName column{table.name, table.key().name};
  Selection selection;
  selection.table = &table;
  selection.where = Expression::compare(column, Comparison::equal, std::move(key));
  return selection;
}

Executed select(const Access& access, const Selection& selection) {
  const auto rendered = render_select(adapter_of(access), selection);
  return execute(access, rendered.statement(Effect::read));
}

void load_rows(const Access& access, const Selection& selection, RecordSink& sink) {
  const auto executed = select(access, selection);
  for (std::size_t i = 0; i < executed.result->row_count(); ++i) {
    load_row(*selection.table, *executed.result, i, sink.add(executed.origin));
  }
}

}  // namespace

const Origin* insert_record(const ModelInfo& model, void* record) {
  const auto access = access_to(model, nullptr);
  stamp_new(model.table, access, record);
  const auto rendered = render_insert(adapter_of(access), model.table, record);
  const auto executed = execute(access, rendered.statement(Effect::write));
  if (executed.result->row_count() > 0) load_row(model.table, *executed.result, 0, record);
  return executed.origin;
}

const Origin* create_records(const ModelInfo& model, std::span<void* const> records) {
  const Origin* origin = nullptr;
  insert_in_parts(model, records, OnConflict::fail, true,
                  [&](std::span<void* const> part, const Executed& executed) {
                    if (executed.result->row_count() != part.size()) {
                      throw_error(
                          Errc::invalid_argument,
                          fmt::format("table {}: {} records were inserted and {} came back",
                                      model.table.name, part.size(), executed.result->row_count()));
                    }
                    for (std::size_t i = 0; i < part.size(); ++i) {
                      load_row(model.table, *executed.result, i, part[i]);
                    }
                    origin = executed.origin;
                  });
  return origin;
}

void insert_records(const ModelInfo& model, std::span<void* const> records,
                    OnConflict on_conflict) {
  insert_in_parts(model, records, on_conflict, false,
                  [](std::span<void* const> /*part*/, const Executed& /*executed*/) {});
}

void update_record(const ModelInfo& model, const Origin* home, void* record) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < model.table.columns.size(); ++i) {
    if (!model.table.columns[i].primary_key) indices.push_back(i);
  }
  update_indices(model.table, access_to(model, home), record, std::move(indices));
}

void update_columns(const ModelInfo& model, const Origin* home, void* record,
                    std::span<const std::string_view> columns) {
  std::vector<std::size_t> indices;
  for (const auto name : columns) {
    const auto found = std::ranges::find(model.table.columns, name, &ColumnInfo::name);
    indices.push_back(static_cast<std::size_t>(found - model.table.columns.begin()));
  }
  update_indices(model.table, access_to(model, home), record, std::move(indices));
}

void refuse_key_change(const ModelInfo& model, std::span<const std::string_view> columns) {
  const auto key = model.table.key().name;
  if (std::ranges::find(columns, key) == columns.end()) return;
  throw_error(Errc::invalid_argument,
              fmt::format("table {}: the primary key {} of a stored record cannot be changed",
                          model.table.name, key));
}

void delete_record(const ModelInfo& model, const Origin* home, const void* record) {
  const auto access = access_to(model, home);
  const auto rendered = render_delete_record(adapter_of(access), model.table, record);
  expect_one_row(model.table, execute(access, rendered.statement(Effect::write)), "delete");
}

void reload_record(const ModelInfo& model, const Origin* home, void* record) {
  Params key;
  model.table.key().bind(record, key);
  const auto selection = by_key(model.table, Value(key.views()[0]));
  const auto executed = select(access_to(model, home), selection);
  if (executed.result->row_count() == 0) throw_missing(model.table, "the row to reload is gone");
  load_row(model.table, *executed.result, 0, record);
}

const Origin* find_record(const ModelInfo& model, Value key, void* record) {
  const auto executed = select(access_to(model, nullptr), by_key(model.table, std::move(key)));
  if (executed.result->row_count() == 0) return nullptr;
  load_row(model.table, *executed.result, 0, record);
  return executed.origin;
}

void create_table(const ModelInfo& model) {
  const auto access = access_to(model, nullptr);
  const auto text = render_create_table(adapter_of(access), model.table);
  Statement statement;
  statement.sql = text;
  execute(access, statement);
}

void stick_to_primary(const ModelInfo& model, std::chrono::milliseconds period) {
  const auto& context = current_context();
  const auto target = resolve(context.get(), model.connection.database);
  Session::current().stick_to_primary(target.database, period);
}

void throw_not_found(const ModelInfo& model) {
  throw_missing(model.table, "no row has this primary key");
}

void load_by_sql(const ModelInfo& model, RawSql raw, RecordSink& sink) {
  const auto executed = std::move(raw).connect(model.connection).execute();
  const auto& result = *executed.result;
  const auto positions = match_columns(model.table, result);
  for (std::size_t row = 0; row < result.row_count(); ++row) {
    void* record = sink.add(executed.origin);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      load_cell(model.table, model.table.columns[i], result.cell(row, positions[i]), record);
    }
  }
}

QueryState::QueryState(const ModelInfo& model) : access_(access_to(model, nullptr)) {
  selection_.table = &model.table;
}

QueryState::QueryState(const QueryState&) = default;
QueryState::QueryState(QueryState&&) noexcept = default;
QueryState& QueryState::operator=(const QueryState&) = default;
QueryState& QueryState::operator=(QueryState&&) noexcept = default;
QueryState::~QueryState() = default;

void QueryState::where(Expression condition) {
  selection_.where =
      selection_.where ? *selection_.where && std::move(condition) : std::move(condition);
}

void QueryState::order(Order order) { selection_.order.push_back(order); }
void QueryState::limit(std::uint64_t rows) { selection_.limit = rows; }
void QueryState::offset(std::uint64_t rows) { selection_.offset = rows; }

void QueryState::load(RecordSink& sink) const { load_rows(access_, selection_, sink); }

void QueryState::stream(RecordSink& sink, StreamOptions options,
                        const std::function<void()>& done) const {
  const auto rendered = render_select(adapter_of(access_), selection_);
  detail::stream(access_, rendered.statement(Effect::read), options,
                 [&](const Result& rows, const Origin* origin) {
                   for (std::size_t i = 0; i < rows.row_count(); ++i) {
                     load_row(*selection_.table, rows, i, sink.add(origin));
                     done();
                   }
                 });
}

void QueryState::load_first(RecordSink& sink) const {
  auto one = selection_;
  if (one.order.empty()) one.order.push_back({{one.table->name, one.table->key().name}, false});
  if (!one.limit || *one.limit > 1) one.limit = 1;
  load_rows(access_, one, sink);
}

std::uint64_t QueryState::count() const {
  const auto rendered = render_count(adapter_of(access_), selection_);
  const auto executed = execute(access_, rendered.statement(Effect::read));
  return static_cast<std::uint64_t>(Codec<std::int64_t>::decode(executed.result->cell(0, 0)));
}

bool QueryState::exists() const {
  const auto rendered = render_exists(adapter_of(access_), selection_);
  return execute(access_, rendered.statement(Effect::read)).result->row_count() > 0;
}

std::uint64_t QueryState::update(std::vector<ColumnValue> values) const {
  const auto rendered = render_update(adapter_of(access_), selection_, values);
  return execute(access_, rendered.statement(Effect::write)).result->affected_rows();
}

std::uint64_t QueryState::remove() const {
  const auto rendered = render_delete(adapter_of(access_), selection_);
  return execute(access_, rendered.statement(Effect::write)).result->affected_rows();
}

RouteExplanation QueryState::explain_route() const {
  return detail::explain_route(access_, Effect::read);
}

}  // namespace grant::detail
