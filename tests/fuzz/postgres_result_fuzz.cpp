// Whatever bytes a server sends for its types, cells are read, or refused by column.

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver/postgres/kept_rows.hpp"
#include "driver/postgres/result.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/read_all.hpp"

namespace grant::fuzz {
namespace {

using postgres::Columns;
using postgres::KeptRows;
using postgres::PostgresResult;
using postgres::ResultHandle;

constexpr std::size_t kMostColumns = 4;

/// Each byte of the input's head chooses a column's type; 0 ends the columns.
std::vector<PGresAttDesc> take_columns(std::string_view& input, int format) {
  // Those of types.hpp and of PostgreSQL 15, and one that nobody has.
  static constexpr std::array<Oid, 32> types{16,   17,   18,   19,   20,   21,   23,   25,
                                             26,   114,  700,  701,  705,  790,  829,  869,
                                             1000, 1005, 1007, 1009, 1016, 1022, 1042, 1043,
                                             1082, 1083, 1114, 1184, 1186, 1700, 2950, 3802};
  static std::string name = "a_column";
  std::vector<PGresAttDesc> columns;
  while (columns.size() < kMostColumns) {
    const auto choice = take_byte(input);
    if (choice == 0) break;
    PGresAttDesc column{};
    column.name = name.data();
    column.typid = choice == 255 ? 99'999 : types.at(choice % types.size());
    column.format = format;
    column.atttypmod = -1;
    columns.push_back(column);
  }
  return columns;
}

/// The rest of the input, cell by cell: a length, and so many bytes; 255 for null.
void fill(PGresult* result, std::string_view input, int columns) {
  for (int row = 0; !input.empty() && columns > 0; ++row) {
    for (int column = 0; column < columns; ++column) {
      const auto length = take_byte(input);
      auto value = std::string(input.substr(0, length == 255 ? 0 : length));
      input.remove_prefix(value.size());
      require(PQsetvalue(result, row, column, length == 255 ? nullptr : value.data(),
                         length == 255 ? -1 : static_cast<int>(value.size())) != 0,
              "libpq takes the value");
    }
  }
}

bool same(ValueView one, ValueView other) {
  if (one.kind() != other.kind()) return false;
  switch (one.kind()) {
    case ValueKind::null: return true;
    case ValueKind::boolean: return one.as_boolean() == other.as_boolean();
    case ValueKind::integer: return one.as_integer() == other.as_integer();
    case ValueKind::unsigned_integer:
      return one.as_unsigned_integer() == other.as_unsigned_integer();
    case ValueKind::real:
      return std::bit_cast<std::uint64_t>(one.as_real()) ==
             std::bit_cast<std::uint64_t>(other.as_real());
    case ValueKind::date: return one.as_date() == other.as_date();
    case ValueKind::time: return one.as_time() == other.as_time();
    case ValueKind::timestamp: return one.as_timestamp() == other.as_timestamp();
    case ValueKind::array: return std::ranges::equal(one.as_array(), other.as_array(), same);
    case ValueKind::text:
    case ValueKind::bytes:
    case ValueKind::json:
    case ValueKind::decimal:
    case ValueKind::uuid: return one.as_characters() == other.as_characters();
  }
  return false;
}

/// Empty, and `cell` set, or why it was refused.
std::string read(const Result& rows, std::size_t row, std::size_t column, ValueView& cell) {
  try {
    cell = rows.cell(row, column);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

void require_same(const Result& one, const Result& other) {
  require(one.row_count() == other.row_count(), "every row was copied");
  for (std::size_t row = 0; row < one.row_count(); ++row) {
    for (std::size_t column = 0; column < one.column_count(); ++column) {
      ValueView original;
      ValueView copy;
      require(read(one, row, column, original) == read(other, row, column, copy),
              "a copy is refused as the original");
      require(same(original, copy), "a copy is as the original");
    }
  }
}

}  // namespace

void try_input(std::string_view input) {
  const int format = take_byte(input) % 2;
  auto columns = take_columns(input, format);
  ResultHandle handle(PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK));
  require(handle != nullptr, "libpq has memory");
  if (!columns.empty()) {
    require(PQsetResultAttrs(handle.get(), static_cast<int>(columns.size()), columns.data()) != 0,
            "libpq takes the columns");
  }
  fill(handle.get(), input, static_cast<int>(columns.size()));
  auto described = Columns::of(handle.get(), "SELECT");
  described.format = static_cast<postgres::Format>(format);
  KeptRows copies(std::make_shared<Columns>(std::move(described)));
  copies.add(handle.get());
  const PostgresResult result(std::move(handle));
  require(result.column_count() == columns.size(), "every column is there");
  require(result.affected_rows() == 0, "no rows were changed");
  require_same(result, copies);
  read_all(copies);
  copies.clear();
  require(copies.row_count() == 0, "what is cleared is gone");
}

}  // namespace grant::fuzz
