#pragma once

#include <bit>
#include <chrono>
#include <limits>
#include <memory_resource>
#include <string_view>

#include "encode.hpp"
#include "types.hpp"

namespace grant::postgres {

/// One cell as the server sent it.
struct Cell {
  std::string_view bytes{};
  Oid type{};
  Format format{};
  const char* column = "";  ///< To be named when the bytes are wrong.
};

/// True when decode() makes something that `cell.bytes` do not hold already.
[[nodiscard]] constexpr bool needs_memory(Oid type, Format format) noexcept {
  return element_of(type) != 0 ||
         (format == Format::binary ? type == oid::numeric
                                   : type == oid::uuid || type == oid::bytea);
}

/// Whether `micros`, of a timestamp in binary form, stand for no time that a Timestamp holds. The
/// least and the greatest number are -infinity and infinity.
[[nodiscard]] constexpr bool is_infinite(std::int64_t micros) noexcept {
  return micros == std::numeric_limits<std::int64_t>::min() ||
         micros > std::numeric_limits<std::int64_t>::max() - kEpochShift;
}

/// The common types in binary form, which most cells have: small, so that it is compiled into the
/// loop over them. False: `bytes` are of another type, or not what it says.
[[nodiscard]] inline bool decode_plain(std::string_view bytes, Oid type, ValueView& value) {
  const auto has = [bytes](std::size_t size) { return bytes.size() == size; };
  const char* const at = bytes.data();
  switch (type) {
    case oid::boolean:
      if (!has(1)) return false;
      value = ValueView::boolean(*at != 0);
      return true;
    case oid::int2:
      if (!has(2)) return false;
      value = ValueView::integer(static_cast<std::int16_t>(load<std::uint16_t>(at)));
      return true;
    case oid::int4:
      if (!has(4)) return false;
      value = ValueView::integer(static_cast<std::int32_t>(load<std::uint32_t>(at)));
      return true;
    case oid::int8:
      if (!has(8)) return false;
      value = ValueView::integer(static_cast<std::int64_t>(load<std::uint64_t>(at)));
      return true;
    case oid::float8:
      if (!has(8)) return false;
      value = ValueView::real(std::bit_cast<double>(load<std::uint64_t>(at)));
      return true;
    case oid::timestamptz: {
      if (!has(8)) return false;
      const auto micros = static_cast<std::int64_t>(load<std::uint64_t>(at));
      if (is_infinite(micros)) return false;
      value = ValueView::timestamp(Timestamp(std::chrono::microseconds(micros + kEpochShift)));
      return true;
    }
    case oid::text:
    case oid::varchar: value = ValueView::text(bytes); return true;
    default: return false;
  }
}

/// Decodes `cell`, which is not null. What the result looks at is in the cell's bytes or in
/// `memory`. Errors: invalid_argument, naming the column, when the bytes are not what their type
/// says, or stand for what the kind cannot hold (infinity, an array of two dimensions).
[[nodiscard]] ValueView decode(const Cell& cell, std::pmr::memory_resource& memory);

}  // namespace grant::postgres
