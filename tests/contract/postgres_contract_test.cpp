#include "contract/contract_positions.hpp"
#include "contract/contract_schema_changes.hpp"
#include "grant/driver/postgres/driver.hpp"
#include "support/postgres_cluster.hpp"
#include "support/shared_server.hpp"

namespace grant::contract {
namespace {

test::PostgresCluster& cluster() { return test::SharedServer<test::PostgresCluster, 1>::get(); }

Url tcp(int node) { return Url::parse(cluster().url(node) + "?sslmode=disable"); }

Url tls(int node) {
  return Url::parse(cluster().url(node) +
                    "?sslmode=verify-full&sslrootcert=" + cluster().authority());
}

Url unix_socket(int node) {
  auto url = Url::parse(cluster().url(node));
  url.host = cluster().socket_directory();
  return url;
}

using UrlOf = Url (*)(int node);

class PostgresBackend final : public Backend {
 public:
  explicit PostgresBackend(UrlOf url_of) : url_of_(url_of) {}

  const Driver& driver() const override { return postgres::driver(); }

  Url url() const override {
    auto url = url_of_(0);
    // A statement whose client has left goes on, and keeps its locks, until the server looks.
    url.params.emplace_back("options", "-c client_connection_check_interval=50ms");
    return url;
  }

  ConnectOptions reader() const override {
    ConnectOptions options;
    options.url = url_of_(1);
    options.node = "contract/reader";
    return options;
  }

  Url unreachable() const override { return Url::parse("postgres://app@127.0.0.1:1/app"); }

  std::string type(ValueKind kind) const override {
    switch (kind) {
      case ValueKind::boolean: return "boolean";
      case ValueKind::integer: return "bigint";
      case ValueKind::real: return "double precision";
      case ValueKind::bytes: return "bytea";
      case ValueKind::timestamp: return "timestamptz";
      case ValueKind::json: return "jsonb";
      case ValueKind::unsigned_integer: return "numeric(20)";
      case ValueKind::decimal: return "numeric";
      case ValueKind::date: return "date";
      case ValueKind::time: return "time";
      case ValueKind::uuid: return "uuid";
      case ValueKind::array: return "bigint[]";
      case ValueKind::text:
      case ValueKind::null: return "text";
    }
    return "text";
  }

  std::string slow_query() const override { return "SELECT count(*) FROM pg_sleep(20)"; }

  std::string failing_at(int at) const override {
    return "9223372036854775807 - " + std::to_string(at - 1) + " + i";
  }

  std::vector<std::string> loud_statements() const override {
    return {"SELECT upper($1::text)::int",
            "SELECT reverse($1::text)::uuid",
            "SELECT set_config(upper($1::text), 'x', false)",
            "SELECT current_setting(upper($1::text))",
            "SELECT reverse($1::text)::regclass",
            "SELECT reverse($1::text)::regtype",
            "SELECT reverse($1::text)::regrole",
            "SELECT (reverse($1::text) || '.x')::regclass",
            "SELECT (reverse($1::text) || '(int)')::regprocedure",
            "SELECT nextval(reverse($1::text))",
            "SELECT has_database_privilege(reverse($1::text), 'connect')",
            "SELECT has_table_privilege(reverse($1::text), 'select')",
            "SELECT query_to_xml('select ' || reverse($1::text), true, true, '')",
            "SELECT query_to_xml(reverse($1::text), true, true, '')",
            "SELECT to_tsquery(upper($1::text) || ' & &')",
            "SELECT regexp_match('a', '(' || $1::text)",
            "SELECT date_trunc(upper($1::text), now())",
            "SELECT now() AT TIME ZONE upper($1::text)",
            "SELECT encode('a', upper($1::text))",
            "SELECT convert_from('a', upper($1::text))",
            "SELECT jsonb_path_query('{}', (upper($1::text) || '(')::jsonpath)",
            "SELECT to_number(upper($1::text), upper($1::text))",
            "SELECT pg_size_bytes(upper($1::text))",
            "SELECT xmlparse(document upper($1::text))",
            "SELECT pg_stat_file(upper($1::text))",
            "SELECT 1 FROM pg_get_keywords() LIMIT reverse($1::text)::int"};
  }

