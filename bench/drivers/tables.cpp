#include "bench/drivers/tables.hpp"

#include <fmt/format.h>

#include <set>

#include "bench/drivers/grant.hpp"
#include "bench/drivers/row.hpp"

namespace grant::bench {
namespace {

std::string create_table(std::string_view name, std::string_view real, std::string_view time,
                         std::string_view options = "") {
  return fmt::format(
      "CREATE TABLE {} (id bigint PRIMARY KEY, quantity integer NOT NULL, name text NOT NULL,"
      " price {} NOT NULL, created_at {} NOT NULL, active boolean NOT NULL){}",
      name, real, time, options);
}

/// The rows of row_of(), for i from 1 to kRows as `numbers` has them.
std::string fill_rows(std::string_view name, std::string_view time, std::string_view numbers) {
  return fmt::format(
      "INSERT INTO bench_rows SELECT i, i * 7919 % 1000, {}, i * 0.25, {}, i % 3 = 0 FROM {}", name,
      time, numbers);
}

}  // namespace

const Engine& postgres_engine() {
  static const Engine engine{
      .server = postgres_server,
      // A vacuum of its own accord would slow down whoever is measured then.
      .make_tables = {"DROP TABLE IF EXISTS bench_rows, bench_target",
                      create_table("bench_rows", "double precision", "timestamptz"),
                      create_table("bench_target", "double precision", "timestamptz",
                                   " WITH (autovacuum_enabled = false)"),
                      fill_rows("'customer ' || i",
                                "timestamptz '2024-01-01 00:00:00Z' + i * interval '1000003 us'",
                                fmt::format("generate_series(1::bigint, {}) i", kRows)),
                      "VACUUM (ANALYZE) bench_rows"},
      .empty_target = "TRUNCATE bench_target",
      .seconds = "floor(extract(epoch FROM created_at))::bigint"};
  return engine;
}

const Engine& mariadb_engine() {
  static const Engine engine{
      .server = mariadb_server,
      .make_tables = {"DROP TABLE IF EXISTS bench_rows, bench_target",
                      create_table("bench_rows", "double", "datetime(6)"),
                      create_table("bench_target", "double", "datetime(6)"),
                      fill_rows(
                          "concat('customer ', i)",
                          "timestamp '2024-01-01 00:00:00' + INTERVAL i * 1000003 MICROSECOND",
                          fmt::format("(SELECT seq AS i FROM seq_1_to_{}) AS numbers", kRows)),
                      "ANALYZE TABLE bench_rows"},
      .empty_target = "TRUNCATE bench_target",
      .seconds = "timestampdiff(SECOND, '1970-01-01', created_at)"};
  return engine;
}

const Engine& sqlite_engine() {
  static const Engine engine{
      .server = sqlite_file,
      .make_tables = {"DROP TABLE IF EXISTS bench_rows", "DROP TABLE IF EXISTS bench_target",
                      create_table("bench_rows", "real", "timestamp"),
                      create_table("bench_target", "real", "timestamp"),
                      fmt::format(
                          "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                          "FROM numbers WHERE i < {}) {}",
                          kRows,
                          fill_rows("'customer ' || i",
                                    "datetime(1704067200 + i * 1000003 / 1000000, 'unixepoch')"
                                    " || printf('.%06d', i * 1000003 % 1000000)",
                                    "numbers"))},
      .empty_target = "DELETE FROM bench_target",
      .seconds = "CAST(strftime('%s', created_at) AS integer)"};
  return engine;
}

void make_tables(const Engine& engine) {
  static std::set<const Engine*> made;
  if (!made.insert(&engine).second) return;
  const auto connection = connect(engine.server());
  for (const std::string& sql : engine.make_tables) execute(*connection, sql);
}

void empty_target(const Engine& engine) { execute(*connect(engine.server()), engine.empty_target); }

void check_target(const Engine& engine) {
  // The engines do not agree on what the sum of integers is; that of real numbers is one, and exact
  // here.
  const auto result = execute(
      *connect(engine.server()),
      fmt::format("SELECT count(*), sum(0 * price + id), sum(0 * price + quantity), "
                  "sum(0 * price + length(name)), sum(price), sum(0 * price + {}), "
                  "sum(CASE WHEN active THEN 0 * price + 1 ELSE 0 * price END) FROM bench_target",
                  engine.seconds));
  const auto number = [&](std::size_t column) {
    return static_cast<std::int64_t>(result->cell(0, column).as_real());
  };
  if (result->cell(0, 0).as_integer() == 0) throw std::runtime_error("bench_target is empty");
  Sums found{.rows = result->cell(0, 0).as_integer(),
             .ids = number(1),
             .quantities = number(2),
             .characters = static_cast<std::size_t>(number(3)),
             .prices = result->cell(0, 4).as_real(),
             .seconds = number(5),
             .active = number(6)};
  static const Sums wanted = sums_of(kInserted);
  expect_sums(found, wanted);
}

}  // namespace grant::bench
