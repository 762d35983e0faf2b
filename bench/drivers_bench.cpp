// What the drivers cost beside the clients they stand on, and beside other C++ libraries: finding
// rows, reading a million of them, and inserting 200,000.
#include <fmt/format.h>

#include <utility>

#include "bench/drivers/peers.hpp"
#include "bench/drivers/tables.hpp"
#include "bench/harness.hpp"

namespace {

using namespace grant;
using namespace grant::bench;

enum class Cores : std::uint8_t { one, all };

std::function<void()> prepare(const Engine& (*engine)(), Cores cores) {
  return [engine, cores] {
    const Server server = engine().server();
    make_tables(engine());
    cores == Cores::one ? share_one_core(server) : use_all_cores(server);
  };
}

// What takes long is measured less often.
constexpr int kFewRounds = 11;

/// One operation reads all rows.
Case reading_case(const Engine& (*engine)(), std::string name, Cores cores,
                  std::vector<Implementation> implementations) {
  return {.name = std::move(name),
          .iterations = 1,
          .max_rounds = kFewRounds,
          .set_up = prepare(engine, cores),
          .implementations = std::move(implementations)};
}

/// One operation inserts all rows.
Case inserting_case(const Engine& (*engine)(), std::string name, Cores cores,
                    std::vector<Implementation> implementations) {
  return {.name = std::move(name),
          .iterations = 1,
          .max_rounds = kFewRounds,
          .set_up = prepare(engine, cores),
          .before_round = [engine] { empty_target(engine()); },
          .after_round = [engine] { check_target(engine()); },
          .implementations = std::move(implementations)};
}

std::vector<Case> postgres_cases() {
  const auto engine = postgres_engine;
  return {{.name = "PostgreSQL: find a row, one core",
           .set_up = prepare(engine, Cores::one),
           .implementations = {libpq::find(), pqxx::find(), soci::find(), poco::find(),
                               driver::find(postgres_server)}},
          {.name = "PostgreSQL: find rows, 8 connections",
           .cpu = Cpu::process,
           .iterations = 8'000,  // enough for starting the threads not to count
           .set_up = prepare(engine, Cores::all),
           .implementations = {libpq::find_at_once(), pqxx::find_at_once(), soci::find_at_once(),
                               poco::find_at_once(), driver::find_at_once(postgres_server)}},
          {.name = "PostgreSQL: find 100 rows, one core",
           .set_up = prepare(engine, Cores::one),
           .implementations = {libpq::find_in_pipeline(), libpq::find_one_by_one(),
                               driver::find_in_pipeline(postgres_server)}},
          reading_case(engine, "PostgreSQL: read 1 M rows", Cores::all,
                       {libpq::read_single_rows(), libpq::read_copy(), pqxx::read_stream(),
                        soci::read(), poco::read(), driver::read(postgres_server)}),
          inserting_case(
              engine, "PostgreSQL: insert 200 k rows", Cores::all,
              {libpq::insert_copy(), libpq::insert_unnest(), libpq::insert_values(),
               libpq::insert_pipeline(), pqxx::insert_stream(), soci::insert_bulk(),
               driver::insert_load(postgres_server), driver::insert_arrays(postgres_server)})};
}

std::vector<Case> mariadb_cases() {
  const auto engine = mariadb_engine;
  return {{.name = "MariaDB: find a row, one core",
           .set_up = prepare(engine, Cores::one),
           .implementations = {libmariadb::find(), driver::find(mariadb_server)}},
          reading_case(engine, "MariaDB: read 1 M rows", Cores::all,
                       {libmariadb::read(), driver::read(mariadb_server)}),
          inserting_case(engine, "MariaDB: insert 200 k rows", Cores::all,
                         {libmariadb::insert_array(), libmariadb::insert_values(),
                          driver::insert_load(mariadb_server)})};
}

std::vector<Case> sqlite_cases() {
  const auto engine = sqlite_engine;
  return {{.name = "SQLite: find a row",
           .set_up = prepare(engine, Cores::one),
           .implementations = {sqlite::find(), driver::find(sqlite_file)}},
          reading_case(engine, "SQLite: read 1 M rows", Cores::one,
                       {sqlite::read(), driver::read(sqlite_file)}),
          inserting_case(engine, "SQLite: insert 200 k rows", Cores::one,
                         {sqlite::insert(), driver::insert_load(sqlite_file)})};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Case> cases = postgres_cases();
  for (auto engine : {mariadb_cases, sqlite_cases}) {
    for (Case& one : engine()) cases.push_back(std::move(one));
  }
  return run_bench(argc, argv, "drivers", cases);
}
