#include "contract/contract.hpp"
#include "grant/driver/postgres/driver.hpp"
#include "support/postgres_cluster.hpp"

namespace grant::contract {
namespace {

std::unique_ptr<test::PostgresCluster> shared_cluster;

/// Starts with the first case and goes with the last.
class ClusterEnvironment final : public ::testing::Environment {
 public:
  void TearDown() override { shared_cluster.reset(); }
};
[[maybe_unused]] const auto* const environment =
    ::testing::AddGlobalTestEnvironment(new ClusterEnvironment);  // gtest deletes it

test::PostgresCluster& cluster() {
  if (!shared_cluster) shared_cluster = std::make_unique<test::PostgresCluster>();
  return *shared_cluster;
}

class PostgresBackend final : public Backend {
 public:
  const Driver& driver() const override { return postgres::driver(); }

  Url url() const override {
    auto url = Url::parse(cluster().url(0));
    // A statement whose client has left goes on, and keeps its locks, until the server looks.
    url.params.emplace_back("options", "-c client_connection_check_interval=50ms");
    return url;
  }

  ConnectOptions reader() const override {
    ConnectOptions options;
    options.url = Url::parse(cluster().url(1));
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
      case ValueKind::text:
      case ValueKind::null: return "text";
    }
    return "text";
  }

  std::string slow_query() const override { return "SELECT count(*) FROM pg_sleep(20)"; }

  Traits traits() const override { return {}; }
};

std::unique_ptr<Backend> make_postgres() { return std::make_unique<PostgresBackend>(); }

INSTANTIATE_TEST_SUITE_P(Postgres, Contract, ::testing::Values(MakeBackend(make_postgres)),
                         [](const auto&) { return "postgres"; });

}  // namespace
}  // namespace grant::contract
