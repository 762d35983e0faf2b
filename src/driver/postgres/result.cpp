#include "result.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <limits>
#include <new>

#include "grant/core/error.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::postgres {
namespace {

constexpr int kBinary = 1;

[[noreturn]] void refuse(const PGresult* result, int column, std::string_view why) {
  throw_error(Errc::invalid_argument,
              fmt::format("column \"{}\": {}", PQfname(result, column), why));
}

[[noreturn]] void refuse_bytes(const PGresult* result, int column) {
  refuse(result, column, "the server's bytes are not what the column's type says");
}

/// One cell's bytes, and the column to name when they are wrong.
struct Cell {
  const PGresult* result;
  int column;
  std::string_view bytes;

  template <class T>
  [[nodiscard]] T number() const {
    if (bytes.size() != sizeof(T)) refuse_bytes(result, column);
    return load<T>(bytes.data());
  }

  template <class T>
  [[nodiscard]] T parsed() const {
    T number{};
    const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), number);
    if (error != std::errc() || end != bytes.data() + bytes.size()) refuse_bytes(result, column);
    return number;
  }

  [[noreturn]] void refuse_time() const {
    refuse(result, column, "the time is infinite or outside the years that a Timestamp holds");
  }
};

Timestamp binary_time(const Cell& cell) {
  const auto micros = static_cast<std::int64_t>(cell.number<std::uint64_t>());
  // The least and the greatest number stand for -infinity and infinity.
  if (micros == std::numeric_limits<std::int64_t>::min() ||
      micros > std::numeric_limits<std::int64_t>::max() - kEpochShift) {
    cell.refuse_time();
  }
  return Timestamp(std::chrono::microseconds(micros + kEpochShift));
}

std::string_view without_version(const Cell& cell) {
  if (cell.bytes.empty() || cell.bytes[0] != '\1') refuse_bytes(cell.result, cell.column);
  return cell.bytes.substr(1);
}

ValueView decode_binary(const Cell& cell, Oid type) {
  switch (type) {
    case oid::boolean: return ValueView::boolean(cell.number<std::uint8_t>() != 0);
    case oid::int2:
      return ValueView::integer(static_cast<std::int16_t>(cell.number<std::uint16_t>()));
    case oid::int4:
      return ValueView::integer(static_cast<std::int32_t>(cell.number<std::uint32_t>()));
    case oid::int8:
      return ValueView::integer(static_cast<std::int64_t>(cell.number<std::uint64_t>()));
    case oid::object_id: return ValueView::integer(cell.number<std::uint32_t>());
    case oid::float4:
      return ValueView::real(
          static_cast<double>(std::bit_cast<float>(cell.number<std::uint32_t>())));
    case oid::float8: return ValueView::real(std::bit_cast<double>(cell.number<std::uint64_t>()));
    case oid::timestamp:
    case oid::timestamptz: return ValueView::timestamp(binary_time(cell));
    case oid::bytea:
      return ValueView::bytes(
          {reinterpret_cast<const std::byte*>(cell.bytes.data()), cell.bytes.size()});
    case oid::json: return ValueView::json(cell.bytes);
    case oid::jsonb: return ValueView::json(without_version(cell));
    default: return ValueView::text(cell.bytes);
  }
}

ValueView decode_text(const Cell& cell, Oid type) {
  switch (kind_of(type)) {
    case ValueKind::boolean:
      if (cell.bytes != "t" && cell.bytes != "f") refuse_bytes(cell.result, cell.column);
      return ValueView::boolean(cell.bytes == "t");
    case ValueKind::integer: return ValueView::integer(cell.parsed<std::int64_t>());
    case ValueKind::real:
      // As the binary form: a real widened to a double, not its decimal digits read as one.
      if (type == oid::float4) {
        return ValueView::real(static_cast<double>(cell.parsed<float>()));
      }
      return ValueView::real(cell.parsed<double>());
    case ValueKind::timestamp: {
      const auto time = parse_timestamp(cell.bytes);
      if (!time) cell.refuse_time();
      return ValueView::timestamp(*time);
    }
    case ValueKind::bytes:  // unescaped when the result arrived
      return ValueView::bytes(
          {reinterpret_cast<const std::byte*>(cell.bytes.data()), cell.bytes.size()});
    case ValueKind::json: return ValueView::json(cell.bytes);
    default: return ValueView::text(cell.bytes);
  }
}

struct FreeMemory {
  void operator()(unsigned char* memory) const noexcept { PQfreemem(memory); }
};

/// Replaces the text form of a bytea column by the bytes. Done at once and not by cell(), which
/// several threads may call.
void unescape_column(PGresult* result, int column) {
  for (int row = 0; row < PQntuples(result); ++row) {
    if (PQgetisnull(result, row, column) != 0) continue;
    std::size_t size = 0;
    const auto* text = reinterpret_cast<const unsigned char*>(PQgetvalue(result, row, column));
    const std::unique_ptr<unsigned char, FreeMemory> bytes(PQunescapeBytea(text, &size));
    if (!bytes || PQsetvalue(result, row, column, reinterpret_cast<char*>(bytes.get()),
                             static_cast<int>(size)) == 0) {
      throw std::bad_alloc();
    }
  }
}

}  // namespace

PostgresResult::PostgresResult(ResultHandle result) : result_(std::move(result)) {
  for (int column = 0; column < PQnfields(result_.get()); ++column) {
    if (PQfformat(result_.get(), column) == kBinary) return;  // one format for all columns
    if (PQftype(result_.get(), column) == oid::bytea) unescape_column(result_.get(), column);
  }
}

std::size_t PostgresResult::row_count() const noexcept {
  return static_cast<std::size_t>(PQntuples(result_.get()));
}

std::size_t PostgresResult::column_count() const noexcept {
  return static_cast<std::size_t>(PQnfields(result_.get()));
}

std::string_view PostgresResult::column_name(std::size_t column) const noexcept {
  return PQfname(result_.get(), static_cast<int>(column));
}

ValueView PostgresResult::cell(std::size_t row, std::size_t column) const {
  const auto* result = result_.get();
  const auto r = static_cast<int>(row);
  const auto c = static_cast<int>(column);
  const int size = PQgetlength(result, r, c);
  if (size == 0 && PQgetisnull(result, r, c) != 0) return {};
  const Cell cell{result, c, {PQgetvalue(result, r, c), static_cast<std::size_t>(size)}};
  const auto type = PQftype(result, c);
  return PQfformat(result, c) == kBinary ? decode_binary(cell, type) : decode_text(cell, type);
}

std::uint64_t PostgresResult::affected_rows() const noexcept {
  const std::string_view tag = PQcmdStatus(result_.get());
  if (!tag.starts_with("INSERT") && !tag.starts_with("UPDATE") && !tag.starts_with("DELETE") &&
      !tag.starts_with("MERGE")) {
    return 0;
  }
  const auto digits = tag.substr(tag.rfind(' ') + 1);
  std::uint64_t rows = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), rows);
  return rows;
}

}  // namespace grant::postgres
