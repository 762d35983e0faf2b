// Whatever values a server sends for its types, cells are read, or refused by column.

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "driver/mariadb/handles.hpp"
#include "driver/mariadb/result.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/read_all.hpp"

namespace grant::fuzz {
namespace {

using mariadb::kBinaryCharset;
using mariadb::MariadbResult;

constexpr std::size_t kMostColumns = 4;
constexpr unsigned int kUtf8 = 45;
constexpr unsigned char kNull = 255;

struct Type {
  enum_field_types type{};
  unsigned long length = 20;
  unsigned int charset = kBinaryCharset;
  unsigned int flags = 0;
  const char* name = nullptr;    ///< "uuid"
  const char* format = nullptr;  ///< "json"
};

/// Those that servers send, and those that only their protocol knows.
constexpr std::array<Type, 36> kTypes{{
    {MYSQL_TYPE_TINY, 1},
    {MYSQL_TYPE_TINY, 4},
    {MYSQL_TYPE_TINY, 3, kBinaryCharset, UNSIGNED_FLAG},
    {MYSQL_TYPE_SHORT},
    {MYSQL_TYPE_SHORT, 5, kBinaryCharset, UNSIGNED_FLAG},
    {MYSQL_TYPE_INT24},
    {MYSQL_TYPE_INT24, 8, kBinaryCharset, UNSIGNED_FLAG},
    {MYSQL_TYPE_LONG},
    {MYSQL_TYPE_LONG, 10, kBinaryCharset, UNSIGNED_FLAG},
    {MYSQL_TYPE_LONGLONG},
    {MYSQL_TYPE_LONGLONG, 20, kBinaryCharset, UNSIGNED_FLAG},
    {MYSQL_TYPE_YEAR, 4, kBinaryCharset, UNSIGNED_FLAG | ZEROFILL_FLAG},
    {MYSQL_TYPE_FLOAT},
    {MYSQL_TYPE_DOUBLE},
    {MYSQL_TYPE_DECIMAL},
    {MYSQL_TYPE_NEWDECIMAL},
    {MYSQL_TYPE_DATE},
    {MYSQL_TYPE_TIME},
    {MYSQL_TYPE_DATETIME},
    {MYSQL_TYPE_TIMESTAMP},
    {MYSQL_TYPE_BIT},
    {MYSQL_TYPE_GEOMETRY},
    {MYSQL_TYPE_VARCHAR, 20, kUtf8},
    {MYSQL_TYPE_VAR_STRING, 20, kUtf8},
    {MYSQL_TYPE_VAR_STRING},
    {MYSQL_TYPE_STRING, 20, kUtf8},
    {MYSQL_TYPE_STRING, 36, kUtf8, 0, "uuid"},
    {MYSQL_TYPE_STRING, 39, kUtf8, 0, "inet6"},
    {MYSQL_TYPE_BLOB},
    {MYSQL_TYPE_BLOB, 20, kUtf8},
    {MYSQL_TYPE_LONG_BLOB, 20, kUtf8, 0, nullptr, "json"},
    {MYSQL_TYPE_MEDIUM_BLOB, 20, kUtf8},
    {MYSQL_TYPE_TINY_BLOB},
    {MYSQL_TYPE_ENUM, 20, kUtf8},
    {MYSQL_TYPE_SET, 20, kUtf8},
    {MYSQL_TYPE_NEWDATE},
}};

using Attributes = std::array<MARIADB_CONST_STRING, MARIADB_FIELD_ATTR_LAST + 1>;

MARIADB_CONST_STRING attribute(const char* text) noexcept {
  return {text, text == nullptr ? 0 : std::strlen(text)};
}

struct Columns {
  std::vector<MYSQL_FIELD> fields{};
  std::vector<Attributes> attributes{};

