#pragma once

#include <string>
#include <vector>

#include "driver/statement_cache.hpp"
#include "types.hpp"

namespace grant::postgres {

/// A statement that the server has parsed.
struct Prepared {
  std::string sql{};
  std::string name{};  ///< Empty: the server's unnamed statement, overwritten by the next one.
  std::vector<Oid> parameter_types{};
  int result_format{};  ///< 1, binary, unless a column has a type that only its text is known of.
};

using StatementCache = grant::StatementCache<Prepared>;

}  // namespace grant::postgres
