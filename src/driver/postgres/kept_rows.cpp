#include "kept_rows.hpp"

#include <cassert>
#include <utility>

#include "decode.hpp"
#include "driver/kept.hpp"

namespace grant::postgres {
void KeptRows::add(const PGresult* rows) {
  assert(static_cast<std::size_t>(PQnfields(rows)) == column_count());
  const int count = PQntuples(rows);
  std::size_t at = cells_.size();
  auto cell = cells_.append(static_cast<std::size_t>(count) * column_count()).begin();
  for (int row = 0; row < count; ++row) {
    for (int index = 0; const auto& column : columns_->all) {
      const int size = PQgetlength(rows, row, index);
      if (size > 0 || PQgetisnull(rows, row, index) == 0) {
        decode_into(at, *cell, {PQgetvalue(rows, row, index), static_cast<std::size_t>(size)},
                    column);
      }
      ++at;
      ++cell;
      ++index;
    }
  }
  rows_ += static_cast<std::size_t>(count);
}

void KeptRows::decode_into(std::size_t at, ValueView& cell, std::string_view bytes,
                           const Columns::Column& column) {
  if (column.has_characters) bytes = kept(memory_, bytes);
  if (columns_->format == Format::binary && decode_plain(bytes, column.type, cell)) return;
  try {
    cell = decode({bytes, column.type, columns_->format, column.name.c_str()}, memory_);
  } catch (const Error& error) {
    // The statement has run: only who asks for this cell is told.
    unreadable_.emplace(at, error.info());
  }
}

void KeptRows::clear() noexcept {
  rows_ = 0;
  cells_.clear();
  unreadable_.clear();
  memory_.release();
}

ValueView KeptRows::cell(std::size_t row, std::size_t column) const {
  const std::size_t at = row * column_count() + column;
  if (!unreadable_.empty()) {
    const auto found = unreadable_.find(at);
    if (found != unreadable_.end()) throw_error(found->second);
  }
  return cells_[at];
}

void KeptRows::row(std::size_t row, std::span<ValueView> cells) const {
  if (!unreadable_.empty()) return Result::row(row, cells);
  cells_.copy_row(row, cells);
}

}  // namespace grant::postgres
