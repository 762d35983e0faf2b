#pragma once

#include <span>
#include <string>
#include <vector>

#include "types.hpp"

namespace grant::mariadb {

/// The columns of a statement's rows. Immutable, and shared by all results of the statement.
class Columns {
 public:
  struct Column {
    std::string name;
    enum_field_types type;
    ValueKind kind;
    bool is_unsigned;
  };

  explicit Columns(std::span<const MYSQL_FIELD> fields);

  /// Those of the rows that `statement`, which has been executed, gives now.
  explicit Columns(MYSQL_STMT* statement);

  /// Whether they are the columns of the rows that `statement` gives now.
  [[nodiscard]] bool fit(MYSQL_STMT* statement) const;

  /// True when they have other names, or are of other kinds, than when the statement was prepared.
  /// libmariadb keeps the old ones, so it has to be prepared anew before it runs again.
  [[nodiscard]] bool have_changed() const noexcept { return changed_; }

  [[nodiscard]] std::size_t size() const noexcept { return columns_.size(); }
  const Column& operator[](std::size_t column) const noexcept { return columns_[column]; }

 private:
  std::vector<Column> columns_;
  bool changed_ = false;
};

}  // namespace grant::mariadb
