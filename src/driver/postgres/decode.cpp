#include "decode.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <limits>
#include <optional>
#include <vector>

#include "driver/kept.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/error.hpp"
#include "grant/core/timestamp.hpp"
#include "numeric.hpp"

namespace grant::postgres {
namespace {

[[noreturn]] void refuse(const Cell& cell, std::string_view why) {
  throw_error(Errc::invalid_argument, fmt::format("column \"{}\": {}", cell.column, why));
}

[[noreturn]] void refuse_bytes(const Cell& cell) {
  refuse(cell, "the server's bytes are not what the column's type says");
}

[[noreturn]] void refuse_infinite_time(const Cell& cell) {
  refuse(cell, "the time is infinite or outside the years that a Timestamp holds");
}

[[noreturn]] void refuse_infinite_date(const Cell& cell) {
  refuse(cell, "the date is infinite, or before Christ, or behind the year 9999");
}

[[noreturn]] void refuse_decimal(const Cell& cell) {
  refuse(cell, "the number is NaN or infinite, which no Decimal is");
}

template <class T>
T binary_number(const Cell& cell) {
  if (cell.bytes.size() != sizeof(T)) refuse_bytes(cell);
  return load<T>(cell.bytes.data());
}

template <class T>
T text_number(const Cell& cell) {
  T number{};
  const char* const last = cell.bytes.data() + cell.bytes.size();
  const auto [end, error] = std::from_chars(cell.bytes.data(), last, number);
  if (error != std::errc() || end != last) refuse_bytes(cell);
  return number;
}

char* allocate(std::pmr::memory_resource& memory, std::size_t size) {
  return static_cast<char*>(memory.allocate(size, 1));
}

ValueView bytes_view(std::string_view bytes) {
  return ValueView::bytes(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

Timestamp binary_time(const Cell& cell) {
  const auto micros = static_cast<std::int64_t>(binary_number<std::uint64_t>(cell));
  if (is_infinite(micros)) refuse_infinite_time(cell);
  return Timestamp(std::chrono::microseconds(micros + kEpochShift));
}

Date binary_date(const Cell& cell) {
  const auto days = static_cast<std::int32_t>(binary_number<std::uint32_t>(cell));
  if (days == std::numeric_limits<std::int32_t>::min() ||
      days > std::numeric_limits<std::int32_t>::max() - kEpochShiftDays) {
    refuse_infinite_date(cell);
  }
  return Date(std::chrono::days(days + kEpochShiftDays));
}

TimeOfDay time_of_day(const Cell& cell, std::int64_t micros) {
  const TimeOfDay time{std::chrono::microseconds(micros)};
  if (micros < 0 || time.since_midnight > std::chrono::hours(24)) refuse_bytes(cell);
  return time;
}

std::string_view without_version(const Cell& cell) {
  if (!cell.bytes.starts_with('\1')) refuse_bytes(cell);
  return cell.bytes.substr(1);
}

ValueView binary_decimal(const Cell& cell, std::pmr::memory_resource& memory) {
  std::string text;
  switch (append_decimal(cell.bytes, text)) {
    case NumericForm::number: return ValueView::decimal(kept(memory, text));
    case NumericForm::malformed: refuse_bytes(cell);
    case NumericForm::not_a_number:
    case NumericForm::infinite: break;
  }
  refuse_decimal(cell);
}

ValueView array_view(const std::vector<ValueView>& elements, std::pmr::memory_resource& memory) {
  if (elements.empty()) return ValueView::array({});
  auto* const room = static_cast<ValueView*>(
      memory.allocate(elements.size() * sizeof(ValueView), alignof(ValueView)));
  std::uninitialized_copy(elements.begin(), elements.end(), room);
  return ValueView::array({room, elements.size()});
}

ValueView binary_array(const Cell& cell, std::pmr::memory_resource& memory) {
  auto rest = cell.bytes;
  const auto take = [&](std::size_t size) {
    if (rest.size() < size) refuse_bytes(cell);
    const auto taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
  };
  const auto take_number = [&] { return load<std::uint32_t>(take(4).data()); };

  const auto dimensions = take_number();
  static_cast<void>(take_number());  // whether there are nulls
  const Oid type = take_number();
  if (dimensions == 0) return ValueView::array({});
  if (dimensions > 1) refuse(cell, "the array has more than one dimension");
  const auto count = take_number();
  static_cast<void>(take_number());  // where its subscripts start
  // Each element has a length, so that more than this cannot be there.
  if (type != element_of(cell.type) || count > rest.size() / 4) refuse_bytes(cell);
  std::vector<ValueView> elements;
  elements.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto size = take_number();
    if (size == ~std::uint32_t{0}) {
      elements.emplace_back();
    } else {
      elements.push_back(decode({take(size), type, Format::binary, cell.column}, memory));
    }
  }
  if (!rest.empty()) refuse_bytes(cell);
  return array_view(elements, memory);
}

/// `{1,NULL,"a \"b\""}`: what array_out writes. Where subscripts do not start at 1, they stand
/// before it: `[0:1]={1,2}`.
ValueView text_array(const Cell& cell, std::pmr::memory_resource& memory) {
  auto rest = cell.bytes;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) refuse_bytes(cell);
    if (rest.substr(end + 1).starts_with('['))
      refuse(cell, "the array has more than one dimension");
    rest.remove_prefix(end + 1);
    if (!rest.starts_with('=')) refuse_bytes(cell);
    rest.remove_prefix(1);
  }
  if (!rest.starts_with('{')) refuse_bytes(cell);
  rest.remove_prefix(1);
  std::vector<ValueView> elements;
  if (rest == "}") return ValueView::array({});
  while (true) {
    if (rest.starts_with('{')) refuse(cell, "the array has more than one dimension");
    const bool quoted = rest.starts_with('"');
    if (quoted) rest.remove_prefix(1);
    std::string element;
    while (!rest.empty() && (quoted ? rest[0] != '"' : rest[0] != ',' && rest[0] != '}')) {
      if (rest[0] == '\\') rest.remove_prefix(1);
      if (rest.empty()) refuse_bytes(cell);
      element += rest[0];
      rest.remove_prefix(1);
    }
    if (quoted) {
      if (!rest.starts_with('"')) refuse_bytes(cell);
      rest.remove_prefix(1);
    }
    if (!quoted && element == "NULL") {
      elements.emplace_back();
    } else {
      elements.push_back(decode(
          {kept(memory, element), element_of(cell.type), Format::text, cell.column}, memory));
    }
    if (rest == "}") return array_view(elements, memory);
    if (!rest.starts_with(',')) refuse_bytes(cell);
    rest.remove_prefix(1);
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// `\x00ff`: what bytea_output = hex, the default, writes.
ValueView text_bytes(const Cell& cell, std::pmr::memory_resource& memory) {
  if (!cell.bytes.starts_with("\\x") || cell.bytes.size() % 2 != 0) {
    refuse(cell, "bytea is read in its hex form only: bytea_output must be hex");
  }
  const auto digits = cell.bytes.substr(2);
  if (digits.empty()) return bytes_view("");
  char* const room = allocate(memory, digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_digit(digits[i]);
    const int low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0) refuse_bytes(cell);
    room[i / 2] = static_cast<char>(high * 16 + low);
  }
  return bytes_view({room, digits.size() / 2});
}

ValueView decode_binary(const Cell& cell, std::pmr::memory_resource& memory) {
  ValueView plain;
  if (decode_plain(cell.bytes, cell.type, plain)) return plain;
  switch (cell.type) {
    case oid::boolean:
    case oid::int2:
    case oid::int4:
    case oid::int8:
    case oid::float8: refuse_bytes(cell);  // their sizes are wrong
    case oid::object_id: return ValueView::integer(binary_number<std::uint32_t>(cell));
    case oid::float4:
      return ValueView::real(
          static_cast<double>(std::bit_cast<float>(binary_number<std::uint32_t>(cell))));
    case oid::numeric: return binary_decimal(cell, memory);
    case oid::date: return ValueView::date(binary_date(cell));
    case oid::time:
      return ValueView::time(
          time_of_day(cell, static_cast<std::int64_t>(binary_number<std::uint64_t>(cell))));
    case oid::timestamp:
    case oid::timestamptz: return ValueView::timestamp(binary_time(cell));
    case oid::uuid:
      if (cell.bytes.size() != Uuid::kSize) refuse_bytes(cell);
      return ValueView::uuid(cell.bytes);
    case oid::bytea: return bytes_view(cell.bytes);
    case oid::json: return ValueView::json(cell.bytes);
    case oid::jsonb: return ValueView::json(without_version(cell));
    default:
      return element_of(cell.type) == 0 ? ValueView::text(cell.bytes) : binary_array(cell, memory);
  }
}

ValueView decode_text(const Cell& cell, std::pmr::memory_resource& memory) {
  switch (kind_of(cell.type)) {
    case ValueKind::boolean:
      if (cell.bytes != "t" && cell.bytes != "f") refuse_bytes(cell);
      return ValueView::boolean(cell.bytes == "t");
    case ValueKind::integer: return ValueView::integer(text_number<std::int64_t>(cell));
    case ValueKind::real:
      // As the binary form: a real widened to a double, not its decimal digits read as one.
      if (cell.type == oid::float4) {
        return ValueView::real(static_cast<double>(text_number<float>(cell)));
      }
      return ValueView::real(text_number<double>(cell));
    case ValueKind::decimal:
      if (!Decimal::parse(cell.bytes)) refuse_decimal(cell);
      return ValueView::decimal(cell.bytes);
    case ValueKind::date: {
      const auto date = parse_date(cell.bytes);
      if (!date) refuse_infinite_date(cell);
      return ValueView::date(*date);
    }
    case ValueKind::time: {
      const auto time = parse_time(cell.bytes);
      if (!time) refuse_bytes(cell);
      return ValueView::time(*time);
    }
    case ValueKind::timestamp: {
      const auto time = parse_timestamp(cell.bytes);
      if (!time) refuse_infinite_time(cell);
      return ValueView::timestamp(*time);
    }
    case ValueKind::uuid: {
      const auto uuid = Uuid::parse(cell.bytes);
      if (!uuid) refuse_bytes(cell);
      return ValueView::uuid(kept(memory, ValueView::uuid(*uuid).as_characters()));
    }
    case ValueKind::bytes: return text_bytes(cell, memory);
    case ValueKind::json: return ValueView::json(cell.bytes);
    case ValueKind::array: return text_array(cell, memory);
    default: break;
  }
  const auto text = ValueView::text(cell.bytes);
  return cell.type == oid::bit || cell.type == oid::varbit ? ValueView::bits(text) : text;
}

}  // namespace

ValueView decode(const Cell& cell, std::pmr::memory_resource& memory) {
  return cell.format == Format::binary ? decode_binary(cell, memory) : decode_text(cell, memory);
}

}  // namespace grant::postgres
