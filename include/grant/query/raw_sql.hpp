#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "grant/query/operand.hpp"
#include "grant/query/rows.hpp"
#include "grant/session/execution.hpp"

namespace grant {

/// SQL in your own words, with bound values. Placeholders are `$1`, `$2`, … on every engine.
///
///     grant::sql("UPDATE users SET name = $1 WHERE id = $2", "Ada", 7).run();
///     for (auto row : grant::sql("SELECT id FROM users").read().run())
///     row.get<std::int64_t>("id");
class RawSql {
 public:
  explicit RawSql(std::string text);

  /// Adds the value of the next placeholder. A null pointer, std::nullopt and an empty
  /// std::optional are null. Errors: invalid_argument, for a time that no timestamp reaches.
  template <class T>
  void bind(const T& value) {
    params_.add(detail::bound_value({.placeholder = params_.size() + 1}, value));
  }

  /// The database to use; "primary" otherwise. A literal, or text that outlives this.
  RawSql&& on(std::string_view database) &&;

  /// Runs it in this context, and not in the one of the thread that made it.
  RawSql&& in(const Context& context) && { return std::move(*this).in(context.scope()); }
  RawSql&& in(detail::Scope scope) &&;

  /// Promises that the statement changes nothing, so that a replica may serve it.
  RawSql&& read() &&;

  /// Uses a model's database and settings.
  RawSql&& connect(ModelConnection connection) &&;

  /// Errors: those of a query. `place` is what a leak and a pool_timeout are reported with.
  Rows run(CallSite place = CallSite::current()) const;

  /// The same with where it ran.
  [[nodiscard]] detail::Executed execute(CallSite place = CallSite::current()) const;

  [[nodiscard]] RouteExplanation explain_route() const;

 private:
  std::string text_;
  Params params_;
  detail::Access access_;
  Effect effect_ = Effect::write;
};

/// See RawSql.
template <class... Values>
[[nodiscard]] RawSql sql(std::string text, const Values&... values) {
  RawSql raw(std::move(text));
  (raw.bind(values), ...);
  return raw;
}

[[nodiscard]] inline RouteExplanation explain_route(const RawSql& raw) {
  return raw.explain_route();
}

}  // namespace grant
