#pragma once

#include <string>
#include <string_view>

namespace grant {

/// What `text` looks like, for a message about a place where something else was expected: numbers
/// and names of variables are shown, all else may be a secret that was put there by mistake, and is
/// not.
[[nodiscard]] std::string described(std::string_view text);

}  // namespace grant
