#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "driver/statement_cache.hpp"
#include "types.hpp"

namespace grant::postgres {

/// A statement that the server has parsed.
struct Prepared {
  std::string sql{};
  std::string name{};  ///< Empty: the server's unnamed statement, overwritten by the next one.
  std::vector<Oid> parameter_types{};
  std::vector<Oid> column_types{};
  std::vector<std::string> column_names{};
  int result_format{};  ///< 1, binary, unless a column has a type that only its text is known of.
};

/// A statement to prepare. Errors: invalid_argument, for what cannot even be sent.
[[nodiscard]] Prepared unprepared(std::string_view sql);

/// Takes over what the server says of a statement that it has parsed.
void describe(Prepared& prepared, const PGresult* description);

using StatementCache = grant::StatementCache<Prepared>;

}  // namespace grant::postgres
