#pragma once

#include <string_view>

#include "support/server_cluster.hpp"

namespace grant::test {

/// pgbouncer in front of one PostgreSQL server, whose sessions it hands from client to client.
class Pgbouncer final : public ServerCluster {
 public:
  /// `mode`: "session" or "transaction". With `sessions` on the server, each in turn.
  Pgbouncer(int server_port, std::string_view mode, int sessions);

  [[nodiscard]] std::string url() const;
};

}  // namespace grant::test
