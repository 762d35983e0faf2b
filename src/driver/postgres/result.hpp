#pragma once

#include "grant/driver/result.hpp"
#include "types.hpp"

namespace grant::postgres {

class PostgresResult final : public Result {
 public:
  /// `result` came from a statement that succeeded.
  explicit PostgresResult(ResultHandle result);

  [[nodiscard]] std::size_t row_count() const noexcept override;
  [[nodiscard]] std::size_t column_count() const noexcept override;
  [[nodiscard]] std::string_view column_name(std::size_t column) const noexcept override;
  [[nodiscard]] ValueView cell(std::size_t row, std::size_t column) const override;
  [[nodiscard]] std::uint64_t affected_rows() const noexcept override;

 private:
  ResultHandle result_;
};

}  // namespace grant::postgres
