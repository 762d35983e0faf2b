#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "columns.hpp"
#include "driver/statement_cache.hpp"
#include "types.hpp"

namespace grant::postgres {

/// A statement that the server has parsed.
struct Prepared {
  std::string sql{};
  std::string name{};  ///< Empty: the server's unnamed statement, overwritten by the next one.
  std::vector<Oid> parameter_types{};
  std::shared_ptr<const Columns> columns{};
  bool mentions_session = false;  ///< See mentions_session().
  bool may_commit = false;        ///< See may_commit().

  /// As libpq takes it.
  [[nodiscard]] int result_format() const noexcept { return static_cast<int>(columns->format); }
};

/// A statement to prepare. Errors: invalid_argument, for what cannot even be sent.
[[nodiscard]] Prepared unprepared(std::string_view sql);

/// Takes over what the server says of a statement that it has parsed.
void describe(Prepared& prepared, const PGresult* description);

using StatementCache = grant::StatementCache<Prepared>;

}  // namespace grant::postgres
