#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "grant/core/clock.hpp"
#include "grant/core/value.hpp"

namespace grant {

/// One column of a model, with what is needed to move it between a record and the database. Records
/// are passed as pointers to the model's type.
struct ColumnInfo {
  std::string_view name{};
  ValueKind kind{};
  ValueKind element_kind{};  ///< Of an array; null otherwise.
  bool nullable = false;
  bool primary_key = false;
  bool unique = false;
  bool generated = false;  ///< By the database: never written.

  /// Adds the record's value to `params`; the record must outlive them.
  void (*bind)(const void* record, Params& params) = nullptr;
  /// Errors: invalid_argument, for a value that does not fit.
  void (*load)(void* record, ValueView value) = nullptr;
  /// Whether the value is what a new record starts with. Null for types that cannot be compared;
  /// never for primary keys and timestamps.
  bool (*is_unset)(const void* record) = nullptr;
  /// Of a column that has a default in the database: whether the value still is what a new record
  /// starts with. Null for all others.
  bool (*is_initial)(const void* record) = nullptr;
  /// Adds what a new record starts with. Null where create_table() has no default to make of it.
  void (*initial)(Params& params) = nullptr;
  /// Sets a timestamp column. Null for all others.
  void (*touch)(void* record, Timestamp now) = nullptr;
};

/// One model's table. Lives as long as the process.
struct TableInfo {
  std::string_view name{};
  std::span<const ColumnInfo> columns{};
  std::size_t primary_key{};  ///< Index of that column.

  [[nodiscard]] const ColumnInfo& key() const noexcept { return columns[primary_key]; }
};

}  // namespace grant
