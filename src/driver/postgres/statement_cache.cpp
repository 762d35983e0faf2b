#include "statement_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "effects.hpp"
#include "encode.hpp"
#include "grant/core/error.hpp"
#include "session.hpp"

namespace grant::postgres {

Prepared unprepared(std::string_view sql, TimePoint now) {
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
  prepared.described = now;
  prepared.mentions_session = mentions_session(sql);
  prepared.may_commit = may_commit(sql);
  prepared.moves_names = moves_names(sql);
  return prepared;
}

bool is_described_at_length(std::string_view sql) noexcept {
  constexpr std::size_t most = 30'000 / 4 - 2;  // its head is not four bytes long
  if (sql.size() < most * 2) return false;      // "$1" for each
  std::size_t largest = 0;
  for (auto at = sql.find('$'); at != std::string_view::npos; at = sql.find('$', at + 1)) {
    std::size_t number = 0;
    std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), number);
    largest = std::max(largest, number);
  }
  // One in a string or a comment does no harm: this way is right for all, and a little slower.
  return largest > most;
}

void describe(Prepared& prepared, const PGresult* description) {
  if (PQresultStatus(description) == PGRES_TUPLES_OK) {
    const std::string_view types = PQntuples(description) == 1 ? PQgetvalue(description, 0, 0) : "";
    const char* const end = types.data() + types.size();
    for (const char* at = types.data(); at < end; ++at) {
      Oid type = 0;
      at = std::from_chars(at, end, type).ptr;
      prepared.parameter_types.push_back(type);
    }
    prepared.columns = std::make_shared<Columns>(Columns::unknown());
    return;
  }
  for (int i = 0; i < PQnparams(description); ++i) {
    prepared.parameter_types.push_back(PQparamtype(description, i));
  }
  prepared.columns = std::make_shared<Columns>(Columns::of(description, prepared.sql));
}

}  // namespace grant::postgres
