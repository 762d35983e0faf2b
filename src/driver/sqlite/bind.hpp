#pragma once

#include <sqlite3.h>

#include <span>
#include <string_view>
#include <vector>

#include "grant/core/value.hpp"

namespace grant::sqlite {

/// Which parameter belongs to which of SQLite's variables. To SQLite `$2` is a name, numbered in
/// the order of first appearance.
struct Placeholders {
  /// For each variable, from SQLite's index 1 on: the parameter's number, from 1 on.
  std::vector<int> numbers{};
  /// How many parameters the statement takes: the highest number.
  int count = 0;
};

/// Accepts `$1`, or `?` and `?1`. Errors: invalid_argument for other names and a mixture of both.
[[nodiscard]] Placeholders placeholders_of(sqlite3_stmt* statement, std::string_view node);

/// Why SQLite cannot take `value`, as in "is NaN, ..."; empty when it can: integers beyond the
/// signed ones, arrays, NaN, text with a NUL character or not in UTF-8, and times outside the years
/// 0 to 9999 are refused.
[[nodiscard]] std::string_view refusal_of(ValueView value) noexcept;

/// Binds one value that is not refused; text and bytes are not copied and must outlive the binding.
/// SQLite's result code.
[[nodiscard]] int bind_value(sqlite3_stmt* statement, int index, ValueView value);

/// Binds `params`; text and bytes are not copied and must outlive the bindings. Errors:
/// invalid_argument for a wrong number of them, and for one that is refused, naming it by its
/// number.
void bind_params(sqlite3_stmt* statement, const Placeholders& placeholders,
                 std::span<const ValueView> params, std::string_view node);

}  // namespace grant::sqlite
