#include "grant/model/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <utility>

#include "grant/core/codec.hpp"
#include "grant/core/error.hpp"
#include "grant/query/dialect.hpp"
#include "grant/session/session.hpp"
#include "grant/session/transaction.hpp"
#include "session/place.hpp"

namespace grant::detail {
namespace {

constexpr std::string_view kCreatedAt = "created_at";
constexpr std::string_view kUpdatedAt = "updated_at";

Access access_to(const ModelInfo& model, Scope scope, const Origin* home, CallSite place) {
  Access access;
  access.scope = std::move(scope);
  access.connection = model.connection;
  access.home = home;
  access.place = place;
  return access;
}

Place place_of(const ModelInfo& model, Scope scope, const Origin* home, CallSite place) {
  return Place(access_to(model, std::move(scope), home, place));
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
    for (std::size_t next = at + 1; next < result.column_count(); ++next) {
      if (result.column_name(next) != column.name) continue;
      throw_error(Errc::invalid_argument,
                  fmt::format("table {}: the result has more than one column {}: name the columns, "
                              "or select those of one table",
                              table.name, column.name));
    }
    positions.push_back(at);
  }
  return positions;
}

bool is_stamp(const ColumnInfo& column, std::string_view name) {
  return column.touch != nullptr && column.name == name;
}

/// Sets the time stamps of a new record; gives their columns.
ColumnSet stamp_new(const TableInfo& table, const Place& at, void* record,
                    const ColumnSet& given = {}) {
  ColumnSet stamps;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    if (!is_stamp(column, kCreatedAt) && !is_stamp(column, kUpdatedAt)) continue;
    if (column.generated || std::ranges::find(given, i) != given.end()) continue;
    if (column.is_unset(record)) column.touch(record, at.wall_time());
    stamps.push_back(i);
  }
  return stamps;
}

/// Takes in what came back from a write that has happened: cells of `columns`.
void load_written(const TableInfo& table, const Result& result, const ColumnSet& columns,
                  void* record) {
  try {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      load_cell(table, table.columns[columns[i]], result.cell(0, i), record);
    }
  } catch (const Error& error) {
    auto info = error.info();
    info.message += "; the row was written, and this is what the database made of it";
    throw_error(std::move(info));
  }
}

/// Errors about a value name its column, which is one of `columns`.
Executed execute(const Place& at, const Statement& statement, std::span<const ColumnName> columns) {
  try {
    return execute(at, statement);
  } catch (const Error& error) {
    auto info = error.info();
    if (info.parameter == 0 || info.parameter > columns.size()) throw;
    const auto& [table, column] = columns[info.parameter - 1];
    if (column.empty()) throw;
    info.message = fmt::format("column {}.{}: {}", table, column, info.message);
    throw_error(std::move(info));
  }
}

Executed execute(const Place& at, const RenderedSql& rendered, Effect effect) {
  return execute(at, rendered.statement(effect), rendered.columns);
}

/// Runs a statement of the model's own. Its SQL depends on the engine and on `columns` alone: it is
/// made by `render` the first time, and `bind` gives the values. Where there are too many such sets
/// of columns, it is rendered each time.
template <class Bind, class Render>
Executed execute_known(const Place& at, KnownSql& known, KnownSql::Kind kind,
                       const ColumnSet& columns, Effect effect, const Bind& bind,
                       const Render& render) {
  const auto* text = known.find(kind, at.adapter(), columns);
  if (text == nullptr) {
    auto rendered = render();
    auto executed = execute(at, rendered, effect);
    known.add(kind, at.adapter(), columns, {std::move(rendered.sql), std::move(rendered.columns)});
    return executed;
  }
  return bind([&](std::span<const ValueView> params) {
    Statement statement;
    statement.sql = text->sql;
    statement.params = params;
    statement.effect = effect;
    return execute(at, statement, text->columns);
  });
}

/// The record's values of these columns.
Params values_of(const TableInfo& table, const void* record, const ColumnSet& columns) {
  Params params;
  for (const auto i : columns) table.columns[i].bind(record, params);
  return params;
}

