#include "contract/contract_positions.hpp"
#include "contract/contract_schema_changes.hpp"
#include "grant/driver/mariadb/driver.hpp"
#include "support/mariadb_cluster.hpp"
#include "support/shared_server.hpp"

namespace grant::contract {
namespace {

test::MariadbCluster& cluster() { return test::SharedServer<test::MariadbCluster, 1>::get(); }

Url tcp(int node) { return Url::parse(cluster().url(node) + "?ssl-mode=disabled"); }

Url tls(int node) {
  return Url::parse(cluster().url(node) + "?ssl-mode=verify_full&ssl-ca=" + cluster().authority());
}

Url unix_socket(int node) {
  auto url = Url::parse(cluster().url(node));
  url.host = cluster().socket(node);
  return url;
}

using UrlOf = Url (*)(int node);

class MariadbBackend final : public Backend {
 public:
  explicit MariadbBackend(UrlOf url_of) : url_of_(url_of) {}

  const Driver& driver() const override { return mariadb::driver(); }

  Url url() const override { return url_of_(0); }

  ConnectOptions reader() const override {
    ConnectOptions options;
    options.url = url_of_(1);
    options.node = "contract/reader";
    return options;
  }

  Url unreachable() const override { return Url::parse("mariadb://app@127.0.0.1:1/app"); }

  std::string type(ValueKind kind) const override {
    switch (kind) {
      case ValueKind::boolean: return "BOOLEAN";
      case ValueKind::integer: return "BIGINT";
      case ValueKind::real: return "DOUBLE";
      case ValueKind::bytes: return "LONGBLOB";
      case ValueKind::timestamp: return "DATETIME(6)";
      case ValueKind::json: return "JSON";
      case ValueKind::unsigned_integer: return "BIGINT UNSIGNED";
      case ValueKind::decimal: return "DECIMAL(65,30)";
      case ValueKind::date: return "DATE";
      case ValueKind::time: return "TIME(6)";
      case ValueKind::uuid: return "UUID";
      case ValueKind::array: return "LONGTEXT";
      case ValueKind::text:
      case ValueKind::null: return "LONGTEXT";
    }
    return "LONGTEXT";
  }

  std::string slow_query() const override { return "SELECT sleep(20)"; }

  std::string failing_at(int at) const override {
    return "9223372036854775807 - " + std::to_string(at - 1) + " + i";
  }

  std::vector<std::string> loud_statements() const override {
    return {"SELECT extractvalue('<a/>', concat('~', upper($1)))",
            "SELECT updatexml('<a/>', concat('~', reverse($1)), '')",
            "SELECT $1 REGEXP concat('(', upper($1))",
            "SELECT exp(710 + length(reverse($1)))",
            "SELECT -9223372036854775807 - length(reverse($1))",
            "SELECT st_geomfromtext('POINT(1 1)', 0, concat('axis-', $1))",
            "SELECT name_const(upper($1), 1)",
            "SELECT get_format(DATE, 'EUR') + convert(concat('x', $1) USING nosuch)",
            "SELECT nextval(nosuch) + length($1)",
            "EXECUTE IMMEDIATE concat('SIGNAL SQLSTATE ''45000'' SET MYSQL_ERRNO = 1146, "
            "MESSAGE_TEXT = ''', reverse($1), '''')",
            "EXECUTE IMMEDIATE concat('SIGNAL SQLSTATE ''22012'' SET MYSQL_ERRNO = 31000, "
            "MESSAGE_TEXT = ''', reverse($1), '''')",
            "EXECUTE IMMEDIATE reverse($1)"};
  }

  std::vector<std::string> disguised_writes(const std::string& table) const override {
    return {"/* a query */ DELETE FROM " + table + " RETURNING id",
            "ANALYZE DELETE FROM " + table,
            "(SELECT * FROM " + table + " FOR UPDATE)",
            "CREATE TEMPORARY TABLE contract_from_a_guard (a int)",
            "CREATE TABLE contract_from_a_guard (a int)",
            "BEGIN NOT ATOMIC DELETE FROM " + table + "; END",
            "BEGIN NOT ATOMIC COMMIT; DELETE FROM " + table + "; END",
            "TRUNCATE TABLE " + table,
            "LOCK TABLES " + table + " WRITE",
            "OPTIMIZE TABLE " + table,
            "/* done */ COMMIT",
            "COMMIT AND CHAIN",
            "ROLLBACK AND CHAIN",
            "ROLLBACK",
            "SAVEPOINT contract_from_a_guard"};
  }

