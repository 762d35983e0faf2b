#include "grant/driver/adapter.hpp"

#include <fmt/format.h>

#include "grant/core/error.hpp"

namespace grant {

std::string_view to_string(Adapter adapter) noexcept {
  switch (adapter) {
    case Adapter::postgres: return "postgres";
    case Adapter::mariadb: return "mariadb";
    case Adapter::sqlite: return "sqlite";
  }
  return "unknown";
}

Adapter adapter_named(std::string_view name) {
  if (name == "postgres" || name == "postgresql") return Adapter::postgres;
  if (name == "mariadb" || name == "mysql") return Adapter::mariadb;
  if (name == "sqlite" || name == "sqlite3") return Adapter::sqlite;
  throw_error(Errc::configuration,
              fmt::format("unknown adapter \"{}\": there are postgres, mariadb and sqlite", name));
}

}  // namespace grant
