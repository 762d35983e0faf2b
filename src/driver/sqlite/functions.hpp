#pragma once

#include <sqlite3.h>

namespace grant::sqlite {

/// Gives a connection the functions that Grant's SQL uses: grant_timestamp(), grant_time(),
/// grant_uuid() and grant_decimal() make of anything that Grant reads as such a value the text that
/// it writes, and null of anything else. Returns SQLite's code.
[[nodiscard]] int add_functions(sqlite3* database) noexcept;

}  // namespace grant::sqlite
