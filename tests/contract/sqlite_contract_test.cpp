#include <filesystem>

#include "contract/contract.hpp"
#include "grant/driver/sqlite/driver.hpp"
#include "support/temporary_directory.hpp"

namespace grant::contract {
namespace {

class SqliteBackend final : public Backend {
 public:
  const Driver& driver() const override { return sqlite::driver(); }

  Url url() const override { return file_url(directory_.path() / "contract.db"); }

  ConnectOptions reader() const override {
    ConnectOptions options;
    options.url = url();
    options.node = "contract/reader";
    options.access = Effect::read;
    return options;
  }

  Url unreachable() const override { return file_url(directory_.path() / "missing" / "no.db"); }

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

  std::string slow_query() const override {
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
           "SELECT count(*) FROM n";
  }

  std::string failing_at(int at) const override {
    return "abs(-9223372036854775807 - 1 + abs(" + std::to_string(at) + " - i))";
  }

  Traits traits() const override {
    Traits traits;
    traits.keeps_negative_zero = false;
    traits.error_fails_transaction = false;
    traits.limits_widths = false;
    traits.keeps_unsigned = false;
    traits.has_arrays = false;
    return traits;
  }

 private:
  static Url file_url(const std::filesystem::path& file) {
    Url url;
    url.adapter = Adapter::sqlite;
    url.database = file.string();
    return url;
  }

  test::TemporaryDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, Contract,
                         ::testing::Values(Transport{
                             "file", [] { return std::make_unique<SqliteBackend>(); }}),
                         name_of);

}  // namespace
}  // namespace grant::contract
