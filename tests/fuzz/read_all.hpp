#pragma once

#include <cstdint>
#include <string_view>

#include "fuzz/fuzz.hpp"
#include "grant/core/value.hpp"
#include "grant/driver/result.hpp"

namespace grant::fuzz {

/// Copies each cell; one that cannot be read must be refused as invalid, naming its column, which
/// must be "a_column".
inline void read_all(const Result& rows) {
  std::size_t seen = 0;
  for (std::size_t row = 0; row < rows.row_count(); ++row) {
    for (std::size_t column = 0; column < rows.column_count(); ++column) {
      try {
        const Value copy{rows.cell(row, column)};
        seen += static_cast<std::size_t>(copy.view().kind());
      } catch (const Error& error) {
        require(error.code() == Errc::invalid_argument, "refused as invalid");
        require(std::string_view(error.what()).find("a_column") != std::string_view::npos,
                "the refusal names the column");
      }
    }
  }
  require(seen < SIZE_MAX, "the copies were made");
}

}  // namespace grant::fuzz
