#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "grant/model/field.hpp"
#include "grant/model/model_in.hpp"
#include "grant/model/placed.hpp"
#include "grant/model/query.hpp"
#include "grant/model/record.hpp"
#include "grant/query/raw_sql.hpp"
#include "grant/session/session.hpp"
#include "grant/session/transaction.hpp"

namespace grant {

/// The base of a model: a struct with plain members, a `table`, and optionally a `connection`.
///
///     struct User : grant::Model<User> {
///       std::int64_t id{};
///       std::string email{};
///
///       static constexpr auto table = grant::table<User>("users",
///           grant::column<&User::id>.primary_key(), grant::column<&User::email>.unique());
///       static constexpr auto connection = grant::connects_to("primary");
///     };
///
/// All functions that reach a database block, and throw what the database answers; see Errc. A
/// loaded record remembers the database and shard it came from, and goes back there. The `place`
/// of a call is what a leak and a pool_timeout are reported with.
template <class T>
class Model {
 public:
  // -- One record ---------------------------------------------------------------------------------

  /// Inserts `record` and gives it back as the database stored it. Writes every column but a
  /// primary key that is not set, those that are generated(), and those with a database_default()
  /// that were not touched. Errors: invalid_record, when the database dropped the row: a trigger
  /// can.
  static T create(T record, CallSite place = CallSite::current()) {
    return here().create(std::move(record), place);
  }

  /// Inserts a record with these columns set: `User::create(grant::field<&User::email> = "a@b.c")`.
  /// No other is written, but `created_at` and `updated_at`: what was not set is the database's.
  /// Gives the record back as the database stored it.
  template <class... More>
  static T create(detail::Placed<Assignment<T>> first, const More&... more) {
    return here().create(first, more...);
  }

  /// Inserts all `records`, or none, and gives them back as the database stored them, in their
  /// order. Primary keys are set in all or in none of them. One statement on PostgreSQL, whose
  /// values go as an array for each column; as many as the values take on the others.
  static std::vector<T> create_all(std::vector<T> records, CallSite place = CallSite::current()) {
    return here().create_all(std::move(records), place);
  }

  /// The same without giving them back. With OnConflict::ignore, rows that a unique column or key
  /// keeps out are left out.
  static void insert_all(std::vector<T> records, OnConflict on_conflict = OnConflict::fail,
                         CallSite place = CallSite::current()) {
    here().insert_all(std::move(records), on_conflict, place);
  }

  /// Inserts a new record; writes all columns of the row that has its primary key otherwise.
  /// Errors: not_found, when there is no such row.
  ///
  /// A record does not follow a rollback: one that was created or destroyed in a transaction that
  /// was rolled back keeps what it was told. Make the records of a transaction inside its function.
  void save(CallSite place = CallSite::current()) { here().save(self(), place); }

  /// Sets these columns, here and in the database, and no others. What the database may have made
  /// of them (numbers and times that it rounds), and columns that are generated(), are read back in
  /// the same statement; on MariaDB, whose UPDATE gives nothing back, reload() tells. Errors:
  /// not_found, when the row is gone; invalid_record, when a trigger kept it as it was.
  template <class... More>
  void update(detail::Placed<Assignment<T>> first, const More&... more) {
    here().update(self(), first, more...);
  }

  /// Deletes the row; the record is new afterwards. Errors: not_found, when the row is gone.
  void destroy(CallSite place = CallSite::current()) { here().destroy(self(), place); }

  /// Reads the row again. Errors: not_found, when it is gone.
  void reload(CallSite place = CallSite::current()) { here().reload(self(), place); }

  /// True until the record was saved or loaded, and after destroy().
  [[nodiscard]] bool is_new() const noexcept { return origin_ == nullptr; }

  /// Where the record came from; null for a new one.
  [[nodiscard]] const Origin* origin() const noexcept { return origin_; }

  // -- Finding ------------------------------------------------------------------------------------

  /// Errors: not_found.
  template <class Key>
  [[nodiscard]] static T find(const Key& key, CallSite place = CallSite::current()) {
    return here().find(key, place);
  }

  /// Empty when there is none.
  template <class Key>
  [[nodiscard]] static std::optional<T> find_if_there(const Key& key,
                                                      CallSite place = CallSite::current()) {
    return here().find_if_there(key, place);
  }

  template <class Of>
  [[nodiscard]] static std::optional<T> find_by(ConditionOf<Of> condition,
                                                CallSite place = CallSite::current()) {
    return query().where(std::move(condition)).first(place);
  }
  [[nodiscard]] static std::optional<T> find_by(Expression condition,
                                                CallSite place = CallSite::current()) {
    return query().where(std::move(condition)).first(place);
  }