  [[nodiscard]] unsigned int count() const { return static_cast<unsigned int>(fields.size()); }
};

/// Each byte of the input's head chooses a column's type; 0 ends the columns.
Columns take_columns(std::string_view& input) {
  static std::string name = "a_column";
  Columns columns;
  while (columns.fields.size() < kMostColumns) {
    const auto choice = take_byte(input);
    if (choice == 0) break;
    const Type& type = kTypes.at(choice % kTypes.size());
    MYSQL_FIELD field{};
    field.name = name.data();
    field.name_length = static_cast<unsigned int>(name.size());
    field.type = type.type;
    field.length = type.length;
    field.charsetnr = type.charset;
    field.flags = type.flags;
    columns.fields.push_back(field);
    columns.attributes.push_back({attribute(type.name), attribute(type.format)});
  }
  for (std::size_t i = 0; i < columns.fields.size(); ++i) {
    columns.fields[i].extension = columns.attributes[i].data();  // where libmariadb has them
  }
  return columns;
}

/// So many bytes, zeros where the input has no more.
std::string take(std::string_view& input, std::size_t size) {
  std::string bytes(input.substr(0, size));
  input.remove_prefix(bytes.size());
  bytes.resize(size);
  return bytes;
}

/// How long values of `type` are in the binary protocol; 0: each says so itself.
std::size_t width_of(enum_field_types type) noexcept {
  switch (type) {
    case MYSQL_TYPE_TINY: return 1;
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_YEAR: return 2;
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_FLOAT: return 4;
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_DOUBLE: return 8;
    default: return 0;
  }
}

/// What a value of `type` is as long as: a time has parts that may be left out.
std::size_t length_of(enum_field_types type, unsigned char length) noexcept {
  static constexpr std::array<std::size_t, 4> dates{0, 4, 7, 11};
  static constexpr std::array<std::size_t, 3> times{0, 8, 12};
  switch (type) {
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP: return dates.at(length % dates.size());
    case MYSQL_TYPE_TIME: return times.at(length % times.size());
    default: return length;
  }
}

/// A row as the binary protocol has it: a zero, a bit for each null, and the other values.
/// libmariadb trusts their lengths, so these are right.
std::string binary_row(const Columns& columns, std::string_view& input) {
  std::string row(1 + (columns.fields.size() + 9) / 8, '\0');
  for (std::size_t i = 0; i < columns.fields.size(); ++i) {
    const auto type = columns.fields[i].type;
    const auto length = take_byte(input);
    if (length == kNull) {
      row[1 + (i + 2) / 8] = static_cast<char>(row[1 + (i + 2) / 8] | 1 << ((i + 2) % 8));
    } else if (const auto width = width_of(type); width > 0) {
      row += take(input, width);
    } else {
      const auto size = length_of(type, length);
      if (size > 250) row.append("\xfc", 1);  // two bytes of length follow
      row += static_cast<char>(size);
      if (size > 250) row += '\0';
      row += take(input, size);
    }
  }
  return row;
}

struct Rows {
  std::vector<std::unique_ptr<char[]>> bytes{};  // of each row, so that a read past its end shows
  std::vector<std::size_t> sizes{};
  std::size_t next = 0;
};

/// What libmariadb calls for each row of a statement. Some versions ask for its length too.
template <class... Length>
int next_row(MYSQL_STMT* statement, unsigned char** row, Length*... length) {
  Rows& rows = *static_cast<Rows*>(statement->user_data);
  require(rows.next < rows.bytes.size(), "no more rows are read than there are");
  *row = reinterpret_cast<unsigned char*>(rows.bytes[rows.next].get());
  ((*length = rows.sizes[rows.next]), ...);
  ++rows.next;
  statement->state = MYSQL_STMT_USER_FETCHING;
  return 0;
}

void read_binary(Columns& columns, std::string_view input) {
  if (columns.count() == 0) return;
  Rows rows;
  while (!input.empty()) {
    const auto row = binary_row(columns, input);
    rows.bytes.emplace_back(new char[row.size()]);
    std::memcpy(rows.bytes.back().get(), row.data(), row.size());
    rows.sizes.push_back(row.size());
  }
  const mariadb::ConnectionHandle connection(mysql_init(nullptr));
  require(connection != nullptr, "libmariadb has memory");
  const mariadb::StatementHandle statement(mysql_stmt_init(connection.get()));
  require(statement != nullptr, "libmariadb has memory");
  statement->fields = columns.fields.data();
  statement->field_count = columns.count();
  statement->result.rows = rows.bytes.size();
  statement->user_data = &rows;
  statement->fetch_row_func = next_row;
  statement->state = MYSQL_STMT_USE_OR_STORE_CALLED;
  const auto result = mariadb::RowReader(statement.get()).read_all(false);
  statement->state = MYSQL_STMT_INITTED;  // no server has to be told that it is closed
  if (!result) return;
  require(result->row_count() == rows.bytes.size(), "every row is there");
  require(result->column_count() == columns.fields.size(), "every column is there");
  read_all(*result);
}

/// A row as libmariadb has it in the text protocol: where each value starts, and where the one
/// after the last would; a NUL ends each.
struct TextRow {
  std::string characters{};
  std::vector<char*> starts{};
  MYSQL_ROWS row{};
};

void take_text_row(const Columns& columns, std::string_view& input, TextRow& out) {
  std::vector<std::size_t> starts;
  for (unsigned int i = 0; i < columns.count(); ++i) {
    const auto length = take_byte(input);
    starts.push_back(length == kNull ? std::string::npos : out.characters.size());
    if (length == kNull) continue;
    const auto value = input.substr(0, length);
    input.remove_prefix(value.size());
    out.characters += value;
    out.characters += '\0';
  }
  for (const auto start : starts) {
    out.starts.push_back(start == std::string::npos ? nullptr : out.characters.data() + start);
  }
  out.starts.push_back(out.characters.data() + out.characters.size());
  out.row.data = out.starts.data();
}

void read_text(Columns& columns, std::string_view input) {
  std::vector<std::unique_ptr<TextRow>> rows;
  while (!input.empty() && columns.count() > 0) {
    rows.push_back(std::make_unique<TextRow>());
    take_text_row(columns, input, *rows.back());
    if (rows.size() > 1) rows[rows.size() - 2]->row.next = &rows.back()->row;
  }
  std::vector<unsigned long> lengths(columns.fields.size() + 1);
  MYSQL_DATA data{};
  data.data = rows.empty() ? nullptr : &rows.front()->row;
  data.rows = rows.size();
  MYSQL_RES answer{};
  answer.row_count = rows.size();
  answer.field_count = columns.count();
  answer.fields = columns.fields.data();
  answer.data = &data;
  answer.data_cursor = data.data;
  answer.lengths = lengths.data();
  const MariadbResult result(&answer, false);
  require(result.row_count() == rows.size(), "every row is there");
  require(result.column_count() == columns.fields.size(), "every column is there");
  read_all(result);
}

}  // namespace

/// A byte for the protocol, the columns, and the rest cell by cell: a length, and so many bytes;
/// 255 for null.
void try_input(std::string_view input) {
  const bool binary = take_byte(input) % 2 != 0;
  auto columns = take_columns(input);
  binary ? read_binary(columns, input) : read_text(columns, input);
}

}  // namespace grant::fuzz