/// Whether the SQL about a row with a key of this kind is the same for each value.
bool is_compared_as_it_is(const Place& at, ValueKind kind) {
  return dialect::comparing(at.adapter(), kind) == dialect::Comparing::as_the_type;
}

ColumnSet all_columns(const TableInfo& table) {
  ColumnSet all(table.columns.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

const Origin* insert(const ModelInfo& model, const Place& at, void* record,
                     const ColumnSet& columns) {
  const auto& table = model.table;
  const auto executed = execute_known(
      at, model.known, KnownSql::Kind::insert, columns, Effect::write,
      [&](const auto& run) { return run(values_of(table, record, columns).views()); },
      [&] { return render_insert(at.adapter(), table, record, columns); });
  if (executed.result->row_count() != 1) {
    throw_error(Errc::invalid_record,
                fmt::format("table {}: no row came back from the insert: a trigger or a rule may "
                            "have dropped it, or put it elsewhere",
                            table.name));
  }
  load_written(table, *executed.result, all_columns(table), record);
  return executed.origin;
}

/// New records that write the same columns.
struct Batch {
  ColumnSet columns;
  std::vector<void*> records;
};

std::vector<Batch> batches(const TableInfo& table, std::span<void* const> records) {
  std::vector<Batch> all;
  for (void* record : records) {
    auto columns = columns_to_insert(table, record);
    auto same = std::ranges::find(all, columns, &Batch::columns);
    if (same == all.end()) same = all.insert(all.end(), Batch{std::move(columns), {}});
    same->records.push_back(record);
  }
  return all;
}

void refuse_mixed_keys(const TableInfo& table, std::span<void* const> records) {
  const auto unset = static_cast<std::size_t>(std::ranges::count_if(
      records, [&table](const void* record) { return table.key().is_unset(record); }));
  if (unset == 0 || unset == records.size()) return;
  throw_error(Errc::invalid_argument,
              fmt::format("table {}: {} of {} records have no primary key: insert those that have "
                          "one apart from those that have none",
                          table.name, unset, records.size()));
}

/// The types that the table's columns have where `at` leads; empty where nobody needs them.
ColumnTypes column_types(const TableInfo& table, const Place& at) {
  const auto rendered = render_column_types(at.adapter(), table);
  if (rendered.sql.empty()) return {};
  const auto executed = execute(at, rendered, Effect::write);
  ColumnTypes types(table.columns.size());
  for (std::size_t row = 0; row < executed.result->row_count(); ++row) {
    const auto name = Codec<std::string>::decode(executed.result->cell(row, 0));
    const auto column = std::ranges::find(table.columns, name, &ColumnInfo::name);
    if (column == table.columns.end()) continue;
    types[static_cast<std::size_t>(column - table.columns.begin())] =
        Codec<std::string>::decode(executed.result->cell(row, 1));
  }
  return types;
}

/// As many statements as it takes, all or none of them: where rows are missing afterwards, those
/// that came in must go again.
template <class Done>
void insert_many(const ModelInfo& model, const Scope& scope, std::span<void* const> records,
                 OnConflict on_conflict, bool returning, CallSite place, const Done& done) {
  if (records.empty()) return;
  const auto& table = model.table;
  refuse_mixed_keys(table, records);
  const auto insert = [&](const Scope& inside) {
    const Place at = place_of(model, inside, nullptr, place);
    for (void* record : records) stamp_new(table, at, record);
    const auto adapter = at.adapter();
    const auto most = most_records(adapter, table);
    const auto types = column_types(table, at);
    for (const auto& batch : batches(table, records)) {
      for (std::span<void* const> rest = batch.records; !rest.empty();) {
        const auto part = rest.first(std::min(most, rest.size()));
        rest = rest.subspan(part.size());
        const auto rendered =
            render_insert_all(adapter, table, part, batch.columns, on_conflict, returning, types);
        const auto executed = execute(at, rendered, Effect::write);
        const auto count =
            returning ? executed.result->row_count() : executed.result->affected_rows();
        if (on_conflict == OnConflict::fail && count != part.size()) {
          throw_error(Errc::invalid_record,
                      fmt::format("table {}: {} records were inserted and {} came in: a trigger or "
                                  "a rule may have dropped the others; none was kept",
                                  table.name, part.size(), count));
        }
        done(part, executed);
      }
    }
  };
  if (records.size() == 1) return insert(scope);
  Transaction transaction(TransactionSpec::of(model.connection), scope, place, nullptr);
  insert(transaction.context().scope());
  transaction.commit();
}

[[noreturn]] void throw_missing(const TableInfo& table, std::string_view what) {
  throw_error(Errc::not_found, fmt::format("table {}: {}", table.name, what));
}

void refuse_several(const TableInfo& table, const Result& result) {
  if (result.row_count() < 2) return;
  throw_error(Errc::invalid_argument,
              fmt::format("table {}: {} rows have the same {}, the model's primary key", table.name,
                          result.row_count(), table.key().name));
}

ColumnSet indices_of(const TableInfo& table, std::span<const std::string_view> names) {
  ColumnSet indices;
  for (const auto name : names) {
    const auto found = std::ranges::find(table.columns, name, &ColumnInfo::name);
    indices.push_back(static_cast<std::size_t>(found - table.columns.begin()));
  }
  return indices;
}

Selection by_key(const TableInfo& table, Value key) {
  const ColumnName column{table.name, table.key().name};
  Selection selection;
  selection.table = &table;
  selection.where = Expression::compare(column, Comparison::equal, std::move(key));
  return selection;
}

Executed select(const Place& at, const Selection& selection) {
  const auto rendered = render_select(at.adapter(), selection);
  return execute(at, rendered, Effect::read);
}

/// The rows with this primary key.
Executed select_by_key(const ModelInfo& model, const Place& at, ValueView key) {
  Selection selection;  // whose values the SQL that is rendered looks at
  const auto render = [&] {
    selection = by_key(model.table, Value(key));
    return render_select(at.adapter(), selection);
  };
  if (!is_compared_as_it_is(at, key.kind())) return execute(at, render(), Effect::read);
  return execute_known(
      at, model.known, KnownSql::Kind::find, {}, Effect::read,
      [&](const auto& run) {
        const std::array params{key};
        return run(params);
      },
      render);
}

void load_rows(const Place& at, const Selection& selection, RecordSink& sink) {
  const auto executed = select(at, selection);
  for (std::size_t i = 0; i < executed.result->row_count(); ++i) {
    load_row(*selection.table, *executed.result, i, sink.add(executed.origin));
  }
}

/// Whether no two rows of the table can have the same key, as far as the database knows. Asked once
/// for each table, place and thread, until the answer is yes.
bool key_is_unique(const TableInfo& table, const Place& at) {
  // By the cluster, not its name: others may have been set up under that since.
  thread_local std::map<const TableInfo*, std::set<std::weak_ptr<Topology>, std::owner_less<>>>
      known;
  const std::weak_ptr<Topology> here = at.cluster().shared_topology();
  auto& places = known[&table];
  if (places.contains(here)) return true;
  const auto rendered = render_key_rules(at.adapter(), table);
  const auto executed = execute(at, rendered, Effect::write);
  const auto rules = Codec<std::int64_t>::decode(executed.result->cell(0, 0));
  if (rules == 0) return false;
  places.insert(here);
  return true;
}

/// How a statement about the record's row is kept to that row.
Alone alone(const TableInfo& table, const Place& at) {
  // A rule about the text of a key lets two forms of one value be there.
  const auto how = dialect::comparing(at.adapter(), table.key().kind);
  const bool by_rule = how == dialect::Comparing::as_the_type && key_is_unique(table, at);
  return by_rule ? Alone::by_rule : Alone::by_count;
}

/// As often as such a statement has the key.
void bind_key(const TableInfo& table, const void* record, Alone how, Params& params) {
  table.key().bind(record, params);
  if (how == Alone::by_count) table.key().bind(record, params);
}

/// Why a statement about the record's row changed none.
[[noreturn]] void throw_unchanged(const TableInfo& table, const Place& at, const void* record,
                                  std::string_view doing) {
  Params key;
  table.key().bind(record, key);
  const auto selection = by_key(table, Value(key.views()[0]));
  const auto rendered = render_count(at.adapter(), selection);
  const auto executed = execute(at, rendered, Effect::write);
  const auto rows = Codec<std::int64_t>::decode(executed.result->cell(0, 0));
  if (rows == 0) throw_missing(table, fmt::format("the row to {} is gone", doing));
  if (rows == 1) {
    throw_error(
        Errc::invalid_record,
        fmt::format("table {}: the database did not {} the row: a trigger or a rule may have "
                    "kept it",
                    table.name, doing));
  }
  throw_error(
      Errc::invalid_argument,
      fmt::format("table {}: {} rows have the key {} of the record to {}, which must be the "
                  "only one; nothing was written",
                  table.name, rows, table.key().name, doing));
}

/// What the database may keep otherwise than it was sent: it rounds, or it made it itself.
ColumnSet made_by_the_database(const TableInfo& table, const ColumnSet& written) {
  ColumnSet columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto kind = table.columns[i].kind;
    const bool rounds = kind == ValueKind::real || kind == ValueKind::decimal ||
                        kind == ValueKind::timestamp || kind == ValueKind::time;
    const bool sent = std::ranges::find(written, i) != written.end();
    if (table.columns[i].generated || (sent && rounds)) columns.push_back(i);
  }
  return columns;
}

void update_indices(const ModelInfo& model, const Place& at, void* record, ColumnSet indices) {
  const auto& table = model.table;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (!is_stamp(table.columns[i], kUpdatedAt) || table.columns[i].generated) continue;
    table.columns[i].touch(record, at.wall_time());
    if (std::ranges::find(indices, i) == indices.end()) indices.push_back(i);
  }
  if (indices.empty()) return;
  const auto adapter = at.adapter();
  auto returned = made_by_the_database(table, indices);
  if (adapter == Adapter::mariadb) returned.clear();
  const auto how = alone(table, at);
  const auto render = [&] {
    return render_update_record(adapter, table, record, indices, returned, how);
  };
  const auto executed = [&] {
    if (!is_compared_as_it_is(at, table.key().kind)) return execute(at, render(), Effect::write);
    return execute_known(
        at, model.known,
        how == Alone::by_rule ? KnownSql::Kind::update : KnownSql::Kind::update_alone, indices,
        Effect::write,
        [&](const auto& run) {
          auto params = values_of(table, record, indices);
          bind_key(table, record, how, params);
          return run(params.views());
        },
        render);
  }();
  const auto& result = *executed.result;
  const auto rows = returned.empty() ? result.affected_rows() : result.row_count();
  if (rows == 0) throw_unchanged(table, at, record, "update");
  if (!returned.empty()) load_written(table, result, returned, record);
}

}  // namespace

