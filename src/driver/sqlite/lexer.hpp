#pragma once

#include <string>
#include <string_view>

namespace grant::sqlite {

/// Replaces `$1`, `$2`, … outside strings, quoted names and comments by `?` and `?2`, which SQLite
/// numbers alike and finds without searching for them by name. What is no placeholder stays.
/// Errors: invalid_argument, for a number beyond `most` and for a mixture with `?`.
[[nodiscard]] std::string rewrite_placeholders(std::string_view sql, int most,
                                               std::string_view node);

}  // namespace grant::sqlite
