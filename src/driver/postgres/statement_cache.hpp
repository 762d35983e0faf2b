#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "columns.hpp"
#include "driver/statement_cache.hpp"
#include "grant/core/clock.hpp"
#include "types.hpp"

namespace grant::postgres {

/// A statement that the server has parsed.
struct Prepared {
  std::string sql{};
  /// Empty: the server keeps nothing of it, and parses it each time. Whatever stands between may
  /// hand two messages to two servers, so one message then has to hold all.
  std::string name{};
  std::vector<Oid> parameter_types{};
  std::shared_ptr<const Columns> columns{};
  TimePoint described{};          ///< Before the server was asked about it.
  bool mentions_session = false;  ///< See mentions_session().
  bool may_commit = false;        ///< See may_commit().
  bool moves_names = false;       ///< See moves_names().

  /// As libpq takes it.
  [[nodiscard]] int result_format() const noexcept { return static_cast<int>(columns->format); }
};

/// A statement to prepare. Errors: invalid_argument, for what cannot even be sent.
[[nodiscard]] Prepared unprepared(std::string_view sql, TimePoint now);

/// Whether libpq would lose the connection over the server's description of `sql`: it takes that
/// for noise when it is longer than 30,000 bytes, which four for each parameter come to.
[[nodiscard]] bool is_described_at_length(std::string_view sql) noexcept;

/// What asks for the types of the parameters of the statement that is named by the one parameter.
inline constexpr const char* kParameterTypes =
    "SELECT array_to_string(parameter_types::oid[], ' ') FROM pg_prepared_statements "
    "WHERE name = $1";

/// Takes over what the server says of a statement that it has parsed: a description, or the answer
/// to kParameterTypes.
void describe(Prepared& prepared, const PGresult* description);

using StatementCache = grant::StatementCache<Prepared>;

}  // namespace grant::postgres
