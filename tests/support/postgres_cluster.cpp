#include "support/postgres_cluster.hpp"

namespace grant::test {

PostgresCluster::PostgresCluster(int replicas)
    : ServerCluster(GRANT_POSTGRES_SCRIPT, "postgres", replicas) {}

void PostgresCluster::stop(int node, std::string_view mode) { on_node("stop", node, mode); }

void PostgresCluster::rejoin(int node, int upstream) {
  on_node("rejoin", node, std::to_string(upstream));
}

}  // namespace grant::test
