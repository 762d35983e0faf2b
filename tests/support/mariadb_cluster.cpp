#include "support/mariadb_cluster.hpp"

namespace grant::test {

MariadbCluster::MariadbCluster(int replicas)
    : ServerCluster(GRANT_MARIADB_SCRIPT, "mariadb", replicas) {}

void MariadbCluster::start(int node, std::string_view options) { on_node("start", node, options); }

std::string MariadbCluster::socket(int node) const {
  return base() + "/node" + std::to_string(node) + "/socket";
}

}  // namespace grant::test
