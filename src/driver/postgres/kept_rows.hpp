#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <utility>

#include "columns.hpp"
#include "driver/cells.hpp"
#include "grant/core/error.hpp"
#include "grant/driver/result.hpp"

namespace grant::postgres {

/// Rows copied out of libpq's results. Those take two kilobytes at least, whatever they hold.
class KeptRows final : public Result {
 public:
  explicit KeptRows(std::shared_ptr<const Columns> columns, std::uint64_t affected_rows = 0)
      : columns_(std::move(columns)),
        affected_rows_(affected_rows),
        memory_(first_.data(), first_.size()) {}

  /// Copies the rows of `rows`, which has these columns.
  void add(const PGresult* rows);

  /// Forgets the rows; what cells looked at is gone.
  void clear() noexcept;

  [[nodiscard]] std::size_t row_count() const noexcept override { return rows_; }
  [[nodiscard]] std::size_t column_count() const noexcept override { return columns_->all.size(); }
  [[nodiscard]] std::string_view column_name(std::size_t column) const noexcept override {
    return columns_->all[column].name;
  }
  [[nodiscard]] ValueView cell(std::size_t row, std::size_t column) const override;
  void row(std::size_t row, std::span<ValueView> cells) const override;
  [[nodiscard]] std::uint64_t affected_rows() const noexcept override { return affected_rows_; }

 private:
  void decode_into(std::size_t at, ValueView& cell, std::string_view bytes,
                   const Columns::Column& column);

  std::shared_ptr<const Columns> columns_;
  const std::uint64_t affected_rows_;
  std::size_t rows_ = 0;
  driver::Cells cells_;
  std::map<std::size_t, ErrorInfo> unreadable_;  // by their place in cells_
  // What the cells look at; those of one short row need no further memory.
  std::array<std::byte, 256> first_;
  std::pmr::monotonic_buffer_resource memory_;
};

}  // namespace grant::postgres
