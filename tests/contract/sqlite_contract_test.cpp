#include <filesystem>

#include "contract/contract_schema_changes.hpp"
#include "grant/driver/sqlite/driver.hpp"
#include "support/temporary_directory.hpp"

namespace grant::contract {
namespace {

class SqliteBackend : public Backend {
 public:
  const Driver& driver() const override { return sqlite::driver(); }

  ConnectOptions reader() const override {
    auto options = writer();
    options.node = "contract/reader";
    options.access = Effect::read;
    return options;
  }

  Url unreachable() const override { return file_url(directory() / "missing" / "no.db"); }

  std::string type(ValueKind kind) const override {
    switch (kind) {
      case ValueKind::boolean: return "BOOLEAN";
      case ValueKind::integer: return "INTEGER";
      case ValueKind::real: return "REAL";
      case ValueKind::bytes: return "BLOB";
      case ValueKind::timestamp: return "TIMESTAMP";
      case ValueKind::json: return "JSON TEXT";
      case ValueKind::unsigned_integer: return "INTEGER";
      case ValueKind::decimal: return "DECIMAL TEXT";
      case ValueKind::date: return "DATE TEXT";
      case ValueKind::time: return "TIME TEXT";
      case ValueKind::uuid: return "UUID TEXT";
      case ValueKind::array: return "TEXT";
      case ValueKind::text:
      case ValueKind::null: return "TEXT";
    }
    return "TEXT";
  }

  std::vector<std::string> loud_statements() const override {
    return {"SELECT json_extract('{}', '$[' || upper($1))", "SELECT json(upper($1))",
            "SELECT json_set('{}', upper($1), 1)", "SELECT load_extension(upper($1))",
            "SELECT strftime('%s', 'now') + json_array_length(upper($1))"};
  }

  std::vector<std::string> disguised_writes(const std::string& table) const override {
    return {"/* a query */ DELETE FROM " + table + " RETURNING id",
            "WITH one AS (SELECT 1) DELETE FROM " + table,
            "CREATE TEMP TABLE contract_from_a_guard (a INTEGER)",
            "CREATE TABLE contract_from_a_guard (a INTEGER)",
            "PRAGMA user_version = 5",
            "PRAGMA query_only = 0",
            "ATTACH ':memory:' AS contract_from_a_guard",
            "VACUUM",
            "/* done */ COMMIT",
            "ROLLBACK",
            "SAVEPOINT contract_from_a_guard"};
  }

  std::string slow_query() const override {
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
           "SELECT count(*) FROM n";
  }

  std::string failing_at(int at) const override {
    return "abs(-9223372036854775807 - 1 + abs(" + std::to_string(at) + " - i))";
  }

  std::vector<SessionChange> session_changes() const override {
    return {{"PRAGMA busy_timeout = 77", "PRAGMA busy_timeout"},
            {"CREATE TEMP TABLE left_over (id INTEGER)", "SELECT count(*) FROM left_over"},
            {"ATTACH ':memory:' AS another", "SELECT count(*) FROM another.sqlite_schema"}};
  }

  std::vector<std::string> session_keepers() const override {
    return {"PRAGMA busy_timeout", "PRAGMA table_info(sqlite_schema)", "PRAGMA user_version = 7"};
  }

  void make_schema(Connection& connection, std::string_view name) const override {
    run(connection, "ATTACH ':memory:' AS " + quoted(name));
  }

  void drop_schema(Connection& connection, std::string_view name) const override {
    run(connection, "DETACH " + quoted(name));
  }

  Traits traits() const override {
    Traits traits;
    traits.keeps_negative_zero = false;
    traits.error_fails_transaction = false;
    traits.limits_widths = false;
    traits.keeps_unsigned = false;
    traits.keeps_scale = false;
    traits.has_arrays = false;
    traits.resets_sessions = false;
    return traits;
  }

 protected:
  static Url file_url(const std::filesystem::path& file) {
    Url url;
    url.adapter = Adapter::sqlite;
    url.database = file.string();
    return url;
  }

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  test::TemporaryDirectory directory_;
};

class FileBackend final : public SqliteBackend {
 public:
  Url url() const override { return file_url(directory() / "contract.db"); }
};

/// A database in memory, as the connections of a node share it.
class MemoryBackend final : public SqliteBackend {
 public:
  Url url() const override { return Url::parse("sqlite::memory:"); }

  ConnectOptions writer() const override {
    ConnectOptions options;
    options.url = url();
    options.memory = directory().filename().string();  // a name that nobody else has
    return options;
  }

  ConnectOptions reader() const override {
    auto options = writer();
    options.node = "contract/reader";
    options.purpose = Purpose::reading;
    return options;
  }

  Traits traits() const override {
    auto traits = SqliteBackend::traits();
    traits.serves_side_by_side = false;
    traits.has_replicas = false;
    return traits;
  }

 private:
  /// As a node does: the database goes with the last connection to it.
  const std::unique_ptr<Connection> keeper_ =
      grant::run(sqlite::driver().connect(io::Call(io::blocking_waiter()), writer()));
};

template <class Kind>
Transport transport(std::string_view name) {
  return {name, [] { return std::make_unique<Kind>(); }};
}

INSTANTIATE_TEST_SUITE_P(Sqlite, Contract,
                         ::testing::Values(transport<FileBackend>("file"),
                                           transport<MemoryBackend>("memory")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Sqlite, SchemaChange,
                         ::testing::Values(transport<FileBackend>("file"),
                                           transport<MemoryBackend>("memory")),
                         name_of);

}  // namespace
}  // namespace grant::contract
