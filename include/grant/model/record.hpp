#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "grant/model/known_sql.hpp"
#include "grant/query/raw_sql.hpp"
#include "grant/query/sql.hpp"
#include "grant/query/table_info.hpp"
#include "grant/session/execution.hpp"

// What all models share, without their types: records are pointers, columns are ColumnInfos.
// `scope` is what a statement is made in. Compiled once, so that a model costs its user's compiler
// little.
namespace grant::detail {

/// All that is known of a model. Lives as long as the process.
struct ModelInfo {
  const TableInfo& table;
  ModelConnection connection{};
  KnownSql& known;
};

/// Inserts the record, fills it from what the database stored, and gives where it went. Errors:
/// invalid_record, when the database did not insert a row.
[[nodiscard]] const Origin* insert_record(const ModelInfo& model, const Scope& scope, void* record,
                                          CallSite place);

/// The same with these columns only, by name, and the time stamps that Grant keeps.
[[nodiscard]] const Origin* insert_columns(const ModelInfo& model, const Scope& scope, void* record,
                                           std::span<const std::string_view> columns,
                                           CallSite place);

/// Inserts many records, all or none, and fills them from what the database stored. Errors:
/// invalid_argument, when some keys are set and some are not; invalid_record, when the database
/// did not insert as many rows.
[[nodiscard]] const Origin* create_records(const ModelInfo& model, const Scope& scope,
                                           std::span<void* const> records, CallSite place);

/// The same without reading anything back.
void insert_records(const ModelInfo& model, const Scope& scope, std::span<void* const> records,
                    OnConflict on_conflict, CallSite place);

/// Writes all columns but the primary key. Errors: not_found, when the row is gone; invalid_record,
/// when it is there and was not changed; invalid_argument, when several rows have its key. Then
/// nothing was written.
void update_record(const ModelInfo& model, const Scope& scope, const Origin* home, void* record,
                   CallSite place);

/// Writes `columns` (by name) and `updated_at`. Errors: as update_record().
void update_columns(const ModelInfo& model, const Scope& scope, const Origin* home, void* record,
                    std::span<const std::string_view> columns, CallSite place);

/// Throws invalid_argument when the primary key is among `columns`: the row could not be found by
/// it.
void refuse_key_change(const ModelInfo& model, std::span<const std::string_view> columns);

/// Errors: as update_record().
void delete_record(const ModelInfo& model, const Scope& scope, const Origin* home,
                   const void* record, CallSite place);

/// Reads the record again by its primary key. Errors: not_found, when the row is gone.
void reload_record(const ModelInfo& model, const Scope& scope, const Origin* home, void* record,
                   CallSite place);

/// Fills `record` from the row with this primary key and gives where it came from; null when there
/// is no such row. Errors: invalid_argument, when there are several.
[[nodiscard]] const Origin* find_record(const ModelInfo& model, const Scope& scope, Value key,
                                        void* record, CallSite place);

void create_table(const ModelInfo& model, const Scope& scope, CallSite place);
void stick_to_primary(const ModelInfo& model, const Scope& scope, std::chrono::milliseconds period);

[[noreturn]] void throw_not_found(const ModelInfo& model);

/// Where loaded records go: gives the place of one more.
class RecordSink {
 public:
  RecordSink() = default;
  RecordSink(const RecordSink&) = delete;
  RecordSink& operator=(const RecordSink&) = delete;
  virtual void* add(const Origin* origin) = 0;

 protected:
  ~RecordSink() = default;
};

/// Runs SQL that gives all columns of the table, by name, in any order. Errors: invalid_argument,
/// for a column that is missing.
void load_by_sql(const ModelInfo& model, const Scope& scope, RawSql raw, RecordSink& sink,
                 CallSite place);

/// A model's query without its type. Copyable.
class QueryState {
 public:
  QueryState(const ModelInfo& model, Scope scope);

  /// Runs it in this one.
  void in(Scope scope) { access_.scope = std::move(scope); }

  QueryState(const QueryState&);
  QueryState(QueryState&&) noexcept;
  QueryState& operator=(const QueryState&);
  QueryState& operator=(QueryState&&) noexcept;
  ~QueryState();

  void where(Expression condition);
  void order(Order order);
  void limit(std::uint64_t rows);
  void offset(std::uint64_t rows);

  void load(RecordSink& sink, CallSite place) const;
  /// Loads each row into the record that `sink` gives, and then calls `done`.
  void stream(RecordSink& sink, StreamOptions options, CallSite place,
              const std::function<void()>& done) const;
  /// By the primary key where there is no order.
  void load_first(RecordSink& sink, CallSite place) const;
  [[nodiscard]] std::uint64_t count(CallSite place) const;
  [[nodiscard]] bool exists(CallSite place) const;
  [[nodiscard]] std::uint64_t update(std::vector<ColumnValue> values, CallSite place) const;
  [[nodiscard]] std::uint64_t remove(CallSite place) const;
  [[nodiscard]] RouteExplanation explain_route() const;

 private:
  [[nodiscard]] Place place_of(CallSite place) const;

  Access access_;
  Selection selection_;
};

}  // namespace grant::detail
