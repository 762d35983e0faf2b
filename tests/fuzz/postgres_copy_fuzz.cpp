// Whatever a server sends as a COPY, rows are read, refused cell by cell, or refused as a whole.

#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "driver/postgres/copied_rows.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/read_all.hpp"

namespace grant::fuzz {
namespace {

using postgres::CopiedRows;
using postgres::CopyData;
using postgres::Prepared;

/// Each byte of the input's head chooses a column's type; 0 ends the columns.
Prepared take_query(std::string_view& input) {
  static constexpr std::array<Oid, 16> types{16,   17,   20,   21,   23,   25,   701,  1007,
                                             1009, 1082, 1083, 1184, 1231, 1700, 2950, 3802};
  constexpr std::size_t most_columns = 4;
  Prepared query;
  while (query.column_types.size() < most_columns) {
    const auto choice = take_byte(input);
    if (choice == 0) break;
    query.column_types.push_back(types.at(choice % types.size()));
    query.column_names.emplace_back("a_column");
  }
  return query;
}

/// In memory of its own, so that a read past its end shows.
CopyData message_of(std::string_view bytes) {
  auto* const memory = static_cast<char*>(std::malloc(bytes.empty() ? 1 : bytes.size()));
  require(memory != nullptr, "there is memory");
  if (!bytes.empty()) std::memcpy(memory, bytes.data(), bytes.size());
  return CopyData(memory);
}

}  // namespace

/// The rest of the input is messages: two bytes of length, and so many bytes.
void try_input(std::string_view input) {
  CopiedRows rows(take_query(input));
  while (!input.empty()) {
    const std::size_t high = take_byte(input);
    const std::size_t length = high * 256 + take_byte(input);
    const auto bytes = input.substr(0, length);
    input.remove_prefix(bytes.size());
    if (!rows.add(message_of(bytes), bytes.size())) return;
    read_all(rows);
    if (rows.row_count() > 16) rows.clear();
  }
}

}  // namespace grant::fuzz
