#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "grant/model/field.hpp"
#include "grant/model/placed.hpp"
#include "grant/model/record.hpp"

namespace grant {

namespace detail {

template <class T>
class VectorSink final : public RecordSink {
 public:
  void* add(const Origin* origin) override {
    auto& record = records.emplace_back();
    record.set_origin(origin);
    return &record;
  }

  std::vector<T> records;
};

template <class T>
class OptionalSink final : public RecordSink {
 public:
  void* add(const Origin* origin) override {
    auto& added = record.emplace();
    added.set_origin(origin);
    return &added;
  }

  std::optional<T> record;
};

}  // namespace detail

/// Rows of a model's table that are not read yet. Each call that narrows it gives a new query; the
/// last one runs it. It runs in the context it was made in. The errors of running it are those of
/// the database; see Errc. `place` is what a leak and a pool_timeout are reported with.
///
///     auto recent = User::where(grant::field<&User::name> == "Ada")
///                       .order(grant::field<&User::id>.desc()).limit(10).all();
template <class T>
class Query {
 public:
  Query(const detail::ModelInfo& model, detail::Scope scope) : state_(model, std::move(scope)) {}

  /// The same in another context than the one that it was made in: a session, what
  /// Context::connected_to() gave, an open transaction.
  [[nodiscard]] Query in(const Context& context) const {
    auto moved = *this;
    moved.state_.in(context.scope());
    return moved;
  }

  /// Rows for which `condition` holds too.
  template <class Of>
  [[nodiscard]] Query where(ConditionOf<Of> condition) const {
    static_assert(std::is_same_v<Of, T>, "grant: the condition is on columns of another model");
    return where(static_cast<Expression&&>(condition));
  }
  /// Running the query refuses columns of another model.
  [[nodiscard]] Query where(Expression condition) const {
    auto narrowed = *this;
    narrowed.state_.where(std::move(condition));
    return narrowed;
  }

  /// After the orders given before.
  template <class By>
  [[nodiscard]] Query order(const By& order) const {
    // A plain Order is looked at when the query runs.
    constexpr bool plain = std::is_same_v<By, Order>;
    static_assert(plain || std::is_convertible_v<const By&, OrderOf<T>>,
                  "grant: the order is not by a column of this model");
    auto ordered = *this;
    ordered.state_.order(static_cast<std::conditional_t<plain, Order, OrderOf<T>>>(order));
    return ordered;
  }

  /// Errors: invalid_argument, for a negative number.
  template <class Number>
  [[nodiscard]] Query limit(Number rows) const {
    auto limited = *this;
    limited.state_.limit(detail::row_number("limit", rows));
    return limited;
  }

  /// Errors: invalid_argument, for a negative number.
  template <class Number>
  [[nodiscard]] Query offset(Number rows) const {
    auto moved = *this;
    moved.state_.offset(detail::row_number("offset", rows));
    return moved;
  }

  [[nodiscard]] std::vector<T> all(CallSite place = CallSite::current()) const {
    detail::VectorSink<T> sink;
    state_.load(sink, place);
    return std::move(sink.records);
  }

  /// Calls `function(record)` for each row, in bounded memory: the rows come a chunk at a time.
  /// Outside a transaction they are those of one moment where the engine can, and what `function`
  /// queries goes over other connections; inside one, it must not query that database. What
  /// `function` throws ends the query. Blocks.
  template <class Function>
  void each(Function&& function, StreamOptions options = {},
            CallSite place = CallSite::current()) const {
    detail::OptionalSink<T> sink;
    state_.stream(sink, options, place, [&] { function(*sink.record); });
  }

  /// The first row by the order, or by the primary key where there is none.
  [[nodiscard]] std::optional<T> first(CallSite place = CallSite::current()) const {
    detail::OptionalSink<T> sink;
    state_.load_first(sink, place);
    return std::move(sink.record);
  }

  [[nodiscard]] std::uint64_t count(CallSite place = CallSite::current()) const {
    return state_.count(place);
  }
  [[nodiscard]] bool exists(CallSite place = CallSite::current()) const {
    return state_.exists(place);
  }

  /// Sets columns of all these rows and gives their number. Takes no order, limit or offset.
  template <class... More>
  std::uint64_t update_all(detail::Placed<Assignment<T>> first, const More&... more) const {
    static_assert((std::is_same_v<More, Assignment<T>> && ...),
                  "grant: a column of another model is set");
    return state_.update({first.value.set, more.set...}, first.place);
  }

  /// Deletes all these rows and gives their number. Takes no order, limit or offset.
  std::uint64_t delete_all(CallSite place = CallSite::current()) const {
    return state_.remove(place);
  }

  /// Where a read of this query would go now, and why.
  [[nodiscard]] RouteExplanation explain_route() const { return state_.explain_route(); }

 private:
  detail::QueryState state_;
};

template <class T>
[[nodiscard]] RouteExplanation explain_route(const Query<T>& query) {
  return query.explain_route();
}

}  // namespace grant
