#pragma once

#include <string_view>

#include "fuzz/decode_all.hpp"
#include "fuzz/fuzz.hpp"
#include "grant/core/value.hpp"
#include "grant/driver/result.hpp"

namespace grant::fuzz {

/// Each refusal is an exception, and those take the time that other inputs could have.
inline constexpr std::size_t kDecodedRows = 2;

/// Copies each cell, and makes members of those of the first rows; one that cannot be read must be
/// refused as invalid, naming its column, which must be "a_column".
inline void read_all(const Result& rows) {
  for (std::size_t row = 0; row < rows.row_count(); ++row) {
    for (std::size_t column = 0; column < rows.column_count(); ++column) {
      Value copy;
      try {
        copy = Value(rows.cell(row, column));
      } catch (const Error& error) {
        require(error.code() == Errc::invalid_argument, "refused as invalid");
        require(std::string_view(error.what()).find("a_column") != std::string_view::npos,
                "the refusal names the column");
      }
      if (row < kDecodedRows) decode_all(copy.view());
    }
  }
}

}  // namespace grant::fuzz
