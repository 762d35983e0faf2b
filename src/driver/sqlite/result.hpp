#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>

#include "columns.hpp"
#include "driver/cells.hpp"
#include "grant/driver/result.hpp"

namespace grant::sqlite {

/// Rows copied out of SQLite, so that the statement can be reset at once.
class SqliteResult final : public Result {
 public:
  /// Takes over the row that `statement` stands on.
  void add_row(sqlite3_stmt* statement);

  /// Forgets the rows and frees what they took.
  void clear() noexcept;

  void set_columns(std::shared_ptr<const Columns> columns) noexcept {
    columns_ = std::move(columns);
  }
  void set_affected_rows(std::uint64_t rows) noexcept { affected_rows_ = rows; }

  /// The bytes that the rows take.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  [[nodiscard]] std::size_t row_count() const noexcept override { return rows_; }
  [[nodiscard]] std::size_t column_count() const noexcept override;
  [[nodiscard]] std::string_view column_name(std::size_t column) const noexcept override;
  [[nodiscard]] ValueView cell(std::size_t row, std::size_t column) const override;
  void row(std::size_t row, std::span<ValueView> cells) const override;
  [[nodiscard]] std::uint64_t affected_rows() const noexcept override { return affected_rows_; }

 private:
  ValueView copied(sqlite3_value* value, Declared declared);
  ValueView from_real(double number, Declared declared);
  ValueView from_text(std::string_view text, Declared declared);

  std::shared_ptr<const Columns> columns_;
  // What the views of cells_ look at; the texts of one short row need no further memory.
  std::array<std::byte, 256> first_;
  std::pmr::monotonic_buffer_resource arena_{first_.data(), first_.size()};
  driver::Cells cells_;
  std::size_t rows_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t affected_rows_ = 0;
};

}  // namespace grant::sqlite