const Origin* insert_record(const ModelInfo& model, const Scope& scope, void* record,
                            CallSite place) {
  const Place at = place_of(model, scope, nullptr, place);
  stamp_new(model.table, at, record);
  return insert(model, at, record, columns_to_insert(model.table, record));
}

const Origin* insert_columns(const ModelInfo& model, const Scope& scope, void* record,
                             std::span<const std::string_view> columns, CallSite place) {
  const Place at = place_of(model, scope, nullptr, place);
  auto given = indices_of(model.table, columns);
  for (const auto stamp : stamp_new(model.table, at, record, given)) given.push_back(stamp);
  std::ranges::sort(given);
  given.erase(std::unique(given.begin(), given.end()), given.end());
  return insert(model, at, record, given);
}

const Origin* create_records(const ModelInfo& model, const Scope& scope,
                             std::span<void* const> records, CallSite place) {
  const Origin* origin = nullptr;
  insert_many(model, scope, records, OnConflict::fail, true, place,
              [&](std::span<void* const> part, const Executed& executed) {
                if (records.size() == 1) {
                  load_written(model.table, *executed.result, all_columns(model.table), part[0]);
                } else {  // in a transaction, which a value that does not fit undoes
                  for (std::size_t i = 0; i < part.size(); ++i) {
                    load_row(model.table, *executed.result, i, part[i]);
                  }
                }
                origin = executed.origin;
              });
  return origin;
}