  std::vector<std::string> transaction_changers() const override {
    return {"COMMIT AND CHAIN",
            "ROLLBACK AND CHAIN",
            "BEGIN",
            "START TRANSACTION",
            "CREATE TABLE IF NOT EXISTS contract_ddl (id INTEGER)",
            "CREATE TABLE contract_ddl (id INTEGER)",
            "DROP TABLE contract_ddl",
            "BEGIN NOT ATOMIC COMMIT; START TRANSACTION; END"};
  }

  std::string suicide() const override { return "KILL CONNECTION_ID()"; }

  std::string leave_utc() const override { return "SET time_zone = '+05:45'"; }

  std::vector<SessionChange> session_changes() const override {
    const std::string variables =
        "SELECT count(*) FROM information_schema.user_variables WHERE variable_name = 'mine'";
    return {
        {"SET sql_mode = ''", "SELECT @@sql_mode"},
        {"SET NAMES latin1", "SELECT @@character_set_client"},
        {"SET @mine = 1", variables},
        {"SELECT @mine := 1", variables},
        {"CREATE TEMPORARY TABLE left_over (id INTEGER)", "SELECT count(*) FROM left_over"},
        {"PREPARE mine FROM 'SELECT 1'", "EXECUTE mine"},
        {"SELECT GET_LOCK('contract', 1)", "SELECT IS_USED_LOCK('contract') IS NULL"},
    };
  }

  std::string session_changing_query() const override { return "SELECT @mine := 1"; }

  std::vector<std::string> session_keepers() const override {
    return {"SELECT @@sql_mode", "SELECT current_user() LIKE '%@%'"};
  }

  std::string transport_query() const override {
    // The host is the client's, with its port where there is one.
    return "SELECT CASE WHEN host = 'localhost' THEN 'socket' WHEN (SELECT variable_value FROM "
           "information_schema.session_status WHERE variable_name = 'Ssl_cipher') <> '' THEN 'tls' "
           "ELSE 'tcp' END FROM information_schema.processlist WHERE id = connection_id()";
  }

  // The application may not make databases.
  void make_schema(Connection& /*connection*/, std::string_view name) const override {
    cluster().sql(0, "CREATE DATABASE " + quoted(name));
    cluster().sql(0, "GRANT ALL ON " + quoted(name) + ".* TO app@'127.0.0.1', app@localhost");
  }

  void drop_schema(Connection& /*connection*/, std::string_view name) const override {
    cluster().sql(0, "DROP DATABASE " + quoted(name));
  }

  Traits traits() const override {
    Traits traits;
    traits.keeps_infinity = false;
    traits.keeps_negative_zero = false;
    traits.error_fails_transaction = false;
    traits.update_returns_rows = false;
    traits.defers_constraints = false;
    traits.keeps_scale = false;
    traits.has_arrays = false;
    return traits;
  }

 private:
  const UrlOf url_of_;
};

Transport transport(std::string_view name, UrlOf url_of) {
  return {name, [url_of] { return std::make_unique<MariadbBackend>(url_of); }};
}

INSTANTIATE_TEST_SUITE_P(Mariadb, Contract,
                         ::testing::Values(transport("tcp", tcp), transport("tls", tls),
                                           transport("socket", unix_socket)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Mariadb, SchemaChange,
                         ::testing::Values(transport("tcp", tcp), transport("tls", tls),
                                           transport("socket", unix_socket)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Mariadb, Positions,
                         ::testing::Values(transport("tcp", tcp), transport("tls", tls),
                                           transport("socket", unix_socket)),
                         name_of);

}  // namespace
}  // namespace grant::contract
