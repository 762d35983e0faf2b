// Whatever a column was declared as and whatever is stored in it, cells are read.

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "driver/sqlite/handles.hpp"
#include "driver/sqlite/result.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/read_all.hpp"

namespace grant::fuzz {
namespace {

using sqlite::Columns;
using sqlite::Database;
using sqlite::declared_kind;
using sqlite::SqliteResult;
using sqlite::StatementHandle;

constexpr std::size_t kMostColumns = 4;

Database open() {
  sqlite3* database = nullptr;
  require(sqlite3_open(":memory:", &database) == SQLITE_OK, "SQLite has memory");
  return Database(database);
}

StatementHandle prepare(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  require(sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK,
          "SQLite takes the statement");
  return StatementHandle(statement);
}

/// The head of the input, up to an empty one, has the declared types, each up to a NUL.
std::shared_ptr<const Columns> take_columns(std::string_view& input) {
  auto columns = std::make_shared<Columns>();
  while (columns->names.size() < kMostColumns) {
    const std::string type(take_until(input, '\0'));
    if (type.empty()) break;
    columns->names.emplace_back("a_column");
    columns->declared.push_back(declared_kind(type == "none" ? nullptr : type.c_str()));
  }
  return columns;
}

std::int64_t take_number(std::string_view& input) {
  std::int64_t number = 0;
  const auto bytes = input.substr(0, sizeof number);
  if (!bytes.empty()) std::memcpy(&number, bytes.data(), bytes.size());
  input.remove_prefix(bytes.size());
  return number;
}

/// A byte for what is stored, and its bytes; text and blobs have their length before them.
int bind_next(sqlite3_stmt* statement, int place, std::string_view& input) {
  const auto choice = take_byte(input);
  switch (choice % 5) {
    case 0: return sqlite3_bind_null(statement, place);
    case 1: return sqlite3_bind_int64(statement, place, take_number(input));
    case 2: {
      const auto bits = take_number(input);
      double real = 0;
      std::memcpy(&real, &bits, sizeof real);
      return sqlite3_bind_double(statement, place, real);
    }
    default: break;
  }
  const auto length = take_byte(input);
  const auto bytes = input.substr(0, length);
  input.remove_prefix(bytes.size());
  const auto size = static_cast<int>(bytes.size());
  const char* const first = bytes.empty() ? "" : bytes.data();
  return choice % 5 == 3 ? sqlite3_bind_text(statement, place, first, size, SQLITE_TRANSIENT)
                         : sqlite3_bind_blob(statement, place, first, size, SQLITE_TRANSIENT);
}

}  // namespace

void try_input(std::string_view input) {
  static const Database database = open();
  static const std::array<StatementHandle, kMostColumns> statements{
      prepare(database.get(), "SELECT ?1"), prepare(database.get(), "SELECT ?1, ?2"),
      prepare(database.get(), "SELECT ?1, ?2, ?3"),
      prepare(database.get(), "SELECT ?1, ?2, ?3, ?4")};
  const auto columns = take_columns(input);
  const auto count = columns->names.size();
  if (count == 0) return;
  sqlite3_stmt* const statement = statements.at(count - 1).get();
  SqliteResult result;
  result.set_columns(columns);
  std::size_t rows = 0;
  for (; !input.empty() && rows < 16; ++rows) {
    const sqlite::ResetScope reset(statement);
    for (int place = 1; place <= static_cast<int>(count); ++place) {
      require(bind_next(statement, place, input) == SQLITE_OK, "SQLite takes the value");
    }
    require(sqlite3_step(statement) == SQLITE_ROW, "there is a row");
    result.add_row(statement);
  }
  require(result.row_count() == rows, "every row is there");
  read_all(result);
}

}  // namespace grant::fuzz
