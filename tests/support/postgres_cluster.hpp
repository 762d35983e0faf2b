#pragma once

#include "support/server_cluster.hpp"

namespace grant::test {

/// PostgreSQL with streaming replicas. The application's user is a member of pg_monitor. Columns of
/// sql() are separated by `|`.
class PostgresCluster final : public ServerCluster {
 public:
  explicit PostgresCluster(int replicas = 1);

  /// Where the nodes' unix sockets are.
  [[nodiscard]] std::string socket_directory() const { return base() + "/socket"; }

  void stop(int node, std::string_view mode = "fast");
  /// Makes a dead or former primary a replica of `upstream`.
  void rejoin(int node, int upstream);
};

}  // namespace grant::test
