#pragma once

#include <cstdint>
#include <string_view>

namespace grant {

/// What a caller asks for.
enum class Role : std::uint8_t {
  writing,  ///< The primary, for reads too.
  reading,  ///< A fit replica, or the primary where there is none.
};

[[nodiscard]] std::string_view to_string(Role role) noexcept;

}  // namespace grant