void insert_records(const ModelInfo& model, const Scope& scope, std::span<void* const> records,
                    OnConflict on_conflict, CallSite place) {
  insert_many(model, scope, records, on_conflict, false, place,
              [](std::span<void* const> /*part*/, const Executed& /*executed*/) {});
}

void update_record(const ModelInfo& model, const Scope& scope, const Origin* home, void* record,
                   CallSite place) {
  ColumnSet indices;
  for (std::size_t i = 0; i < model.table.columns.size(); ++i) {
    const auto& column = model.table.columns[i];
    if (!column.primary_key && !column.generated) indices.push_back(i);
  }
  update_indices(model, place_of(model, scope, home, place), record, std::move(indices));
}

void update_columns(const ModelInfo& model, const Scope& scope, const Origin* home, void* record,
                    std::span<const std::string_view> columns, CallSite place) {
  update_indices(model, place_of(model, scope, home, place), record,
                 indices_of(model.table, columns));
}

void refuse_key_change(const ModelInfo& model, std::span<const std::string_view> columns) {
  const auto key = model.table.key().name;
  if (std::ranges::find(columns, key) == columns.end()) return;
  throw_error(Errc::invalid_argument,
              fmt::format("table {}: the primary key {} of a stored record cannot be changed",
                          model.table.name, key));
}

