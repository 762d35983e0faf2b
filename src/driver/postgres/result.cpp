#include "result.hpp"

#include <charconv>
#include <memory_resource>
#include <optional>
#include <utility>
#include <vector>

#include "grant/core/error.hpp"
#include "kept_rows.hpp"

namespace grant::postgres {

/// Cells that need memory of their own. Decoded when the result arrives and not by cell(), which
/// several threads may call.
struct PostgresResult::Decoded {
  std::pmr::monotonic_buffer_resource memory;
  /// By column and row; empty for columns that need none. A cell without a value cannot be decoded.
  std::vector<std::vector<std::optional<ValueView>>> columns;
};

PostgresResult::PostgresResult(ResultHandle result)
    : result_(std::move(result)),
      columns_(std::make_shared<Columns>(Columns::of_rows(result_.get()))) {
  if (columns_->need_memory) decode_columns();
}

PostgresResult::PostgresResult(ResultHandle result, std::shared_ptr<const Columns> columns)
    : result_(std::move(result)), columns_(std::move(columns)) {
  if (columns_->need_memory) decode_columns();
}

PostgresResult::~PostgresResult() = default;

void PostgresResult::decode_columns() {
  decoded_ = std::make_unique<Decoded>();
  decoded_->columns.resize(columns_->all.size());
  for (int index = 0; const auto& column : columns_->all) {
    if (needs_memory(column.type, columns_->format)) decode_column(index);
    ++index;
  }
}

void PostgresResult::decode_column(int column) {
  auto& cells = decoded_->columns[static_cast<std::size_t>(column)];
  cells.reserve(row_count());
  for (int row = 0; row < PQntuples(result_.get()); ++row) {
    auto& cell = cells.emplace_back();
    if (PQgetisnull(result_.get(), row, column) != 0) continue;
    try {
      cell = decode(raw(row, column), decoded_->memory);
    } catch (const Error&) {
      // The statement has run: only who asks for this cell is told, by read().
    }
  }
}

std::unique_ptr<Result> result_of(ResultHandle result,
                                  const std::shared_ptr<const Columns>& columns) {
  // Larger ones cost more to copy than to keep.
  constexpr std::size_t small = 4'096;
  if (!columns->fixed || PQresultMemorySize(result.get()) > small) {
    return std::make_unique<PostgresResult>(std::move(result));
  }
  auto kept = std::make_unique<KeptRows>(columns, affected_rows_of(result.get()));
  kept->add(result.get());
  return kept;
}

std::size_t PostgresResult::row_count() const noexcept {
  return static_cast<std::size_t>(PQntuples(result_.get()));
}

std::size_t PostgresResult::column_count() const noexcept { return columns_->all.size(); }

std::string_view PostgresResult::column_name(std::size_t column) const noexcept {
  return columns_->all[column].name;
}

Cell PostgresResult::raw(int row, int column) const {
  const auto& known = columns_->all[static_cast<std::size_t>(column)];
  return {{PQgetvalue(result_.get(), row, column),
           static_cast<std::size_t>(PQgetlength(result_.get(), row, column))},
          known.type,
          columns_->format,
          known.name.c_str()};
}

// Compiled into the loop over a row: what is left of a plain cell then costs less than calling it.
inline void PostgresResult::read(int row, int column, ValueView& cell) const {
  const PGresult* const rows = result_.get();
  const std::string_view bytes(PQgetvalue(rows, row, column),
                               static_cast<std::size_t>(PQgetlength(rows, row, column)));
  if (bytes.empty() && PQgetisnull(rows, row, column) != 0) {
    cell = {};
    return;
  }
  const auto type = columns_->all[static_cast<std::size_t>(column)].type;
  if (columns_->format == Format::binary && decode_plain(bytes, type, cell)) return;
  cell = decoded_cell(row, column);
}

ValueView PostgresResult::decoded_cell(int row, int column) const {
  const Cell cell = raw(row, column);
  if (!decoded_) return decode(cell, *std::pmr::null_memory_resource());
  const auto& cells = decoded_->columns[static_cast<std::size_t>(column)];
  if (cells.empty()) return decode(cell, *std::pmr::null_memory_resource());
  const auto& decoded = cells[static_cast<std::size_t>(row)];
  if (decoded) return *decoded;
  std::pmr::monotonic_buffer_resource memory;
  return decode(cell, memory);  // throws, as it did the first time
}

ValueView PostgresResult::cell(std::size_t row, std::size_t column) const {
  ValueView cell;
  read(static_cast<int>(row), static_cast<int>(column), cell);
  return cell;
}

void PostgresResult::row(std::size_t row, std::span<ValueView> cells) const {
  const auto r = static_cast<int>(row);
  for (int column = 0; ValueView & cell : cells) read(r, column++, cell);
}

std::uint64_t affected_rows_of(const PGresult* result) noexcept {
  // libpq only reads from it.
  const std::string_view tag = PQcmdStatus(const_cast<PGresult*>(result));
  if (!tag.starts_with("INSERT") && !tag.starts_with("UPDATE") && !tag.starts_with("DELETE") &&
      !tag.starts_with("MERGE")) {
    return 0;
  }
  const auto digits = tag.substr(tag.rfind(' ') + 1);
  std::uint64_t rows = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), rows);
  return rows;
}

}  // namespace grant::postgres
