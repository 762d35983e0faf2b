#pragma once

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/driver/result.hpp"
#include "statement_cache.hpp"

namespace grant::postgres {

struct FreeMemory {
  void operator()(char* memory) const noexcept { PQfreemem(memory); }
};
using CopyData = std::unique_ptr<char, FreeMemory>;

/// Rows of a COPY in binary form, in the messages that they came in.
class CopiedRows final : public Result {
 public:
  /// Takes over the columns' types and names from `query`.
  explicit CopiedRows(const Prepared& query);

  /// Takes one message of `size` bytes over. False: its bytes are not what the format says.
  [[nodiscard]] bool add(CopyData message, std::size_t size);

  void clear() noexcept;

  [[nodiscard]] std::size_t row_count() const noexcept override { return rows_; }
  [[nodiscard]] std::size_t column_count() const noexcept override { return types_.size(); }
  [[nodiscard]] std::string_view column_name(std::size_t column) const noexcept override {
    return names_[column];
  }
  [[nodiscard]] ValueView cell(std::size_t row, std::size_t column) const override;
  void row(std::size_t row, std::span<ValueView> cells) const override;
  [[nodiscard]] std::uint64_t affected_rows() const noexcept override { return 0; }

 private:
  [[nodiscard]] bool add_cell(std::string_view& rest, std::size_t column);

  const std::vector<Oid> types_;
  const std::vector<std::string> names_;
  bool started_ = false;  // the header has been seen
  std::size_t rows_ = 0;
  std::vector<ValueView> cells_;
  std::map<std::size_t, ErrorInfo> unreadable_;                  // cells, by their place in cells_
  std::vector<CopyData> messages_;                               // what the cells look at
  std::unique_ptr<std::pmr::monotonic_buffer_resource> memory_;  // and what they needed more
};

}  // namespace grant::postgres
