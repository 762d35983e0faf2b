#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grant/core/codec.hpp"
#include "grant/core/error.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/driver/result.hpp"

namespace grant::test {

/// What a member may be that a column is read into.
enum class As {
  boolean,
  i8,
  i32,
  i64,
  u64,
  real,
  decimal,
  text,
  bytes,
  date,
  time,
  timestamp,
  uuid,
  json
};

/// A column's type, what stands in it as SQL, and what members of several types read there:
/// kRefused where the value would be another one.
struct Kind {
  std::string type;
  std::string literal;
  std::vector<std::pair<As, std::string>> reads;
};

inline constexpr std::string_view kRefused = "refused";

inline std::string read_as(As type, ValueView value) {
  const auto hex = [](const auto& bytes) {
    std::string text = "x";
    for (const auto byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
    return text;
  };
  switch (type) {
    case As::boolean: return Codec<bool>::decode(value) ? "true" : "false";
    case As::i8: return std::to_string(Codec<std::int8_t>::decode(value));
    case As::i32: return std::to_string(Codec<std::int32_t>::decode(value));
    case As::i64: return std::to_string(Codec<std::int64_t>::decode(value));
    case As::u64: return std::to_string(Codec<std::uint64_t>::decode(value));
    case As::real: return fmt::format("{}", Codec<double>::decode(value));
    case As::decimal: return Codec<Decimal>::decode(value).text();
    case As::text: return Codec<std::string>::decode(value);
    case As::bytes: return hex(Codec<Bytes>::decode(value));
    case As::date: return format_date(Codec<Date>::decode(value));
    case As::time: return format_time(Codec<TimeOfDay>::decode(value));
    case As::timestamp: return format_timestamp(Codec<Timestamp>::decode(value));
    case As::uuid: return Codec<Uuid>::decode(value).to_string();
    case As::json: return Codec<Json>::decode(value).text();
  }
  return "";
}

/// The cell in the first row, as each member reads it.
inline void expect_reads(const Result& rows, std::size_t column, const Kind& kind,
                         std::string_view protocol) {
  for (const auto& [type, expected] : kind.reads) {
    std::string read;
    try {
      read = read_as(type, rows.cell(0, column));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid_argument) << error.what();
      read = kRefused;
    }
    EXPECT_EQ(read, expected) << kind.type << ' ' << kind.literal << " as member "
                              << static_cast<int>(type) << ", " << protocol;
  }
}

}  // namespace grant::test
