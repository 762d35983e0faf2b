#pragma once

#include <cstddef>
#include <string_view>

namespace grant {

/// Where a value was to go: a placeholder, or a column of a row that is loaded.
struct Place {
  std::size_t index{};        ///< From 0 on: of the placeholder, or of the row.
  std::string_view column{};  ///< Empty: a placeholder.
};

/// Throws invalid_argument: "parameter $1: why", or "row 1, column "x": why".
[[noreturn]] void refuse(Place place, std::string_view why);

}  // namespace grant
