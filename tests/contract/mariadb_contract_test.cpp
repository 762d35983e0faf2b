#include "contract/contract.hpp"
#include "grant/driver/mariadb/driver.hpp"
#include "support/mariadb_cluster.hpp"

namespace grant::contract {
namespace {

std::unique_ptr<test::MariadbCluster> shared_cluster;

/// Starts with the first case and goes with the last.
class ClusterEnvironment final : public ::testing::Environment {
 public:
  void TearDown() override { shared_cluster.reset(); }
};
[[maybe_unused]] const auto* const environment =
    ::testing::AddGlobalTestEnvironment(new ClusterEnvironment);  // gtest deletes it

test::MariadbCluster& cluster() {
  if (!shared_cluster) shared_cluster = std::make_unique<test::MariadbCluster>();
  return *shared_cluster;
}

class MariadbBackend final : public Backend {
 public:
  const Driver& driver() const override { return mariadb::driver(); }

  Url url() const override { return Url::parse(cluster().url(0)); }

  ConnectOptions reader() const override {
    ConnectOptions options;
    options.url = Url::parse(cluster().url(1));
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
      case ValueKind::text:
      case ValueKind::null: return "LONGTEXT";
    }
    return "LONGTEXT";
  }

  std::string slow_query() const override { return "SELECT sleep(20)"; }

  Traits traits() const override {
    Traits traits;
    traits.keeps_infinity = false;
    traits.keeps_negative_zero = false;
    traits.error_fails_transaction = false;
    traits.update_returns_rows = false;
    traits.defers_constraints = false;
    return traits;
  }
};

std::unique_ptr<Backend> make_mariadb() { return std::make_unique<MariadbBackend>(); }

INSTANTIATE_TEST_SUITE_P(Mariadb, Contract, ::testing::Values(MakeBackend(make_mariadb)),
                         [](const auto&) { return "mariadb"; });

}  // namespace
}  // namespace grant::contract
