#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "columns.hpp"
#include "driver/cells.hpp"
#include "grant/driver/result.hpp"
#include "types.hpp"

namespace grant::mariadb {

class RowReader;

class MariadbResult final : public Result {
 public:
  /// What a statement gave that gives no rows.
  explicit MariadbResult(std::uint64_t affected_rows) : affected_rows_(affected_rows) {}

  /// No rows yet.
  explicit MariadbResult(std::shared_ptr<const Columns> columns) : columns_(std::move(columns)) {}

  /// Copies the rows of an answer in the text protocol.
  MariadbResult(MYSQL_RES* rows, bool changes_rows);

  MariadbResult(const MariadbResult&) = delete;
  MariadbResult& operator=(const MariadbResult&) = delete;
  ~MariadbResult() override = default;

  [[nodiscard]] std::size_t row_count() const noexcept override;
  [[nodiscard]] std::size_t column_count() const noexcept override;
  [[nodiscard]] std::string_view column_name(std::size_t column) const noexcept override;
  [[nodiscard]] ValueView cell(std::size_t row, std::size_t column) const override;
  void row(std::size_t row, std::span<ValueView> cells) const override;
  [[nodiscard]] std::uint64_t affected_rows() const noexcept override;

  /// Forgets the rows; what cells looked at is gone.
  void clear_rows() noexcept;

 private:
  friend class RowReader;

  /// Room for `size` bytes that stay where they are while this lives.
  char* allocate(std::size_t size);
  static ValueView keep(ValueKind kind, std::string_view characters);

  void add_boolean(std::int64_t number);
  void add_integer(std::int64_t bits, bool is_unsigned);
  /// `characters` are in a block already.
  void add_kept(const Columns::Column& column, std::string_view characters);
  std::string_view copied(std::string_view characters);
  void add_uuid(std::string_view text);
  template <class T>
  void add(const std::optional<T>& value, ValueView (*view)(T)) {
    value ? cells_.push_back(view(*value)) : add_unreadable();
  }
  void add_text(const Columns::Column& column, std::string_view text);
  void add_unreadable();

  std::shared_ptr<const Columns> columns_;      // null: without rows
  driver::Cells cells_;                         // row by row; characters point into first_, blocks_
  std::unordered_set<std::size_t> unreadable_;  // cells whose bytes are no value of their kind
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::array<char, 256> first_;  // before the first block: most results are small
  char* free_ = first_.data();
  std::size_t free_bytes_ = first_.size();
  std::size_t last_block_ = 0;  // its size
  std::size_t next_block_ = 1024;
  std::size_t rows_ = 0;
  std::uint64_t affected_rows_ = 0;
};

/// Copies the rows of a prepared statement into results.
class RowReader {
 public:
  /// `statement` has been executed, and must outlive this.
  explicit RowReader(MYSQL_STMT* statement);
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  /// Before the rows of each further execution: libmariadb forgets now and then what it was bound
  /// to.
  void bind();

  /// Of the rows that it reads.
  [[nodiscard]] const std::shared_ptr<const Columns>& columns() const noexcept { return columns_; }

  /// Copies all rows, which are here: mysql_stmt_store_result() has succeeded. Null: libmariadb
  /// cannot make sense of what the server sent.
  std::unique_ptr<MariadbResult> read_all(bool changes_rows);

  /// Adds to `into`, which has columns(), the row that mysql_stmt_fetch() has just read.
  void add_to(MariadbResult& into);

 private:
  /// Where libmariadb puts the cells of one column, row after row.
  struct Slot {
    union {
      long long integer;
      float single;
      double real;
      MYSQL_TIME time;
    };
    std::array<char, 64> characters;
    unsigned long length;
    my_bool is_null;
  };

  static void describe(MYSQL_BIND& bind, Slot& slot, const Columns::Column& column);
  void add_characters(MariadbResult& into, std::size_t column);

  MYSQL_STMT* statement_;
  std::shared_ptr<const Columns> columns_;
  std::vector<Slot> slots_;
  std::vector<MYSQL_BIND> binds_;  // to slots_
};

}  // namespace grant::mariadb
