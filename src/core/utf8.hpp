#pragma once

#include <cstddef>
#include <string_view>

namespace grant {

/// Where `text` stops being UTF-8 without NUL characters; npos when it does not.
[[nodiscard]] std::size_t first_bad_byte(std::string_view text) noexcept;

}  // namespace grant
