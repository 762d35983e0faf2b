#include <algorithm>

#include "columns.hpp"

namespace grant::mariadb {
namespace {

std::string_view name_of(const MYSQL_FIELD& field) { return {field.name, field.name_length}; }

bool is_unsigned(const MYSQL_FIELD& field) { return (field.flags & UNSIGNED_FLAG) != 0; }

/// The server says nothing of columns that are what they were, and libmariadb then copies what it
/// has. Of what tells a uuid, or JSON, from a text it may copy no more than that there is
/// something.
bool is_copy(const MYSQL_FIELD& field) {
  return field.extension != nullptr &&
         attribute(field, MARIADB_FIELD_ATTR_DATA_TYPE_NAME).empty() &&
         attribute(field, MARIADB_FIELD_ATTR_FORMAT_NAME).empty();
}

std::span<const MYSQL_FIELD> fields_of(MYSQL_STMT* statement) {
  return {mariadb_stmt_fetch_fields(statement), mysql_stmt_field_count(statement)};
}

/// What the server said last about the columns of `statement`: empty when it said nothing new.
/// libmariadb takes over their types from there, and neither their names nor what makes a uuid, or
/// JSON, of a text.
std::span<const MYSQL_FIELD> new_fields(MYSQL_STMT* statement) {
  const MYSQL* connection = statement->mysql;
  const unsigned int count = mysql_stmt_field_count(statement);
  if (connection->field_count != count || connection->fields == nullptr) return {};
  return {connection->fields, count};
}

}  // namespace

Columns::Columns(std::span<const MYSQL_FIELD> fields) {
  columns_.reserve(fields.size());
  for (const MYSQL_FIELD& field : fields) {
    columns_.push_back({.name = std::string(name_of(field)),
                        .type = field.type,
                        .kind = kind_of(field),
                        .is_unsigned = is_unsigned(field)});
  }
}

Columns::Columns(MYSQL_STMT* statement) : Columns(fields_of(statement)) {
  const auto now = new_fields(statement);
  for (std::size_t i = 0; i < now.size(); ++i) {
    Column& column = columns_[i];
    const auto kind = is_copy(now[i]) ? column.kind : kind_of(now[i]);
    changed_ = changed_ || column.name != name_of(now[i]) || column.kind != kind;
    column.name = name_of(now[i]);
    column.kind = kind;
  }
}

bool Columns::fit(MYSQL_STMT* statement) const {
  const auto same = [](const MYSQL_FIELD& field, const Column& column) {
    return field.type == column.type && is_unsigned(field) == column.is_unsigned;
  };
  const auto same_now = [](const MYSQL_FIELD& field, const Column& column) {
    return name_of(field) == column.name && (is_copy(field) || kind_of(field) == column.kind);
  };
  const auto now = new_fields(statement);
  return std::ranges::equal(fields_of(statement), columns_, same) &&
         (now.empty() || std::ranges::equal(now, columns_, same_now));
}

}  // namespace grant::mariadb
