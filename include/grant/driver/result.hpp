#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "grant/core/value.hpp"

namespace grant {

/// The rows that one statement gave. Immutable; const access is thread-safe.
class Result {
 public:
  Result() = default;
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  virtual ~Result() = default;

  [[nodiscard]] virtual std::size_t row_count() const noexcept = 0;
  [[nodiscard]] virtual std::size_t column_count() const noexcept = 0;

  /// Valid while the result lives. `column` < column_count().
  [[nodiscard]] virtual std::string_view column_name(std::size_t column) const noexcept = 0;

  /// Valid while the result lives. `row` < row_count(), `column` < column_count(). A type that
  /// Grant has no kind for comes as the engine's own text. Errors: invalid_argument when the
  /// server's bytes are not what their type says.
  [[nodiscard]] virtual ValueView cell(std::size_t row, std::size_t column) const = 0;

  /// Fills `cells`, column_count() of them, with the cells of one row: cheaper than asking for
  /// each.
  virtual void row(std::size_t row, std::span<ValueView> cells) const {
    for (std::size_t column = 0; column < cells.size(); ++column) cells[column] = cell(row, column);
  }

  /// Rows inserted, updated or deleted; 0 for a query.
  [[nodiscard]] virtual std::uint64_t affected_rows() const noexcept = 0;
};

}  // namespace grant
