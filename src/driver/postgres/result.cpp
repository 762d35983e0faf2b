#include "result.hpp"

#include <charconv>
#include <utility>

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

PostgresResult::PostgresResult(ResultHandle result) : result_(std::move(result)) {
  const int count = PQnfields(result_.get());
  columns_.reserve(static_cast<std::size_t>(count));
  for (int column = 0; column < count; ++column) {
    const Column& kept = columns_.emplace_back(Column{
        PQftype(result_.get(), column), static_cast<Format>(PQfformat(result_.get(), column)),
        PQfname(result_.get(), column)});
    if (needs_memory(kept.type, kept.format)) decode_column(column);
  }
}

PostgresResult::~PostgresResult() = default;

void PostgresResult::decode_column(int column) {
  if (!decoded_) {
    decoded_ = std::make_unique<Decoded>();
    decoded_->columns.resize(static_cast<std::size_t>(PQnfields(result_.get())));
  }
  auto& cells = decoded_->columns[static_cast<std::size_t>(column)];
  cells.reserve(row_count());
  for (int row = 0; row < PQntuples(result_.get()); ++row) {
    auto& cell = cells.emplace_back();
    if (PQgetisnull(result_.get(), row, column) != 0) continue;
    try {
      cell = decode(raw(row, column), decoded_->memory);
    } catch (const Error&) {
      // The statement has run: only who asks for this cell is told, by cell_at().
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

std::size_t PostgresResult::column_count() const noexcept { return columns_.size(); }

std::string_view PostgresResult::column_name(std::size_t column) const noexcept {
  return columns_[column].name;
}

Cell PostgresResult::raw(int row, int column) const {
  const auto& [type, format, name] = columns_[static_cast<std::size_t>(column)];
  return {{PQgetvalue(result_.get(), row, column),
           static_cast<std::size_t>(PQgetlength(result_.get(), row, column))},
          type,
          format,
          name};
}

ValueView PostgresResult::cell_at(int row, int column) const {
  const Cell cell = raw(row, column);
  ValueView plain;
  if (!cell.bytes.empty() && cell.format == Format::binary &&
      decode_plain(cell.bytes, cell.type, plain)) {
    return plain;
  }
  if (cell.bytes.empty() && PQgetisnull(result_.get(), row, column) != 0) return {};
  if (decoded_) {
    const auto& cells = decoded_->columns[static_cast<std::size_t>(column)];
    if (!cells.empty()) {
      const auto& decoded = cells[static_cast<std::size_t>(row)];
      if (decoded) return *decoded;
      std::pmr::monotonic_buffer_resource memory;
      return decode(cell, memory);  // throws, as it did the first time
    }
  }
  return decode(cell, *std::pmr::null_memory_resource());
}

ValueView PostgresResult::cell(std::size_t row, std::size_t column) const {
  return cell_at(static_cast<int>(row), static_cast<int>(column));
}

void PostgresResult::row(std::size_t row, std::span<ValueView> cells) const {
  const auto r = static_cast<int>(row);
  for (int column = 0; ValueView & cell : cells) cell = cell_at(r, column++);
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
