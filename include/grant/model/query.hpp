#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "grant/model/field.hpp"
#include "grant/model/record.hpp"

namespace grant {

/// Rows of a model's table that are not read yet. Each call that narrows it gives a new query; the
/// last one runs it. It runs in the context it was made in. The errors of running it are those of
/// the database; see Errc.
///
///     auto recent = User::where(grant::field<&User::name> == "Ada")
///                       .order(grant::field<&User::id>.desc()).limit(10).all();
template <class T>
class Query {
 public:
  explicit Query(detail::Access access) : access_(std::move(access)) {
    selection_.table = &detail::table_info<T>();
  }

  /// Rows for which `condition` holds too.
  [[nodiscard]] Query where(Expression condition) const& {
    return Query(*this).where(std::move(condition));
  }
  [[nodiscard]] Query where(Expression condition) && {
    selection_.where =
        selection_.where ? *selection_.where && std::move(condition) : std::move(condition);
    return std::move(*this);
  }

  /// After the orders given before.
  [[nodiscard]] Query order(Order order) const& { return Query(*this).order(order); }
  [[nodiscard]] Query order(Order order) && {
    selection_.order.push_back(order);
    return std::move(*this);
  }

  [[nodiscard]] Query limit(std::uint64_t rows) const& { return Query(*this).limit(rows); }
  [[nodiscard]] Query limit(std::uint64_t rows) && {
    selection_.limit = rows;
    return std::move(*this);
  }

  [[nodiscard]] Query offset(std::uint64_t rows) const& { return Query(*this).offset(rows); }
  [[nodiscard]] Query offset(std::uint64_t rows) && {
    selection_.offset = rows;
    return std::move(*this);
  }

  [[nodiscard]] std::vector<T> all() const {
    const auto executed = detail::run_select(access_, selection_);
    std::vector<T> records(executed.result->row_count());
    for (std::size_t i = 0; i < records.size(); ++i) {
      detail::load_row(*selection_.table, *executed.result, i, &records[i]);
      records[i].set_origin(executed.origin);
    }
    return records;
  }

  /// The first row by the order, or by the primary key where there is none.
  [[nodiscard]] std::optional<T> first() const {
    auto one = *this;
    if (one.selection_.order.empty()) {
      const auto& table = *selection_.table;
      one.selection_.order.push_back({{table.name, table.key().name}, false});
    }
    if (!one.selection_.limit || *one.selection_.limit > 1) one.selection_.limit = 1;
    auto records = one.all();
    if (records.empty()) return std::nullopt;
    return std::move(records.front());
  }

  [[nodiscard]] std::uint64_t count() const { return detail::run_count(access_, selection_); }
  [[nodiscard]] bool exists() const { return detail::run_exists(access_, selection_); }

  /// Sets columns of all these rows and gives their number. Takes no order, limit or offset.
  template <class... More>
  std::uint64_t update_all(const Assignment<T>& first, const More&... more) const {
    return detail::run_update(access_, selection_, {first.set, more.set...});
  }

  /// Deletes all these rows and gives their number. Takes no order, limit or offset.
  std::uint64_t delete_all() const { return detail::run_delete(access_, selection_); }

  /// Where a read of this query would go now, and why.
  [[nodiscard]] RouteExplanation explain_route() const {
    return detail::explain_route(access_, Effect::read);
  }

 private:
  detail::Access access_;
  Selection selection_;
};

template <class T>
[[nodiscard]] RouteExplanation explain_route(const Query<T>& query) {
  return query.explain_route();
}

}  // namespace grant
