#include "columns.hpp"

#include <algorithm>
#include <array>

#include "decode.hpp"

namespace grant::postgres {
namespace {

bool has_characters(Oid type) {
  switch (kind_of(type)) {
    case ValueKind::boolean:
    case ValueKind::integer:
    case ValueKind::real:
    case ValueKind::date:
    case ValueKind::time:
    case ValueKind::timestamp: return false;
    default: return true;
  }
}

/// Whether the server refuses to run `sql` when its columns are not what they were. One that starts
/// with a comment is not looked into.
bool is_plain_query(std::string_view sql) {
  const auto start = sql.find_first_not_of(" \t\r\n\f(");
  if (start == std::string_view::npos) return false;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::string word;
  for (const char c : sql.substr(start)) {
    if (!is_letter(c)) break;
    word += static_cast<char>(c & ~0x20);  // in upper case
  }
  static constexpr std::array<std::string_view, 8> plain{"SELECT", "INSERT", "UPDATE", "DELETE",
                                                         "WITH",   "VALUES", "MERGE",  "TABLE"};
  return std::ranges::find(plain, word) != plain.end();
}

}  // namespace

Columns Columns::of(const PGresult* description, std::string_view sql) {
  Columns columns;
  columns.fixed = is_plain_query(sql);
  if (!columns.fixed) columns.format = Format::text;
  for (int i = 0; i < PQnfields(description); ++i) {
    const Oid type = PQftype(description, i);
    columns.all.push_back({type, has_characters(type), PQfname(description, i)});
    if (kind_of(type) == ValueKind::null) columns.format = Format::text;
  }
  columns.note_memory();
  return columns;
}

Columns Columns::of_rows(const PGresult* rows) {
  Columns columns;
  const int count = PQnfields(rows);
  if (count > 0) columns.format = static_cast<Format>(PQfformat(rows, 0));  // of all, as asked for
  columns.all.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const Oid type = PQftype(rows, i);
    columns.all.push_back({type, has_characters(type), PQfname(rows, i)});
  }
  columns.note_memory();
  return columns;
}

void Columns::note_memory() noexcept {
  need_memory = std::ranges::any_of(
      all, [this](const Column& column) { return needs_memory(column.type, format); });
}

Columns Columns::unknown() {
  Columns columns;
  columns.known = false;
  columns.format = Format::text;
  return columns;
}

bool Columns::fit(const PGresult* rows) const noexcept {
  if (static_cast<std::size_t>(PQnfields(rows)) != all.size()) return false;
  for (int i = 0; const auto& column : all) {
    if (PQftype(rows, i) != column.type || column.name != PQfname(rows, i)) return false;
    ++i;
  }
  return true;
}

}  // namespace grant::postgres
