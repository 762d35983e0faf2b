#pragma once

#include <sqlite3.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "grant/core/error.hpp"
#include "grant/core/value.hpp"

namespace grant::sqlite {

/// What the caller can do about an extended result code.
[[nodiscard]] Errc errc_of(int extended) noexcept;

/// Of SQLite's limits, the one that a failure with this code and text has met; empty: none, or one
/// that the text gives the number of.
[[nodiscard]] std::optional<int> limit_met(int extended, std::string_view message) noexcept;

/// "users.email" out of "UNIQUE constraint failed: users.email"; empty when SQLite names nothing.
[[nodiscard]] std::string_view constraint_in(std::string_view message) noexcept;

/// `message` without the parts that quote one of `params`: a few functions of SQLite, such as
/// json_extract() and MATCH, quote their argument.
[[nodiscard]] std::string without_values(std::string message, std::span<const ValueView> params);

/// What may be told to everybody of `message`, which SQLite gave with the code `extended`. Where
/// that says no more than that something failed, the words come from the SQL while a statement is
/// prepared, and from functions, which may quote values, while it `runs`.
[[nodiscard]] std::string told(int extended, std::string_view message, bool runs,
                               std::span<const ValueView> params);

[[noreturn]] void throw_at(Errc code, std::string_view node, std::string_view what, int native = 0);

/// Throws for `extended`; `tried` says what did not work, such as "cannot begin a transaction".
[[noreturn]] void throw_failure(int extended, std::string_view node, std::string_view tried,
                                std::string_view message, std::string_view server_message = {});

}  // namespace grant::sqlite
