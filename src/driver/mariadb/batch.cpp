#include "batch.hpp"

#include <algorithm>
#include <cstring>

namespace grant::mariadb {
namespace {

// More makes nothing faster.
constexpr std::size_t kMostRows = 4'096;
constexpr std::size_t kCharacters = std::size_t{1} << 20U;

std::size_t characters_in(std::span<const ValueView> row) {
  std::size_t size = 0;
  for (const ValueView cell : row) {
    if (cell.has_characters()) size += cell.as_characters().size();
  }
  return size;
}

/// The most bytes that `row` takes in a message: an indicator for each value, and a length before
/// it where it is not of one size.
std::size_t most_bytes_of(std::span<const ValueView> row) {
  constexpr std::size_t longest_number = 13;  // a time of day, with its length
  constexpr std::size_t longest_length = 9;
  std::size_t size = 0;
  for (const ValueView cell : row) {
    size +=
        1 + (cell.has_characters() ? longest_length + cell.as_characters().size() : longest_number);
  }
  return size;
}

/// The same for what comes before the rows.
std::size_t most_bytes_of_head(std::size_t columns) {
  constexpr std::size_t fixed = 64;
  return fixed + 2 * columns;
}

/// `cell` with its characters at `room`.
ValueView moved_to(ValueView cell, const char* room) {
  const std::string_view characters(room, cell.as_characters().size());
  switch (cell.kind()) {
    case ValueKind::bytes:
      return ValueView::bytes(std::as_bytes(std::span(characters.data(), characters.size())));
    case ValueKind::decimal: return ValueView::decimal(characters);
    case ValueKind::json: return ValueView::json(characters);
    case ValueKind::uuid: return ValueView::uuid(characters);
    default: return ValueView::text(characters);
  }
}

bool is_same_type(const MYSQL_BIND& a, const MYSQL_BIND& b) noexcept {
  return a.buffer_type == b.buffer_type && a.is_unsigned == b.is_unsigned;
}

}  // namespace

Batch::Batch(std::span<const std::string_view> columns, std::size_t message_limit)
    : columns_(columns),
      types_(columns.size()),
      indicators_(columns.size()),
      capacity_(std::min(kCharacters, message_limit)),
      message_limit_(message_limit) {
  characters_.reset(new char[capacity_]);
  clear();
}

bool Batch::takes(std::span<const ValueView> row, std::size_t number) {
  binder_.bind_row(row, number, columns_);
  if (cells_.empty()) return true;
  if (rows() == kMostRows || characters_in(row) > capacity_ - used_) return false;
  if (message_ + most_bytes_of(row) >= message_limit_) return false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const MYSQL_BIND& bind = binder_.data()[i];
    const bool any =
        bind.buffer_type == MYSQL_TYPE_NULL || types_[i].buffer_type == MYSQL_TYPE_NULL;
    if (!any && !is_same_type(bind, types_[i])) return false;
  }
  return true;
}

void Batch::add(std::span<const ValueView> row) {
  if (const auto size = characters_in(row); size > capacity_) {
    characters_.reset(new char[size]);  // it has them to itself
    capacity_ = size;
  }
  message_ += most_bytes_of(row);
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (types_[i].buffer_type == MYSQL_TYPE_NULL) {
      types_[i].buffer_type = binder_.data()[i].buffer_type;
      types_[i].is_unsigned = binder_.data()[i].is_unsigned;
    }
    if (!row[i].has_characters()) {
      cells_.push_back(row[i]);
      continue;
    }
    const auto characters = row[i].as_characters();
    char* const room = characters_.get() + used_;
    if (!characters.empty()) std::memcpy(room, characters.data(), characters.size());
    used_ += characters.size();
    cells_.push_back(moved_to(row[i], room));
  }
}

void Batch::clear() noexcept {
  cells_.clear();
  used_ = 0;
  message_ = most_bytes_of_head(types_.size());
  for (MYSQL_BIND& type : types_) {
    type = {};
    type.buffer_type = MYSQL_TYPE_NULL;
  }
}

my_bool Batch::give(void* self, MYSQL_BIND* binds, unsigned int index) noexcept {
  Batch& batch = *static_cast<Batch*>(self);
  const std::size_t columns = batch.types_.size();
  batch.binder_.bind_row(std::span(batch.cells_).subspan(index * columns, columns), index,
                         batch.columns_);
  for (std::size_t i = 0; i < columns; ++i) {
    const MYSQL_BIND& bind = batch.binder_.data()[i];
    const bool is_null = bind.buffer_type == MYSQL_TYPE_NULL;
    batch.indicators_[i] = is_null ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
    binds[i].u.indicator = &batch.indicators_[i];
    binds[i].buffer = bind.buffer;
    binds[i].buffer_length = bind.buffer_length;
    binds[i].length_value = bind.length_value;
    binds[i].length = &binds[i].length_value;
  }
  return 0;
}

}  // namespace grant::mariadb