void delete_record(const ModelInfo& model, const Scope& scope, const Origin* home,
                   const void* record, CallSite place) {
  const Place at = place_of(model, scope, home, place);
  const auto how = alone(model.table, at);
  const auto render = [&] { return render_delete_record(at.adapter(), model.table, record, how); };
  const auto executed = [&] {
    if (!is_compared_as_it_is(at, model.table.key().kind)) {
      return execute(at, render(), Effect::write);
    }
    return execute_known(
        at, model.known,
        how == Alone::by_rule ? KnownSql::Kind::remove : KnownSql::Kind::remove_alone, {},
        Effect::write,
        [&](const auto& run) {
          Params params;
          bind_key(model.table, record, how, params);
          return run(params.views());
        },
        render);
  }();
  if (executed.result->affected_rows() == 0) {
    throw_unchanged(model.table, at, record, "delete");
  }
}

void reload_record(const ModelInfo& model, const Scope& scope, const Origin* home, void* record,
                   CallSite place) {
  Params key;
  model.table.key().bind(record, key);
  const auto at = place_of(model, scope, home, place);
  const auto executed = select_by_key(model, at, key.views()[0]);
  if (executed.result->row_count() == 0) throw_missing(model.table, "the row to reload is gone");
  refuse_several(model.table, *executed.result);
  load_row(model.table, *executed.result, 0, record);
}

const Origin* find_record(const ModelInfo& model, const Scope& scope, Value key, void* record,
                          CallSite place) {
  const auto at = place_of(model, scope, nullptr, place);
  const auto executed = select_by_key(model, at, key.view());
  if (executed.result->row_count() == 0) return nullptr;
  refuse_several(model.table, *executed.result);
  load_row(model.table, *executed.result, 0, record);
  return executed.origin;
}

