#pragma once

#include <string_view>

namespace grant::mariadb {

/// Goes before a statement that the server is to refuse where it writes, outside a transaction.
inline constexpr std::string_view kGuard = "SET STATEMENT tx_read_only = 1 FOR ";

}  // namespace grant::mariadb
