#pragma once

#include <memory>

#include "columns.hpp"
#include "decode.hpp"
#include "grant/driver/result.hpp"
#include "handles.hpp"
#include "types.hpp"

namespace grant::postgres {

/// Rows that `result` says were inserted, updated, deleted or merged.
[[nodiscard]] std::uint64_t affected_rows_of(const PGresult* result) noexcept;

/// For results that many are in memory together: as what takes least. `result` came from a
/// statement that succeeded and has these columns.
[[nodiscard]] std::unique_ptr<Result> result_of(ResultHandle result,
                                                const std::shared_ptr<const Columns>& columns);

/// Rows that stay in libpq's result.
class PostgresResult final : public Result {
 public:
  /// `result` came from a statement that succeeded.
  explicit PostgresResult(ResultHandle result);

  /// The same, and has these columns.
  PostgresResult(ResultHandle result, std::shared_ptr<const Columns> columns);
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

  [[nodiscard]] Cell raw(int row, int column) const;
  void read(int row, int column, ValueView& cell) const;
  [[nodiscard]] ValueView decoded_cell(int row, int column) const;
  void decode_columns();
  void decode_column(int column);

  ResultHandle result_;
  std::shared_ptr<const Columns> columns_;
  std::unique_ptr<Decoded> decoded_;  // null where no column needs it
};

}  // namespace grant::postgres
