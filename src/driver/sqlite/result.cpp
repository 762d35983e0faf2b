#include "driver/sqlite/result.hpp"

#include <cassert>
#include <cstring>
#include <new>
#include <string_view>

#include "grant/core/timestamp.hpp"

namespace grant::sqlite {
namespace {

/// Whether `text` starts with the upper-case `prefix`, in any case.
bool starts_with_word(std::string_view text, std::string_view prefix) noexcept {
  if (text.size() < prefix.size()) return false;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const char c = text[i];
    if ((c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c) != prefix[i]) return false;
  }
  return true;
}

}  // namespace

Declared declared_kind(const char* type) noexcept {
  if (type == nullptr) return Declared::other;
  if (starts_with_word(type, "BOOL")) return Declared::boolean;
  for (const auto* const real : {"REAL", "DOUBLE", "FLOAT"}) {
    if (starts_with_word(type, real)) return Declared::real;
  }
  if (starts_with_word(type, "TIMESTAMP") || starts_with_word(type, "DATETIME")) {
    return Declared::timestamp;
  }
  if (starts_with_word(type, "JSON")) return Declared::json;
  return Declared::other;
}

std::shared_ptr<const Columns> Columns::of(sqlite3_stmt* statement) {
  auto columns = std::make_shared<Columns>();
  const int count = sqlite3_column_count(statement);
  for (int column = 0; column < count; ++column) {
    const char* const name = sqlite3_column_name(statement, column);
    if (name == nullptr) throw std::bad_alloc();
    columns->names.emplace_back(name);
    columns->declared.push_back(declared_kind(sqlite3_column_decltype(statement, column)));
  }
  return columns;
}

void BufferedResult::add_row(sqlite3_stmt* statement) {
  int column = 0;
  for (const Declared declared : columns_->declared) {
    cells_.push_back(copied(statement, column++, declared));
  }
  ++rows_;
}

ValueView BufferedResult::copied(sqlite3_stmt* statement, int column, Declared declared) {
  const int stored = sqlite3_column_type(statement, column);
  if (stored == SQLITE_NULL) return {};
  if (stored == SQLITE_BLOB) {
    const void* const bytes = sqlite3_column_blob(statement, column);
    const auto all = kept(bytes, sqlite3_column_bytes(statement, column));
    return ValueView::bytes(std::as_bytes(std::span(all.data(), all.size())));
  }
  // A JSON document that is a number may have been stored as one.
  if (stored == SQLITE_TEXT || declared == Declared::json) {
    const auto* const text = sqlite3_column_text(statement, column);
    const int size = sqlite3_column_bytes(statement, column);
    if (declared == Declared::timestamp) {
      const std::string_view characters(reinterpret_cast<const char*>(text),
                                        static_cast<std::size_t>(size));
      if (const auto time = parse_timestamp(characters)) return ValueView::timestamp(*time);
    }
    const auto characters = kept(text, size);
    return declared == Declared::json ? ValueView::json(characters) : ValueView::text(characters);
  }
  if (stored == SQLITE_FLOAT) return ValueView::real(sqlite3_column_double(statement, column));
  const auto number = sqlite3_column_int64(statement, column);
  if (declared == Declared::boolean && (number == 0 || number == 1)) {
    return ValueView::boolean(number == 1);
  }
  // Rows of RETURNING are seen before the column makes a real of an integer.
  if (declared == Declared::real) return ValueView::real(static_cast<double>(number));
  return ValueView::integer(number);
}

std::string_view BufferedResult::kept(const void* characters, int size) {
  if (size == 0) return "";
  if (characters == nullptr) throw std::bad_alloc();  // SQLite's way to say so
  const auto length = static_cast<std::size_t>(size);
  auto* const room = static_cast<char*>(arena_.allocate(length, 1));
  std::memcpy(room, characters, length);
  return {room, length};
}

std::size_t BufferedResult::column_count() const noexcept {
  return columns_ ? columns_->names.size() : 0;
}

std::string_view BufferedResult::column_name(std::size_t column) const noexcept {
  assert(column < column_count());
  return columns_->names[column];
}

ValueView BufferedResult::cell(std::size_t row, std::size_t column) const {
  assert(row < rows_ && column < column_count());
  return cells_[row * columns_->names.size() + column];
}

}  // namespace grant::sqlite