void create_table(const ModelInfo& model, const Scope& scope, CallSite place) {
  const Place at = place_of(model, scope, nullptr, place);
  const auto adapter = at.adapter();
  auto text = render_create_table(adapter, model.table);
  // PostgreSQL's IF NOT EXISTS looks before it writes: of several that do so at once, all but one
  // break a rule of the catalogue. By then the table is there, or something else has its name.
  if (adapter == Adapter::postgres) {
    text = fmt::format(
        "DO $grant_create_table$ BEGIN {0}; EXCEPTION WHEN unique_violation OR duplicate_table "
        "OR duplicate_object THEN {0}; END $grant_create_table$",
        text);
  }
  Statement statement;
  statement.sql = text;
  execute(at, statement);
}

void stick_to_primary(const ModelInfo& model, const Scope& scope,
                      std::chrono::milliseconds period) {
  const auto target = resolve(scope.context.get(), model.connection.database);
  Session::of(scope).stick_to_primary(target.database, period);
}

void throw_not_found(const ModelInfo& model) {
  throw_missing(model.table, "no row has this primary key");
}

void load_by_sql(const ModelInfo& model, const Scope& scope, RawSql raw, RecordSink& sink,
                 CallSite place) {
  const auto executed = std::move(raw).connect(model.connection).in(scope).execute(place);
  const auto& result = *executed.result;
  try {
    const auto positions = match_columns(model.table, result);
    for (std::size_t row = 0; row < result.row_count(); ++row) {
      void* record = sink.add(executed.origin);
      for (std::size_t i = 0; i < positions.size(); ++i) {
        load_cell(model.table, model.table.columns[i], result.cell(row, positions[i]), record);
      }
    }
  } catch (const Error& error) {
    auto info = error.info();
    info.message += "; the statement was executed, and this is what it gave";
    throw_error(std::move(info));
  }
}

QueryState::QueryState(const ModelInfo& model, Scope scope)
    : access_(access_to(model, std::move(scope), nullptr, {})) {
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

Place QueryState::place_of(CallSite place) const {
  auto access = access_;
  access.place = place;
  return Place(std::move(access));
}

void QueryState::load(RecordSink& sink, CallSite place) const {
  load_rows(place_of(place), selection_, sink);
}

void QueryState::stream(RecordSink& sink, StreamOptions options, CallSite place,
                        const std::function<void()>& done) const {
  const auto at = place_of(place);
  const auto rendered = render_select(at.adapter(), selection_);
  detail::stream(at, rendered.statement(Effect::read), options,
                 [&](const Result& rows, const Origin* origin) {
                   for (std::size_t i = 0; i < rows.row_count(); ++i) {
                     load_row(*selection_.table, rows, i, sink.add(origin));
                     done();
                   }
                 });
}

void QueryState::load_first(RecordSink& sink, CallSite place) const {
  auto one = selection_;
  if (one.order.empty()) one.order.push_back({{one.table->name, one.table->key().name}, false});
  if (!one.limit || *one.limit > 1) one.limit = 1;
  load_rows(place_of(place), one, sink);
}

std::uint64_t QueryState::count(CallSite place) const {
  const auto at = place_of(place);
  const auto rendered = render_count(at.adapter(), selection_);
  const auto executed = execute(at, rendered, Effect::read);
  return static_cast<std::uint64_t>(Codec<std::int64_t>::decode(executed.result->cell(0, 0)));
}

bool QueryState::exists(CallSite place) const {
  const auto at = place_of(place);
  const auto rendered = render_exists(at.adapter(), selection_);
  return execute(at, rendered, Effect::read).result->row_count() > 0;
}

std::uint64_t QueryState::update(std::vector<ColumnValue> values, CallSite place) const {
  const auto at = place_of(place);
  const auto rendered = render_update(at.adapter(), selection_, values);
  return execute(at, rendered, Effect::write).result->affected_rows();
}

std::uint64_t QueryState::remove(CallSite place) const {
  const auto at = place_of(place);
  const auto rendered = render_delete(at.adapter(), selection_);
  return execute(at, rendered, Effect::write).result->affected_rows();
}

RouteExplanation QueryState::explain_route() const {
  return detail::explain_route(access_, Effect::read);
}

}  // namespace grant::detail
