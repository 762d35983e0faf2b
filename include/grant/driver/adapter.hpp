#pragma once

#include <cstdint>
#include <string_view>

namespace grant {

/// Which database engine a URL speaks to.
enum class Adapter : std::uint8_t { postgres, mariadb, sqlite };

/// "postgres", "mariadb", "sqlite".
[[nodiscard]] std::string_view to_string(Adapter adapter) noexcept;

/// The adapter called `name`: those names, and "postgresql", "mysql" and "sqlite3", in upper or
/// lower case. Errors: configuration, naming the adapters there are and the one that may be meant.
[[nodiscard]] Adapter adapter_named(std::string_view name);

}  // namespace grant
