// What finding a row by its primary key costs on PostgreSQL, on top of libpq itself: one row of
// four columns becomes a C++ struct, by a prepared statement, over TCP on this machine.
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string>

#include "bench/harness.hpp"
#include "bench/libpq.hpp"
#include "bench/memory.hpp"
#include "bench/servers.hpp"
#include "grant/driver/postgres/driver.hpp"
#include "grant/grant.hpp"

namespace {

using namespace grant;
using namespace grant::bench;

constexpr std::int64_t kRows = 10'000;

// All of them send this.
constexpr const char* kFind = "SELECT id, email, name, created_at FROM bench_users WHERE id = $1";

struct User {
  std::int64_t id{};
  std::string email{};
  std::optional<std::string> name{};
  Timestamp created_at{};
};

/// Spread over the table, and the same for every implementation.
std::int64_t nth_id(std::size_t n) { return static_cast<std::int64_t>(n * 7'919 % kRows) + 1; }

void make_table() {
  const libpq::Connection connection = libpq::connect(postgres_server().url);
  libpq::run(
      connection.get(),
      fmt::format("SET client_min_messages = warning;"
                  "DROP TABLE IF EXISTS bench_users;"
                  "CREATE TABLE bench_users (id bigint PRIMARY KEY, email text NOT NULL,"
                  " name text, created_at timestamptz NOT NULL);"
                  "INSERT INTO bench_users SELECT i, 'user' || i || '@example.com',"
                  " CASE WHEN i % 4 > 0 THEN 'User ' || i END, now() - i * interval '1 minute'"
                  " FROM generate_series(1, {}) i;"
                  "ANALYZE bench_users",
                  kRows));
}

void check(const User& user, std::int64_t id) {
  if (user.id != id) throw std::runtime_error(fmt::format("asked for {}, got {}", id, user.id));
}

// --- libpq

User pq_find(PGconn* connection, std::int64_t id) {
  std::array<char, sizeof id> bytes{};
  libpq::put_int64(bytes.data(), id);
  const std::array<const char*, 1> values{bytes.data()};
  constexpr std::array kLengths{static_cast<int>(sizeof id)};
  constexpr std::array kFormats{1};
  const libpq::Result result(
      ::PQexecPrepared(connection, "find", 1, values.data(), kLengths.data(), kFormats.data(), 1));
  libpq::expect(result, PGRES_TUPLES_OK, connection);
  const PGresult* row = result.get();
  const bool is_nameless = ::PQgetisnull(row, 0, 2) != 0;
  return {
      .id = libpq::int64_from(::PQgetvalue(row, 0, 0)),
      .email = std::string(libpq::bytes_of(row, 0, 1)),
      .name = is_nameless ? std::nullopt : std::optional<std::string>(libpq::bytes_of(row, 0, 2)),
      .created_at = libpq::timestamp_from(::PQgetvalue(row, 0, 3))};
}

Run set_up_libpq() {
  const std::shared_ptr<PGconn> connection = libpq::connect(postgres_server().url);
  constexpr std::array<Oid, 1> kTypes{20};  // int8
  const libpq::Result result(::PQprepare(connection.get(), "find", kFind, 1, kTypes.data()));
  libpq::expect(result, PGRES_COMMAND_OK, connection.get());
  return [connection](Round& round) {
    const Allocations allocations;
    for (std::size_t i = 0; i < round.iterations; ++i) {
      const User user = pq_find(connection.get(), nth_id(i));
      check(user, nth_id(i));
      keep(user);
    }
    allocations.report(round);
  };
}

// --- libpqxx

Run set_up_pqxx() {
  auto connection = std::make_shared<pqxx::connection>(postgres_server().url);
  connection->prepare("find", kFind);
  return [connection](Round& round) {
    pqxx::nontransaction transaction(*connection);
    const Allocations allocations;
    for (std::size_t i = 0; i < round.iterations; ++i) {
      const pqxx::row row = transaction.exec_prepared1("find", nth_id(i));
      User user{.id = row[0].as<std::int64_t>(), .email = row[1].as<std::string>()};
      if (!row[2].is_null()) user.name = row[2].as<std::string>();
      // libpqxx 6 has no type for a timestamp: it stays text here, which spares it some work.
      const std::string created_at = row[3].as<std::string>();
      check(user, nth_id(i));
      keep(user);
      keep(created_at);
    }
    allocations.report(round);
  };
}

// --- Grant

User grant_find(Connection& connection, std::int64_t id) {
  const std::array params{ValueView::integer(id)};
  const auto result = run(connection.execute(
      io::Call(io::blocking_waiter()), {.sql = kFind, .params = params, .effect = Effect::read}));
  const ValueView name = result->cell(0, 2);
  return {.id = result->cell(0, 0).as_integer(),
          .email = std::string(result->cell(0, 1).as_characters()),
          .name = name.is_null() ? std::nullopt : std::optional(std::string(name.as_characters())),
          .created_at = result->cell(0, 3).as_timestamp()};
}

Run set_up_grant_driver() {
  const std::shared_ptr<Connection> connection =
      run(postgres::driver().connect(io::Call(io::blocking_waiter()),
                                     {.url = Url::parse(postgres_server().url), .node = "bench"}));
  return [connection](Round& round) {
    const Allocations allocations;
    for (std::size_t i = 0; i < round.iterations; ++i) {
      const User user = grant_find(*connection, nth_id(i));
      check(user, nth_id(i));
      keep(user);
    }
    allocations.report(round);
  };
}

// --- Grant, through a model: routing, a lease and health included

struct UserModel : Model<UserModel> {
  std::int64_t id{};
  std::string email{};
  std::optional<std::string> name{};
  Timestamp created_at{};

  static constexpr auto table = grant::table<UserModel>(
      "bench_users", column<&UserModel::id>.primary_key(), column<&UserModel::email>,
      column<&UserModel::name>, column<&UserModel::created_at>);
};

Run set_up_grant_model() {
  auto registry =
      std::make_shared<Registry>(Databases{{"primary", {.url = postgres_server().url}}});
  const Session session(registry);
  return [session](Round& round) {
    session.run([&round] {
      const Allocations allocations;
      for (std::size_t i = 0; i < round.iterations; ++i) {
        const auto user = UserModel::find(nth_id(i));
        if (user.id != nth_id(i)) throw std::runtime_error("found another row");
        keep(user);
      }
      allocations.report(round);
    });
  };
}

}  // namespace

int main(int argc, char** argv) {
  return run_bench(argc, argv, "find",
                   {{.name = "one row by primary key",
                     .set_up =
                         [] {
                           make_table();
                           share_one_core(postgres_server());
                         },
                     .implementations = {{"libpq, PQexecPrepared", set_up_libpq},
                                         {"libpqxx 6, exec_prepared", set_up_pqxx},
                                         {"grant::Connection::execute", set_up_grant_driver},
                                         {"grant::Model::find", set_up_grant_model}}}});
}
