#include "grant/query/dialect.hpp"

#include <fmt/format.h>

#include <cmath>

#include "driver/identifier.hpp"
#include "grant/core/error.hpp"

namespace grant::dialect {
namespace {

/// The placeholders of one statement: 16 bits of the protocols.
constexpr std::size_t kCountedInProtocol = 65'535;

struct TypeNames {
  std::string_view boolean, integer, unsigned_integer, real, decimal, text, bytes, date, time,
      timestamp, uuid, json;

  [[nodiscard]] std::string_view of(ValueKind kind) const {
    switch (kind) {
      case ValueKind::boolean: return boolean;
      case ValueKind::integer: return integer;
      case ValueKind::unsigned_integer: return unsigned_integer;
      case ValueKind::real: return real;
      case ValueKind::decimal: return decimal;
      case ValueKind::bytes: return bytes;
      case ValueKind::date: return date;
      case ValueKind::time: return time;
      case ValueKind::timestamp: return timestamp;
      case ValueKind::uuid: return uuid;
      case ValueKind::json: return json;
      case ValueKind::null:
      case ValueKind::array:
      case ValueKind::text: break;
    }
    return text;
  }
};

constexpr TypeNames kPostgres{
    .boolean = "boolean",
    .integer = "bigint",
    .unsigned_integer = "numeric(20)",
    .real = "double precision",
    .decimal = "numeric",
    .text = "text",
    .bytes = "bytea",
    .date = "date",
    .time = "time",
    .timestamp = "timestamptz",
    .uuid = "uuid",
    .json = "jsonb",
};
constexpr TypeNames kMariadb{
    .boolean = "BOOLEAN",
    .integer = "BIGINT",
    .unsigned_integer = "BIGINT UNSIGNED",
    .real = "DOUBLE",
    .decimal = "DECIMAL(65,30)",  // the largest
    .text = "LONGTEXT",
    .bytes = "LONGBLOB",
    .date = "DATE",
    .time = "TIME(6)",
    .timestamp = "DATETIME(6)",
    .uuid = "UUID",
    .json = "JSON",
};
// What SQLite keeps as text must have TEXT in its type, or digits would become numbers.
constexpr TypeNames kSqlite{
    .boolean = "BOOLEAN",
    .integer = "INTEGER",
    .unsigned_integer = "INTEGER",
    .real = "REAL",
    .decimal = "DECIMAL TEXT",
    .text = "TEXT",
    .bytes = "BLOB",
    .date = "DATE TEXT",
    .time = "TIME TEXT",
    .timestamp = "TIMESTAMP",
    .uuid = "UUID TEXT",
    .json = "JSON TEXT",
};

std::string type_of(Adapter adapter, const ColumnInfo& column) {
  if (column.kind == ValueKind::array) {
    if (adapter == Adapter::postgres) return array_type(column.element_kind);
    throw_error(Errc::invalid_argument,
                fmt::format("column \"{}\" is an array, which {} does not have", column.name,
                            to_string(adapter)));
  }
  switch (adapter) {
    case Adapter::postgres: return std::string(kPostgres.of(column.kind));
    case Adapter::sqlite: return std::string(kSqlite.of(column.kind));
    case Adapter::mariadb: break;
  }
  // MariaDB indexes no text without a length.
  const bool indexed = column.unique || column.primary_key;
  if (column.kind == ValueKind::text && indexed) return "VARCHAR(255)";
  return std::string(kMariadb.of(column.kind));
}

/// ` DEFAULT …` for what a new record starts with, so that a row that leaves the column out is like
/// one; empty for what has no plain form on all engines.
std::string default_of(Adapter adapter, const ColumnInfo& column) {
  if (column.initial == nullptr || column.primary_key || column.unique || column.generated)
    return "";
  Params params;
  column.initial(params);
  const auto value = params.views()[0];
  switch (value.kind()) {
    case ValueKind::boolean: return value.as_boolean() ? " DEFAULT TRUE" : " DEFAULT FALSE";
    case ValueKind::integer: return fmt::format(" DEFAULT {}", value.as_integer());
    case ValueKind::real:
      return std::isfinite(value.as_real()) ? fmt::format(" DEFAULT {}", value.as_real()) : "";
    case ValueKind::text: return value.as_characters().empty() ? " DEFAULT ''" : "";
    case ValueKind::decimal: return fmt::format(" DEFAULT {}", value.as_characters());
    case ValueKind::bytes:
      if (!value.as_characters().empty()) return "";
      return adapter == Adapter::sqlite ? " DEFAULT x''" : " DEFAULT ''";
    default: return "";
  }
}

}  // namespace

void append_identifier(std::string& sql, Adapter adapter, std::string_view name) {
  check_identifier(adapter, name);
  const char quote = adapter == Adapter::mariadb ? '`' : '"';
  sql += quote;
  for (const char c : name) {
    if (c == quote) sql += quote;
    sql += c;
  }
  sql += quote;
}

std::string_view limit_before_offset(Adapter adapter) noexcept {
  switch (adapter) {
    case Adapter::postgres: return "";
    case Adapter::mariadb: return " LIMIT 18446744073709551615";
    case Adapter::sqlite: return " LIMIT -1";
  }
  return "";
}

std::string_view default_values(Adapter adapter) noexcept {
  return adapter == Adapter::mariadb ? " () VALUES ()" : " DEFAULT VALUES";
}

std::string array_type(ValueKind kind) { return std::string(kPostgres.of(kind)) + "[]"; }

std::size_t most_placeholders(Adapter adapter) noexcept {
  switch (adapter) {
    case Adapter::postgres: return 7'498;  // libpq drops a longer description of them
    case Adapter::mariadb: return kCountedInProtocol;
    case Adapter::sqlite: break;
  }
  return 32'766;  // SQLITE_MAX_VARIABLE_NUMBER, unless it was built with another
}

void check_placeholders(Adapter adapter, std::size_t count) {
  if (adapter == Adapter::sqlite || count <= kCountedInProtocol) return;
  throw_error(
      Errc::invalid_argument,
      fmt::format("nothing was sent: the statement has {} values, and {} takes no more than "
                  "{} in one",
                  count, to_string(adapter), kCountedInProtocol));
}

std::size_t most_levels(Adapter adapter) noexcept {
  // SQLite's parser has a stack of 100, of which a level takes three. The others' are the
  // program's, and take some thousands.
  return adapter == Adapter::sqlite ? 25 : 200;
}

Comparing comparing(Adapter adapter, ValueKind kind) noexcept {
  if (kind == ValueKind::json && adapter != Adapter::postgres) return Comparing::not_at_all;
  if (adapter != Adapter::sqlite) return Comparing::as_the_type;
  switch (kind) {
    case ValueKind::timestamp: return Comparing::as_timestamps;
    case ValueKind::decimal: return Comparing::as_decimals;
    case ValueKind::time: return Comparing::as_times;
    case ValueKind::uuid: return Comparing::as_uuids;
    default: return Comparing::as_the_type;
  }
}

void check_order(Adapter adapter, ValueKind kind, const ColumnName& column) {
  const auto how = comparing(adapter, kind);
  if (how == Comparing::as_decimals || how == Comparing::not_at_all) {
    refuse_comparison(adapter, kind, column);
  }
}

void refuse_comparison(Adapter adapter, ValueKind kind, const ColumnName& column) {
  const std::string_view engine = adapter == Adapter::sqlite ? "SQLite" : "MariaDB";
  const std::string_view why =
      kind == ValueKind::decimal
          ? "keeps decimals as text, in which 10 is less than 9: == and != work there; for an "
            "order keep a whole number of the smallest unit, such as cents"
          : "keeps JSON as text, in which the same document has many forms: compare one of its "
            "members with raw SQL";
  throw_error(Errc::invalid_argument, fmt::format("column {}.{}: nothing was sent: {} {}",
                                                  column.table, column.column, engine, why));
}

std::string column_definition(Adapter adapter, const ColumnInfo& column) {
  const bool is_unsigned = column.kind == ValueKind::unsigned_integer;
  if (column.primary_key && (column.kind == ValueKind::integer || is_unsigned)) {
    switch (adapter) {
      case Adapter::postgres: return "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";
      case Adapter::mariadb:
        return is_unsigned ? "BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY"
                           : "BIGINT AUTO_INCREMENT PRIMARY KEY";
      // Without that word the number of a deleted last row is given out again, and an old copy of
      // its record would be taken for its successor.
      case Adapter::sqlite: return "INTEGER PRIMARY KEY AUTOINCREMENT";
    }
  }
  auto definition = type_of(adapter, column);
  if (!column.nullable) definition += " NOT NULL" + default_of(adapter, column);
  if (column.primary_key) {
    definition += " PRIMARY KEY";
  } else if (column.unique) {
    definition += " UNIQUE";
  }
  return definition;
}

}  // namespace grant::dialect
