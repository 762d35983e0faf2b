#pragma once

#include <string>
#include <string_view>

namespace grant::postgres {

/// Appends the binary form of a numeric: a header of four 16-bit numbers and the digits to base
/// 10000 (src/backend/utils/adt/numeric.c of PostgreSQL, numeric_send). `decimal` is the text of a
/// Decimal. False: it has more digits than PostgreSQL holds (131072 before the point, 16383 after).
[[nodiscard]] bool append_numeric(std::string_view decimal, std::string& out);

/// What a binary form stands for.
enum class NumericForm { number, not_a_number, infinite, malformed };

/// Appends the decimal text of the binary form `bytes`, when it is a number.
[[nodiscard]] NumericForm append_decimal(std::string_view bytes, std::string& out);

}  // namespace grant::postgres
