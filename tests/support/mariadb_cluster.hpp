#pragma once

#include "support/server_cluster.hpp"

namespace grant::test {

/// MariaDB with replicas that follow by GTID. Columns of sql() are separated by tabs.
class MariadbCluster final : public ServerCluster {
 public:
  explicit MariadbCluster(int replicas = 1);

  using ServerCluster::start;
  /// With more of mariadbd's options, until it stops.
  void start(int node, std::string_view options);

  /// The file of the node's unix socket.
  [[nodiscard]] std::string socket(int node) const;
};

}  // namespace grant::test
