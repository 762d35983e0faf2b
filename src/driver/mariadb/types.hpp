#pragma once

#include <mysql.h>

#include <string_view>

#include "grant/core/value.hpp"

namespace grant::mariadb {

/// Messages that are shorter no server refuses for their length: its buffers are of this size,
/// unless it was told otherwise.
inline constexpr std::size_t kTakenByAll = std::size_t{16} * 1024;

/// The character set number of what is no text.
inline constexpr unsigned int kBinaryCharset = 63;

/// What servers since 10.5 say of a type that others would only know as text.
[[nodiscard]] inline std::string_view attribute(const MYSQL_FIELD& field,
                                                mariadb_field_attr_t which) noexcept {
  MARIADB_CONST_STRING text{};
  if (mariadb_field_attr(&text, &field, which) != 0) return {};
  return {text.str, text.length};
}

[[nodiscard]] inline bool is_json(const MYSQL_FIELD& field) noexcept {
  return attribute(field, MARIADB_FIELD_ATTR_FORMAT_NAME) == "json";
}

[[nodiscard]] inline bool is_uuid(const MYSQL_FIELD& field) noexcept {
  return attribute(field, MARIADB_FIELD_ATTR_DATA_TYPE_NAME) == "uuid";
}

/// The kind that cells of `field` have, unless they are null; types that Grant has no kind for are
/// text.
[[nodiscard]] inline ValueKind kind_of(const MYSQL_FIELD& field) noexcept {
  switch (field.type) {
    case MYSQL_TYPE_TINY:
      // BOOLEAN is tinyint(1). Other numbers than 0 and 1 in it are integers all the same.
      return field.length == 1 ? ValueKind::boolean : ValueKind::integer;
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR: return ValueKind::integer;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE: return ValueKind::real;
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL: return ValueKind::decimal;
    case MYSQL_TYPE_DATE: return ValueKind::date;
    case MYSQL_TYPE_TIME: return ValueKind::time;
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP: return ValueKind::timestamp;
    case MYSQL_TYPE_BIT:
    case MYSQL_TYPE_GEOMETRY: return ValueKind::bytes;
    case MYSQL_TYPE_VARCHAR:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_STRING:
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
    case MYSQL_TYPE_BLOB:
      if (is_json(field)) return ValueKind::json;
      if (is_uuid(field)) return ValueKind::uuid;
      return field.charsetnr == kBinaryCharset ? ValueKind::bytes : ValueKind::text;
    default: return ValueKind::text;
  }
}

}  // namespace grant::mariadb
