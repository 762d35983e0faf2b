#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "bind.hpp"
#include "types.hpp"

namespace grant::mariadb {

/// Rows that are sent in one message, with one type for each column.
class Batch {
 public:
  /// `columns` must outlive the batch. `message_limit`: of the server, in bytes.
  Batch(std::span<const std::string_view> columns, std::size_t message_limit);

  [[nodiscard]] std::size_t rows() const noexcept { return cells_.size() / types_.size(); }

  /// True when `row` can go along with the others: its types are theirs, and the message stays
  /// within what any server takes. An empty batch takes every row. Errors: as
  /// Binder::bind_row().
  [[nodiscard]] bool takes(std::span<const ValueView> row, std::size_t number);

  /// Copies `row`, which takes() has just said yes to.
  void add(std::span<const ValueView> row);

  void clear() noexcept;

  /// How many bytes their characters take.
  [[nodiscard]] std::size_t size() const noexcept { return used_; }

  /// The types of the columns, for mysql_stmt_bind_param().
  [[nodiscard]] MYSQL_BIND* types() noexcept { return types_.data(); }

  /// Gives libmariadb the row `index` of the Batch at `self`, when it asks by STMT_ATTR_CB_PARAM.
  static my_bool give(void* self, MYSQL_BIND* binds, unsigned int index) noexcept;

 private:
  std::span<const std::string_view> columns_;
  std::vector<MYSQL_BIND> types_;  // MYSQL_TYPE_NULL: only nulls so far
  std::vector<char> indicators_;
  std::vector<ValueView> cells_;  // row by row; their characters are in characters_
  std::unique_ptr<char[]> characters_;
  std::size_t used_ = 0;
  std::size_t capacity_;
  std::size_t message_limit_;
  std::size_t message_ = 0;  // the most bytes that the rows take in it
  Binder binder_;
};

}  // namespace grant::mariadb