  std::vector<std::string> disguised_writes(const std::string& table) const override {
    return {"WITH gone AS (DELETE FROM " + table + " RETURNING 1) SELECT count(*) FROM gone",
            "/* a query */ -- of rows\n EXPLAIN ANALYZE DELETE FROM " + table,
            "SELECT * FROM " + table + " FOR UPDATE",
            "SELECT 1 AS a INTO contract_from_a_guard",
            "CREATE TEMP TABLE contract_from_a_guard (a int)",
            "CREATE TABLE contract_from_a_guard (a int)",
            "DO $$ BEGIN DELETE FROM " + table + "; END $$",
            "DO $$ BEGIN COMMIT; DELETE FROM " + table + "; END $$",
            "TRUNCATE " + table,
            "VACUUM " + table,
            "/* done */ COMMIT",
            "COMMIT AND CHAIN",
            "ROLLBACK AND CHAIN",
            "ROLLBACK",
            "SAVEPOINT contract_from_a_guard"};
  }

  std::vector<std::string> transaction_changers() const override {
    return {"COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "ROLLBACK /* to */ AND CHAIN"};
  }

  std::string suicide() const override { return "SELECT pg_terminate_backend(pg_backend_pid())"; }

  std::string leave_utc() const override { return "SET TimeZone = 'Asia/Kathmandu'"; }

  std::vector<SessionChange> session_changes() const override {
    const std::string memory = "SELECT current_setting('work_mem')";
    return {
        {"SET work_mem = '5MB'", memory},
        {"SET TimeZone = 'Asia/Kathmandu'", "SELECT current_setting('TimeZone')"},
        {"/* named */ set session search_path TO pg_catalog",
         "SELECT current_setting('search_path')"},
        {"SELECT set_config('work_mem', '5MB', false)", memory},
        {"SELECT set_config('enable_sort', 'off', true), set_config('work_mem', '5MB', 1 > 2)",
         memory},
        {"DO $$BEGIN SET work_mem = '5MB'; END$$", memory},
        {"SELECT pg_advisory_lock(7)",
         "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"},
        {"CREATE TEMP TABLE left_over (id integer)", "SELECT count(*) FROM left_over"},
        {"SELECT 1 AS id INTO TEMPORARY left_over", "SELECT count(*) FROM left_over"},
        {"LISTEN contract", "SELECT count(*) FROM pg_listening_channels()"},
        {"PREPARE mine AS SELECT 1",
         "SELECT count(*) FROM pg_prepared_statements WHERE name = 'mine'"},
        {"DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
         "SELECT count(*) FROM pg_cursors WHERE name = 'mine'"},
    };
  }

  std::string session_changing_query() const override { return "SELECT pg_advisory_lock(7)"; }

  std::vector<std::string> session_keepers() const override {
    return {
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET CONSTRAINTS ALL DEFERRED",
        "-- for this transaction\nSET LOCAL work_mem = '5MB'",
        "SELECT set_config('work_mem', '5MB', true)",
        "SELECT set_config('application_name', concat('a), ', (1)), TRUE )",
        "SELECT pg_advisory_xact_lock(7)",
        "DECLARE mine CURSOR FOR SELECT 1",
    };
  }

  std::string transport_query() const override {
    return "SELECT CASE WHEN client_addr IS NULL THEN 'socket' WHEN ssl THEN 'tls' ELSE 'tcp' END "
           "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE pid = pg_backend_pid()";
  }

  void make_schema(Connection& connection, std::string_view name) const override {
    run(connection, "CREATE SCHEMA " + quoted(name));
  }

  void drop_schema(Connection& connection, std::string_view name) const override {
    run(connection, "DROP SCHEMA " + quoted(name) + " CASCADE");
  }

  Traits traits() const override { return {}; }

 private:
  const UrlOf url_of_;
};

Transport transport(std::string_view name, UrlOf url_of) {
  return {name, [url_of] { return std::make_unique<PostgresBackend>(url_of); }};
}

INSTANTIATE_TEST_SUITE_P(Postgres, Contract,
                         ::testing::Values(transport("tcp", tcp), transport("tls", tls),
                                           transport("socket", unix_socket)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Postgres, SchemaChange,
                         ::testing::Values(transport("tcp", tcp), transport("tls", tls),
                                           transport("socket", unix_socket)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Postgres, Positions,
                         ::testing::Values(transport("tcp", tcp), transport("tls", tls),
                                           transport("socket", unix_socket)),
                         name_of);

}  // namespace
}  // namespace grant::contract
