#include "grant/query/raw_sql.hpp"

namespace grant {

RawSql::RawSql(std::string text) : text_(std::move(text)) {
  access_.scope = detail::Scope::here();
  access_.raw = true;
}

RawSql&& RawSql::on(std::string_view database) && {
  access_.connection.database = database;
  return std::move(*this);
}

RawSql&& RawSql::in(detail::Scope scope) && {
  access_.scope = std::move(scope);
  return std::move(*this);
}

RawSql&& RawSql::read() && {
  effect_ = Effect::read;
  return std::move(*this);
}

RawSql&& RawSql::connect(ModelConnection connection) && {
  access_.connection = connection;
  return std::move(*this);
}

Rows RawSql::run(CallSite place) const { return Rows(execute(place).result); }

detail::Executed RawSql::execute(CallSite place) const {
  Statement statement;
  statement.sql = text_;
  statement.params = params_.views();
  statement.effect = effect_;
  auto access = access_;
  access.place = place;
  return detail::execute(std::move(access), statement);
}

RouteExplanation RawSql::explain_route() const { return detail::explain_route(access_, effect_); }

}  // namespace grant
