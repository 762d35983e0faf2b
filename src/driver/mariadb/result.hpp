#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "grant/driver/result.hpp"
#include "types.hpp"

namespace grant::mariadb {

class MariadbResult final : public Result {
 public:
  /// What a statement gave that gives no rows.
  explicit MariadbResult(std::uint64_t affected_rows) : affected_rows_(affected_rows) {}

  /// Copies the rows of `statement`, which are all here: mysql_stmt_store_result() has succeeded.
  MariadbResult(MYSQL_STMT* statement, bool changes_rows);

  /// The same for an answer in the text protocol.
  MariadbResult(MYSQL_RES* rows, bool changes_rows);

  /// True when the columns have other names than when the statement was prepared. libmariadb keeps
  /// the old ones, so it has to be prepared anew before it runs again.
  [[nodiscard]] bool was_renamed() const noexcept { return renamed_; }

  [[nodiscard]] std::size_t row_count() const noexcept override;
  [[nodiscard]] std::size_t column_count() const noexcept override;
  [[nodiscard]] std::string_view column_name(std::size_t column) const noexcept override;
  [[nodiscard]] ValueView cell(std::size_t row, std::size_t column) const override;
  [[nodiscard]] std::uint64_t affected_rows() const noexcept override;

 private:
  struct Column {
    std::string name;
    ValueKind kind;
    bool is_unsigned;
  };

  void take_columns(const MYSQL_FIELD* fields, unsigned int count);

  /// Room for `size` bytes that stay where they are while this lives.
  char* allocate(std::size_t size);
  ValueView keep(ValueKind kind, std::string_view characters);

  void add_integer(std::int64_t bits, bool is_unsigned);
  void add_time(const MYSQL_TIME& time);
  void add_text(const Column& column, std::string_view text);
  void add_unreadable();

  std::vector<Column> columns_;
  std::vector<ValueView> cells_;                // row by row; characters point into blocks_
  std::unordered_set<std::size_t> unreadable_;  // cells whose bytes are no value of their kind
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  std::size_t free_bytes_ = 0;
  std::size_t next_block_ = 256;  // most results are small
  std::size_t rows_ = 0;
  std::uint64_t affected_rows_ = 0;
  bool renamed_ = false;
};

}  // namespace grant::mariadb
