#pragma once

#include <sqlite3.h>

namespace grant::sqlite {

/// Gives a connection the functions that Grant's SQL uses: grant_timestamp() makes of any text that
/// Grant reads as a time the one that it writes, grant_decimal() the same of text or a number. Null
/// for anything else. Returns SQLite's code.
[[nodiscard]] int add_functions(sqlite3* database) noexcept;

}  // namespace grant::sqlite
