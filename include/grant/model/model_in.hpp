#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "grant/model/field.hpp"
#include "grant/model/placed.hpp"
#include "grant/model/query.hpp"
#include "grant/model/record.hpp"
#include "grant/query/raw_sql.hpp"
#include "grant/session/context.hpp"

namespace grant {

template <class T>
class Model;

/// A model in a context: `User::in(session).find(1)`, `User::in(transaction).save(user)`. What
/// Model does in the calling thread's context, this does in the one that it was made with, on
/// whichever thread. Its functions block; their errors are those of Model's. Copies are cheap.
template <class T>
class ModelIn {
 public:
  explicit ModelIn(detail::Scope scope) noexcept : scope_(std::move(scope)) {}

  // -- One record ---------------------------------------------------------------------------------

  T create(T record, CallSite place = CallSite::current()) const {
    insert(record, place);
    return record;
  }

  template <class... More>
  T create(detail::Placed<Assignment<T>> first, const More&... more) const {
    T record{};
    record.apply(first.value, more...);
    const auto columns = columns_of(first.value, more...);
    record.set_origin(detail::insert_columns(info(), scope_, &record, columns, first.place));
    return record;
  }

  std::vector<T> create_all(std::vector<T> records, CallSite place = CallSite::current()) const {
    if (records.empty()) return records;
    const Origin* origin = detail::create_records(info(), scope_, addresses(records), place);
    for (auto& record : records) record.set_origin(origin);
    return records;
  }

  void insert_all(std::vector<T> records, OnConflict on_conflict = OnConflict::fail,
                  CallSite place = CallSite::current()) const {
    detail::insert_records(info(), scope_, addresses(records), on_conflict, place);
  }

  void save(T& record, CallSite place = CallSite::current()) const {
    if (record.is_new()) return insert(record, place);
    detail::update_record(info(), scope_, record.origin(), &record, place);
  }

  template <class... More>
  void update(T& record, detail::Placed<Assignment<T>> first, const More&... more) const {
    const auto columns = columns_of(first.value, more...);
    if (!record.is_new()) detail::refuse_key_change(info(), columns);
    record.apply(first.value, more...);
    if (record.is_new()) return insert(record, first.place);
    detail::update_columns(info(), scope_, record.origin(), &record, columns, first.place);
  }

  void destroy(T& record, CallSite place = CallSite::current()) const {
    detail::delete_record(info(), scope_, record.origin(), &record, place);
    record.set_origin(nullptr);
  }

  void reload(T& record, CallSite place = CallSite::current()) const {
    detail::reload_record(info(), scope_, record.origin(), &record, place);
  }

  // -- Finding ------------------------------------------------------------------------------------

  template <class Key>
  [[nodiscard]] T find(const Key& key, CallSite place = CallSite::current()) const {
    T record{};
    if (!load(key, record, place)) detail::throw_not_found(info());
    return record;
  }

  template <class Key>
  [[nodiscard]] std::optional<T> find_if_there(const Key& key,
                                               CallSite place = CallSite::current()) const {
    T record{};
    if (!load(key, record, place)) return std::nullopt;
    return record;
  }

  template <class Of>
  [[nodiscard]] std::optional<T> find_by(ConditionOf<Of> condition,
                                         CallSite place = CallSite::current()) const {
    return query().where(std::move(condition)).first(place);
  }
  [[nodiscard]] std::optional<T> find_by(Expression condition,
                                         CallSite place = CallSite::current()) const {
    return query().where(std::move(condition)).first(place);
  }

  [[nodiscard]] std::vector<T> find_by_sql(RawSql raw, CallSite place = CallSite::current()) const {
    detail::VectorSink<T> sink;
    detail::load_by_sql(info(), scope_, std::move(raw), sink, place);
    return std::move(sink.records);
  }

  [[nodiscard]] Query<T> query() const { return Query<T>(info(), scope_); }
  template <class Of>
  [[nodiscard]] Query<T> where(ConditionOf<Of> condition) const {
    return query().where(std::move(condition));
  }
  [[nodiscard]] Query<T> where(Expression condition) const {
    return query().where(std::move(condition));
  }
  template <class By>
  [[nodiscard]] Query<T> order(const By& order) const {
    return query().order(order);
  }
  template <class Number>
  [[nodiscard]] Query<T> limit(Number rows) const {
    return query().limit(rows);
  }
  template <class Number>
  [[nodiscard]] Query<T> offset(Number rows) const {
    return query().offset(rows);
  }
  [[nodiscard]] std::vector<T> all(CallSite place = CallSite::current()) const {
    return query().all(place);
  }
  template <class Function>
  void each(Function&& function, StreamOptions options = {},
            CallSite place = CallSite::current()) const {
    query().each(std::forward<Function>(function), options, place);
  }
  [[nodiscard]] std::optional<T> first(CallSite place = CallSite::current()) const {
    return query().first(place);
  }
  [[nodiscard]] std::uint64_t count(CallSite place = CallSite::current()) const {
    return query().count(place);
  }
  [[nodiscard]] bool exists(CallSite place = CallSite::current()) const {
    return query().exists(place);
  }

  void create_table(CallSite place = CallSite::current()) const {
    detail::create_table(info(), scope_, place);
  }

 private:
  [[nodiscard]] static const detail::ModelInfo& info() noexcept { return Model<T>::info(); }

  void insert(T& record, CallSite place) const {
    record.set_origin(detail::insert_record(info(), scope_, &record, place));
  }

  template <class Key>
  [[nodiscard]] bool load(const Key& key, T& record, CallSite place) const {
    record.set_origin(
        detail::find_record(info(), scope_, Model<T>::key_value(key), &record, place));
    return !record.is_new();
  }

  template <class... Assignments>
  [[nodiscard]] static std::array<std::string_view, sizeof...(Assignments)> columns_of(
      const Assignments&... assignments) {
    return {assignments.set.column.column...};
  }

  [[nodiscard]] static std::vector<void*> addresses(std::vector<T>& records) {
    std::vector<void*> all;
    all.reserve(records.size());
    for (auto& record : records) all.push_back(&record);
    return all;
  }

  detail::Scope scope_;
};

}  // namespace grant
