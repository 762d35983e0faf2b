#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace grant::mariadb {

/// Whether `\` escapes the next character of a string, as without sql_mode NO_BACKSLASH_ESCAPES.
enum class Backslash : std::uint8_t { escapes, plain };

/// A statement as the server takes it.
struct Rewritten {
  std::string sql{};                 ///< With `?` for each placeholder.
  std::vector<std::size_t> order{};  ///< For each `?`, the value that it stands for: 0 is `$1`.
  std::size_t parameters{};          ///< The highest placeholder: how many values there must be.
};

/// Replaces `$1`, `$2`, … outside strings, quoted names and comments. Errors: invalid_argument for
/// a `?` there, which would be taken for a placeholder, and for `$0`.
[[nodiscard]] Rewritten rewrite_placeholders(std::string_view sql, Backslash backslash);

/// The first word of `sql` in upper case, with spaces, comments and opening parentheses before it
/// left out; at most 16 characters of it.
[[nodiscard]] std::string first_word(std::string_view sql);

}  // namespace grant::mariadb
