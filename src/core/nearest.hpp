#pragma once

#include <span>
#include <string>
#include <string_view>

namespace grant {

/// The one of `names` that whoever wrote `word` may have meant: it differs in case, or in three
/// letters at most and in fewer than it has. Empty: none does.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> names);

/// `text` with the letters A to Z in lower case.
[[nodiscard]] std::string in_lower_case(std::string_view text);

}  // namespace grant
