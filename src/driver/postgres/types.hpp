#pragma once

#include <libpq-fe.h>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "grant/core/value.hpp"

namespace grant::postgres {

/// The built-in types that Grant exchanges in binary form. Their numbers never change.
namespace oid {
inline constexpr Oid boolean = 16;
inline constexpr Oid bytea = 17;
inline constexpr Oid name = 19;
inline constexpr Oid int8 = 20;
inline constexpr Oid int2 = 21;
inline constexpr Oid int4 = 23;
inline constexpr Oid text = 25;
inline constexpr Oid object_id = 26;
inline constexpr Oid json = 114;
inline constexpr Oid float4 = 700;
inline constexpr Oid float8 = 701;
inline constexpr Oid unknown = 705;
inline constexpr Oid bpchar = 1042;
inline constexpr Oid varchar = 1043;
inline constexpr Oid date = 1082;
inline constexpr Oid time = 1083;
inline constexpr Oid timestamp = 1114;
inline constexpr Oid timestamptz = 1184;
inline constexpr Oid bit = 1560;
inline constexpr Oid varbit = 1562;
inline constexpr Oid numeric = 1700;
inline constexpr Oid uuid = 2950;
inline constexpr Oid jsonb = 3802;
}  // namespace oid

/// The type of the elements of an array type; 0 for all others.
[[nodiscard]] constexpr Oid element_of(Oid type) noexcept {
  switch (type) {
    case 199: return oid::json;
    case 1000: return oid::boolean;
    case 1001: return oid::bytea;
    case 1003: return oid::name;
    case 1005: return oid::int2;
    case 1007: return oid::int4;
    case 1009: return oid::text;
    case 1014: return oid::bpchar;
    case 1015: return oid::varchar;
    case 1016: return oid::int8;
    case 1021: return oid::float4;
    case 1022: return oid::float8;
    case 1028: return oid::object_id;
    case 1115: return oid::timestamp;
    case 1182: return oid::date;
    case 1183: return oid::time;
    case 1185: return oid::timestamptz;
    case 1231: return oid::numeric;
    case 2951: return oid::uuid;
    case 3807: return oid::jsonb;
    default: return 0;
  }
}

/// The kind that cells of `type` have; null: Grant has none, so they come as text.
[[nodiscard]] constexpr ValueKind kind_of(Oid type) noexcept {
  switch (type) {
    case oid::boolean: return ValueKind::boolean;
    case oid::int2:
    case oid::int4:
    case oid::int8:
    case oid::object_id: return ValueKind::integer;
    case oid::float4:
    case oid::float8: return ValueKind::real;
    case oid::numeric: return ValueKind::decimal;
    case oid::text:
    case oid::varchar:
    case oid::bpchar:
    case oid::name:
    case oid::unknown: return ValueKind::text;
    case oid::bytea: return ValueKind::bytes;
    case oid::date: return ValueKind::date;
    case oid::time: return ValueKind::time;
    case oid::timestamp:
    case oid::timestamptz: return ValueKind::timestamp;
    case oid::uuid: return ValueKind::uuid;
    case oid::json:
    case oid::jsonb: return ValueKind::json;
    default: return element_of(type) == 0 ? ValueKind::null : ValueKind::array;
  }
}

/// Microseconds from 1970 to 2000, where PostgreSQL's time starts.
inline constexpr std::int64_t kEpochShift = 946'684'800'000'000;

/// The same in days.
inline constexpr std::int32_t kEpochShiftDays = 10'957;

/// From this machine's byte order to the network's, or back.
template <std::unsigned_integral T>
[[nodiscard]] T swapped(T number) noexcept {
  if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) {
    return number;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(number);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(number);
  } else {
    static_assert(sizeof(T) == 8);
    return __builtin_bswap64(number);
  }
}

/// Reads a number in network byte order.
template <std::unsigned_integral T>
[[nodiscard]] T load(const char* from) noexcept {
  T number = 0;
  std::memcpy(&number, from, sizeof number);
  return swapped(number);
}

/// Writes a number in network byte order.
template <std::unsigned_integral T>
void store(T number, char* to) noexcept {
  number = swapped(number);
  std::memcpy(to, &number, sizeof number);
}

}  // namespace grant::postgres
