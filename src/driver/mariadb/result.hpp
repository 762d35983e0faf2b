#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "grant/driver/result.hpp"
#include "types.hpp"

namespace grant::mariadb {

class RowReader;

class MariadbResult final : public Result {
 public:
  /// What a statement gave that gives no rows.
  explicit MariadbResult(std::uint64_t affected_rows) : affected_rows_(affected_rows) {}

  /// The columns of `statement`, which has been executed, and no rows yet.
  explicit MariadbResult(MYSQL_STMT* statement);

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

  /// Forgets the rows; what cells looked at is gone.
  void clear_rows() noexcept;

 private:
  friend class RowReader;

  struct Column {
    std::string name;
    ValueKind kind;
    bool is_unsigned;
  };

  void take_names(const MYSQL_FIELD* fields);
  void take_columns(const MYSQL_FIELD* fields, unsigned int count);

  /// Room for `size` bytes that stay where they are while this lives.
  char* allocate(std::size_t size);
  static ValueView keep(ValueKind kind, std::string_view characters);

  void add_integer(std::int64_t bits, bool is_unsigned);
  void add_uuid(std::string_view text);
  template <class T>
  void add(const std::optional<T>& value, ValueView (*view)(T)) {
    value ? cells_.push_back(view(*value)) : add_unreadable();
  }
  void add_text(const Column& column, std::string_view text);
  void add_unreadable();

  std::vector<Column> columns_;
  std::vector<ValueView> cells_;                // row by row; characters point into blocks_
  std::unordered_set<std::size_t> unreadable_;  // cells whose bytes are no value of their kind
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  std::size_t free_bytes_ = 0;
  std::size_t last_block_ = 0;    // its size
  std::size_t next_block_ = 256;  // most results are small
  std::size_t rows_ = 0;
  std::uint64_t affected_rows_ = 0;
  bool renamed_ = false;
};

/// Copies the rows of a prepared statement into a result, one after the other.
class RowReader {
 public:
  /// `into` has the columns of `statement`, which has been executed. Both must outlive this.
  RowReader(MYSQL_STMT* statement, MariadbResult& into);

  /// Adds the row that mysql_stmt_fetch() has just read.
  void add();

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
    enum_field_types type;
    my_bool is_null;
  };

  static void bind(MYSQL_BIND& bind, Slot& slot, const MariadbResult::Column& column);
  void add_characters(std::size_t column, ValueKind kind);

  MYSQL_STMT* statement_;
  MariadbResult& into_;
  std::vector<Slot> slots_;
};

}  // namespace grant::mariadb
