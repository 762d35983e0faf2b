#include "result.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <new>
#include <optional>

#include "driver/kept.hpp"
#include "grant/core/date.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/core/uuid.hpp"

namespace grant::sqlite {
namespace {

/// What SQLite gave: a null pointer is its way to say that memory ran out.
std::string_view characters(const void* first, int size) {
  if (size == 0) return "";
  if (first == nullptr) throw std::bad_alloc();
  return {static_cast<const char*>(first), static_cast<std::size_t>(size)};
}

/// Whether `text`, which parse_timestamp() reads, is what format_timestamp() writes of it: without
/// making that, which costs more than reading.
bool is_as_written(std::string_view text) noexcept {
  constexpr std::string_view form = "2026-11-23 11:26:41.000042";
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() == form.size() && text[10] == ' ' && text[19] == '.' &&
         std::ranges::all_of(text.substr(20), is_digit) && text[17] < '6';  // no leap second
}

}  // namespace

void SqliteResult::add_row(sqlite3_stmt* statement) {
  const std::size_t count = columns_->declared.size();
  const auto cells = cells_.append(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Nobody else uses the connection now, so values need no protection of their own.
    sqlite3_value* const value = sqlite3_column_value(statement, static_cast<int>(i));
    const auto cell = cells[i] = copied(value, columns_->declared[i]);
    size_ += sizeof cell + (cell.has_characters() ? cell.as_characters().size() : 0);
  }
  ++rows_;
}

ValueView SqliteResult::copied(sqlite3_value* value, Declared declared) {
  const int stored = sqlite3_value_type(value);
  if (stored == SQLITE_NULL) return {};
  if (stored == SQLITE_BLOB) {
    const void* const bytes = sqlite3_value_blob(value);
    const auto all = kept(arena_, characters(bytes, sqlite3_value_bytes(value)));
    if (declared == Declared::uuid && all.size() == Uuid::kSize) return ValueView::uuid(all);
    return ValueView::bytes(std::as_bytes(std::span(all.data(), all.size())));
  }
  // A JSON document that is a number may have been stored as one.
  if (stored == SQLITE_TEXT || declared == Declared::json) {
    const auto* const text = sqlite3_value_text(value);
    return from_text(characters(text, sqlite3_value_bytes(value)), declared);
  }
  if (stored == SQLITE_FLOAT) return from_real(sqlite3_value_double(value), declared);
  const auto number = sqlite3_value_int64(value);
  if (declared == Declared::boolean && (number == 0 || number == 1)) {
    return ValueView::boolean(number == 1);
  }
  // Rows of RETURNING are seen before the column makes a real of an integer.
  if (declared == Declared::real) return ValueView::real(static_cast<double>(number));
  return ValueView::integer(number);
}

/// A column of decimals that is not also one of text turns them into numbers: the shortest text
/// that gives the number is what was written, up to 15 digits (https://sqlite.org/datatype3.html).
ValueView SqliteResult::from_real(double number, Declared declared) {
  if (declared != Declared::decimal || !std::isfinite(number)) return ValueView::real(number);
  std::array<char, 1100> text;  // a double has at most 1,077 characters
  const auto written =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return ValueView::decimal(kept(arena_, std::string_view(text.data(), written.ptr)));
}

/// As the declared type has it where Grant would write it so, and as text otherwise: any column
/// takes any text, and a member that wants the text gets it as it is.
ValueView SqliteResult::from_text(std::string_view text, Declared declared) {
  switch (declared) {
    case Declared::json: return ValueView::json(kept(arena_, text));
    case Declared::decimal:
      if (const auto number = Decimal::parse(text); number && number->text() == text) {
        return ValueView::decimal(kept(arena_, text));
      }
      break;
    case Declared::date:
      if (const auto date = parse_date(text); date && format_date(*date) == text) {
        return ValueView::date(*date);
      }
      break;
    case Declared::time:
      if (const auto time = parse_time(text); time && format_time(*time) == text) {
        return ValueView::time(*time);
      }
      break;
    case Declared::timestamp:
      if (const auto time = parse_timestamp(text); time && is_as_written(text)) {
        return ValueView::timestamp(*time);
      }
      break;
    case Declared::uuid:
      if (const auto uuid = Uuid::parse(text); uuid && uuid->to_string() == text) {
        return ValueView::uuid(kept(arena_, ValueView::uuid(*uuid).as_characters()));
      }
      break;
    case Declared::other:
    case Declared::boolean:
    case Declared::real: break;
  }
  return ValueView::text(kept(arena_, text));
}

void SqliteResult::clear() noexcept {
  cells_.clear();
  arena_.release();
  rows_ = 0;
  size_ = 0;
}

void SqliteResult::row(std::size_t row, std::span<ValueView> cells) const {
  assert(row < rows_ && cells.size() == column_count());
  cells_.copy_row(row, cells);
}

std::size_t SqliteResult::column_count() const noexcept {
  return columns_ ? columns_->names.size() : 0;
}

std::string_view SqliteResult::column_name(std::size_t column) const noexcept {
  assert(column < column_count());
  return columns_->names[column];
}

ValueView SqliteResult::cell(std::size_t row, std::size_t column) const {
  assert(row < rows_ && column < column_count());
  return cells_[row * columns_->names.size() + column];
}

}  // namespace grant::sqlite
