#pragma once

#include <string>
#include <vector>

#include "bench/servers.hpp"

namespace grant::bench {

/// What to ask one engine for, where they differ.
struct Engine {
  Server (*server)(){};
  /// Make bench_rows and fill it, and make bench_target.
  std::vector<std::string> make_tables{};
  std::string empty_target{};
  /// Seconds since 1970 of created_at, as an integer.
  std::string seconds{};
};

[[nodiscard]] const Engine& postgres_engine();
[[nodiscard]] const Engine& mariadb_engine();
[[nodiscard]] const Engine& sqlite_engine();

/// Makes the tables, once per process and engine.
void make_tables(const Engine& engine);

/// Leaves no row in bench_target.
void empty_target(const Engine& engine);

/// Throws unless bench_target has the first kInserted rows.
void check_target(const Engine& engine);

}  // namespace grant::bench
