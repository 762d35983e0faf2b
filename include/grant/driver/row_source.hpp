#pragma once

#include <span>
#include <string_view>

#include "grant/core/value.hpp"

namespace grant {

/// Where loaded rows go. Names are as they are, without quotes.
struct LoadTarget {
  /// What holds the table: a schema on PostgreSQL, a database on MariaDB, and on SQLite `main`,
  /// `temp` or the name of an attached file. Empty: where the session finds the table.
  std::string_view schema{};
  std::string_view table{};
  std::span<const std::string_view> columns{};  ///< At least one.
};

/// The rows to load, one after the other.
class RowSource {
 public:
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  /// Fills `row`, a place for each column of the target, with views that are valid until the next
  /// call. False: there are no more rows. Must not use the connection that loads. What it throws
  /// ends the loading.
  virtual bool next(std::span<ValueView> row) = 0;

 protected:
  ~RowSource() = default;
};

}  // namespace grant
