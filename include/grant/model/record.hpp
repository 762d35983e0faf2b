#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "grant/driver/result.hpp"
#include "grant/query/sql.hpp"
#include "grant/query/table_info.hpp"
#include "grant/session/execution.hpp"

// What all models share, without their types: records are pointers, columns are ColumnInfos.
namespace grant::detail {

/// Fills `record` from a row whose columns are in the order of the table's.
void load_row(const TableInfo& table, const Result& result, std::size_t row, void* record);

/// For each column of the table, where the result has it. Errors: invalid_argument, naming a column
/// that it lacks.
[[nodiscard]] std::vector<std::size_t> match_columns(const TableInfo& table, const Result& result);

/// Fills `record` from a row whose columns are where `positions` says.
void load_row(const TableInfo& table, const Result& result, std::size_t row,
              std::span<const std::size_t> positions, void* record);

/// Inserts the record, fills it from what the database stored, and gives where it went.
[[nodiscard]] const Origin* insert_record(const TableInfo& table, const Access& access,
                                          void* record);

/// Writes all columns but the primary key. Errors: not_found, when the row is gone.
void update_record(const TableInfo& table, const Access& access, void* record);

/// Writes `columns` (by name) and `updated_at`. Errors: as update_record().
void update_columns(const TableInfo& table, const Access& access, void* record,
                    std::span<const std::string_view> columns);

/// Errors: not_found, when the row is gone.
void delete_record(const TableInfo& table, const Access& access, const void* record);

/// Reads the record again by its primary key. Errors: not_found, when the row is gone.
void reload_record(const TableInfo& table, const Access& access, void* record);

/// The selection of the row with this primary key.
[[nodiscard]] Selection by_key(const TableInfo& table, Value key);

[[noreturn]] void throw_not_found(const TableInfo& table, std::string_view what);

[[nodiscard]] Executed run_select(const Access& access, const Selection& selection);
[[nodiscard]] std::uint64_t run_count(const Access& access, const Selection& selection);
[[nodiscard]] bool run_exists(const Access& access, const Selection& selection);
std::uint64_t run_update(const Access& access, const Selection& selection,
                         const std::vector<ColumnValue>& values);
std::uint64_t run_delete(const Access& access, const Selection& selection);
void run_create_table(const Access& access, const TableInfo& table);

}  // namespace grant::detail
