#include "statement_cache.hpp"

#include <fmt/format.h>

#include "encode.hpp"
#include "grant/core/error.hpp"
#include "session.hpp"

namespace grant::postgres {

Prepared unprepared(std::string_view sql) {
  if (sql.find('\0') != std::string_view::npos) {
    throw_error(Errc::invalid_argument, "the statement holds a NUL character");
  }
  if (sql.size() > kLargestMessage) {
    throw_error(Errc::invalid_argument,
                fmt::format("the statement takes {} bytes, and PostgreSQL takes no more than {}",
                            sql.size(), kLargestMessage));
  }
  Prepared prepared;
  prepared.sql = sql;
  prepared.mentions_session = mentions_session(sql);
  prepared.may_commit = may_commit(sql);
  return prepared;
}

void describe(Prepared& prepared, const PGresult* description) {
  for (int i = 0; i < PQnparams(description); ++i) {
    prepared.parameter_types.push_back(PQparamtype(description, i));
  }
  prepared.columns = std::make_shared<Columns>(Columns::of(description, prepared.sql));
}

}  // namespace grant::postgres
