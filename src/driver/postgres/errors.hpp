#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "grant/core/error.hpp"
#include "types.hpp"

namespace grant::postgres {

/// The code for an error with which the server ended a statement and kept the connection: such a
/// statement changed nothing. `message` tells apart what PostgreSQL gives one SQLSTATE to.
[[nodiscard]] Errc code_for(std::string_view sqlstate, std::string_view message) noexcept;

/// The code for a connection attempt that failed. `sqlstate` is empty when no server answered.
[[nodiscard]] Errc code_for_connect(std::string_view sqlstate, std::string_view message) noexcept;

/// What the server says in `failed`, without the values that it may quote from `params`, or from
/// others where `has_values` says that there were some.
[[nodiscard]] ErrorInfo server_error(const PGresult* failed, std::string_view node,
                                     std::span<const ValueView> params, bool has_values);

/// What libpq says about a connection attempt, given in verbose form: the only one with the
/// SQLSTATE in it.
[[nodiscard]] ErrorInfo connect_error(std::string_view text, std::string_view node);

/// The server takes no further connection: of anybody, of this user or to this database.
[[nodiscard]] bool is_full(const ErrorInfo& failure) noexcept;

/// The SQLSTATE in `result`; empty when libpq made the error itself.
[[nodiscard]] std::string_view sqlstate_of(const PGresult* result) noexcept;

/// What an error says of a statement that was prepared earlier. In all cases but `none`, nothing
/// was executed, or what was has been undone.
enum class Staleness : std::uint8_t {
  none,
  types,    ///< A value does not suit its parameter: no news, unless that has another type now.
  perhaps,  ///< What it names is not there any more, or of another type; or never was.
  changed,  ///< Its tables have changed.
  lost,     ///< The server does not know it.
};

/// What the server says of an error, as far as it tells them apart.
struct ErrorSigns {
  std::string_view sqlstate{};
  std::string_view message{};
  std::string_view function{};    ///< Of the server's source, that found it.
  bool inside_something = false;  ///< A function that was executing, or a value being read.
};

/// `prefix`: what the names of statements of this connection start with.
[[nodiscard]] Staleness staleness_of(const ErrorSigns& signs, std::string_view prefix) noexcept;
[[nodiscard]] Staleness staleness_of(const PGresult* failed, std::string_view prefix) noexcept;

/// True for an error with which the server refuses to run a statement in a read-only transaction,
/// or in any at all.
[[nodiscard]] bool refuses_guarded(std::string_view sqlstate) noexcept;

/// True when the server ends the session after this error, whatever its reason.
[[nodiscard]] bool is_farewell(const PGresult* failed) noexcept;

/// Of a statement without a command in it.
inline constexpr const char* kEmptyStatement = "the statement is empty";

/// The first line of libpq's `text`.
[[nodiscard]] std::string_view first_line(std::string_view text) noexcept;

}  // namespace grant::postgres