  /// Records from SQL of your own, which must give all columns of the table, by name; on the
  /// model's database. Goes to the primary unless it is marked as a read:
  /// `User::find_by_sql(grant::sql("SELECT * FROM users WHERE id = $1", 7).read())`.
  [[nodiscard]] static std::vector<T> find_by_sql(RawSql raw,
                                                  CallSite place = CallSite::current()) {
    return here().find_by_sql(std::move(raw), place);
  }

  /// All rows, to be narrowed.
  [[nodiscard]] static Query<T> query() { return here().query(); }
  template <class Of>
  [[nodiscard]] static Query<T> where(ConditionOf<Of> condition) {
    return query().where(std::move(condition));
  }
  [[nodiscard]] static Query<T> where(Expression condition) {
    return query().where(std::move(condition));
  }
  template <class By>
  [[nodiscard]] static Query<T> order(const By& order) {
    return query().order(order);
  }
  template <class Number>
  [[nodiscard]] static Query<T> limit(Number rows) {
    return query().limit(rows);
  }
  template <class Number>
  [[nodiscard]] static Query<T> offset(Number rows) {
    return query().offset(rows);
  }
  [[nodiscard]] static std::vector<T> all(CallSite place = CallSite::current()) {
    return query().all(place);
  }
  /// See Query::each().
  template <class Function>
  static void each(Function&& function, StreamOptions options = {},
                   CallSite place = CallSite::current()) {
    query().each(std::forward<Function>(function), options, place);
  }
  [[nodiscard]] static std::optional<T> first(CallSite place = CallSite::current()) {
    return query().first(place);
  }
  [[nodiscard]] static std::uint64_t count(CallSite place = CallSite::current()) {
    return query().count(place);
  }
  [[nodiscard]] static bool exists(CallSite place = CallSite::current()) {
    return query().exists(place);
  }

  /// The model in a context: a session, what Context::connected_to() gave, an open transaction. All
  /// other functions here are those in the calling thread's context.
  [[nodiscard]] static ModelIn<T> in(const Context& context) { return ModelIn<T>(context.scope()); }

  // -- Context, for the queries on this model's database
  // --------------------------------------------

  /// See grant::connected_to().
  template <class Function>
  static decltype(auto) connected_to(ConnectedTo to, Function&& function) {
    const detail::ContextScope scope(model_connection().database, std::move(to));
    return std::forward<Function>(function)();
  }

  template <class Function>
  static decltype(auto) while_preventing_writes(Function&& function) {
    ConnectedTo to;
    to.prevent_writes = true;
    return connected_to(std::move(to), std::forward<Function>(function));
  }

  /// See grant::transaction().
  template <class Function>
  static auto transaction(Function&& function, CallSite place = CallSite::current())
      -> detail::TransactionResult<Function> {
    return grant::transaction(TransactionSpec::of(model_connection()),
                              std::forward<Function>(function), place);
  }

  /// See Session::stick_to_primary(); for the calling thread's session.
  static void stick_to_primary(std::chrono::milliseconds period) {
    detail::stick_to_primary(info(), detail::Scope::here(), period);
  }

  /// Creates the table where it is missing, with the columns of `table`.
  static void create_table(CallSite place = CallSite::current()) { here().create_table(place); }

 private:
  friend T;
  friend class ModelIn<T>;
  friend class detail::VectorSink<T>;
  friend class detail::OptionalSink<T>;

  [[nodiscard]] static const detail::ModelInfo& info() noexcept {
    static constinit detail::KnownSql known;
    static constexpr detail::ModelInfo model{detail::table_info<T>(), model_connection(), known};
    return model;
  }

  [[nodiscard]] static constexpr ModelConnection model_connection() noexcept {
    if constexpr (requires { T::connection; }) {
      return T::connection;
    } else {
      return ModelConnection{};
    }
  }

  template <class Key>
  [[nodiscard]] static Value key_value(const Key& key) {
    const auto& table = info().table;
    return detail::operand_value<detail::KeyType<T>>({{table.name, table.key().name}}, key);
  }

  [[nodiscard]] static ModelIn<T> here() { return ModelIn<T>(detail::Scope::here()); }

  [[nodiscard]] T& self() noexcept { return static_cast<T&>(*this); }

  template <class... Assignments>
  void apply(const Assignments&... assignments) {
    (assignments.apply(self(), assignments.set.value.view()), ...);
  }

  void set_origin(const Origin* origin) noexcept { origin_ = origin; }

  const Origin* origin_ = nullptr;
};

}  // namespace grant
