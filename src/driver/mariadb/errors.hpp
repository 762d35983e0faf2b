#pragma once

#include <span>
#include <string>
#include <string_view>

#include "grant/core/error.hpp"
#include "types.hpp"

namespace grant::mariadb {

/// An error as the server or libmariadb gave it.
struct Failure {
  unsigned int number{};  ///< 0: none.
  std::string sqlstate{};
  std::string message{};
};

[[nodiscard]] Failure failure_of(MYSQL* connection);
[[nodiscard]] Failure failure_of(MYSQL_STMT* statement);

/// The code for an error with which the server ended a statement and kept the connection: such a
/// statement changed nothing. `message` tells apart what MariaDB gives one number to.
[[nodiscard]] Errc code_for(unsigned int number, std::string_view message) noexcept;

/// The code for a connection attempt that failed.
[[nodiscard]] Errc code_for_connect(unsigned int number, std::string_view message) noexcept;

/// What the server says in `failure`, without the values that it may quote from `params`.
[[nodiscard]] ErrorInfo server_error(const Failure& failure, std::string_view node,
                                     std::span<const ValueView> params);

[[nodiscard]] ErrorInfo connect_error(const Failure& failure, std::string_view node);

/// The server takes no further connection: of anybody (max_connections), or of this user.
[[nodiscard]] bool is_full(const ErrorInfo& failure) noexcept;

/// ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: after START TRANSACTION READ ONLY, and after the SET
/// that guards a statement.
inline constexpr int kReadOnlyTransaction = 1792;

/// The session is over: libmariadb lost it, or the server says that it has ended it. Whether the
/// statement ran is not known.
[[nodiscard]] bool ends_session(unsigned int number) noexcept;

/// The server does not believe the password.
[[nodiscard]] bool is_access_denied(unsigned int number) noexcept;

/// The statement is larger than the server takes: it closes the connection without running it.
[[nodiscard]] bool is_too_large(unsigned int number) noexcept;

/// A prepared statement no longer fits the server. Nothing was executed.
[[nodiscard]] bool is_outdated_statement(unsigned int number) noexcept;

/// A prepared statement ran, but libmariadb cannot take its rows, because their number of columns
/// is not what it was when the statement was prepared.
[[nodiscard]] bool has_other_columns(unsigned int number) noexcept;

/// The statement was ended before its time, by KILL QUERY.
[[nodiscard]] bool is_interruption(unsigned int number) noexcept;

/// The statement can only go as text.
[[nodiscard]] bool is_unpreparable(unsigned int number) noexcept;

/// The server has no place for another prepared statement, of whichever session.
[[nodiscard]] bool is_out_of_statements(unsigned int number) noexcept;

/// After such an error the server may have rolled back the whole transaction.
[[nodiscard]] bool may_end_transaction(Errc code) noexcept;

}  // namespace grant::mariadb
