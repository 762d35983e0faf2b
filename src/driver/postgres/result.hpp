#pragma once

#include <memory>
#include <memory_resource>
#include <optional>
#include <vector>

#include "columns.hpp"
#include "decode.hpp"
#include "grant/driver/result.hpp"
#include "types.hpp"

namespace grant::postgres {

/// Rows that `result` says were inserted, updated, deleted or merged.
[[nodiscard]] std::uint64_t affected_rows_of(const PGresult* result) noexcept;

/// As what serves best; `result` came from a statement that succeeded and has these columns.
[[nodiscard]] std::unique_ptr<Result> result_of(ResultHandle result,
                                                const std::shared_ptr<const Columns>& columns);

/// Rows that stay in libpq's result.
class PostgresResult final : public Result {
 public:
  /// `result` came from a statement that succeeded.
  explicit PostgresResult(ResultHandle result);
  ~PostgresResult() override;

  [[nodiscard]] std::size_t row_count() const noexcept override;
  [[nodiscard]] std::size_t column_count() const noexcept override;
  [[nodiscard]] std::string_view column_name(std::size_t column) const noexcept override;
  [[nodiscard]] ValueView cell(std::size_t row, std::size_t column) const override;
  void row(std::size_t row, std::span<ValueView> cells) const override;
  [[nodiscard]] std::uint64_t affected_rows() const noexcept override {
    return affected_rows_of(result_.get());
  }

 private:
  struct Decoded;

  /// What every cell of a column has in common; asking libpq again for each cell costs as much as
  /// decoding it.
  struct Column {
    Oid type;
    Format format;
    const char* name;  // of the result
  };

  [[nodiscard]] Cell raw(int row, int column) const;
  [[nodiscard]] ValueView cell_at(int row, int column) const;
  void decode_column(int column);

  ResultHandle result_;
  std::vector<Column> columns_;
  std::unique_ptr<Decoded> decoded_;  // null where no column needs it
};

}  // namespace grant::postgres
