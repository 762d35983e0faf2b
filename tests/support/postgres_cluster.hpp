#pragma once

#include <string>
#include <string_view>

namespace grant::test {

/// A PostgreSQL primary (node 0) with streaming replicas (1, 2, ...), made for this process by
/// tools/cluster/postgres.sh on ports that were free, and destroyed with this object. What a test
/// process that crashed has left running is destroyed by the next one to start.
///
/// Every operation blocks until it has happened and throws std::runtime_error, with what the script
/// said, when it cannot be done. Starting takes about two seconds: share one where tests allow.
class PostgresCluster {
 public:
  explicit PostgresCluster(int replicas = 1);
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  /// As the application's user, who is a member of pg_monitor and otherwise a plain one.
  [[nodiscard]] std::string url(int node) const;
  [[nodiscard]] int port(int node) const { return base_port_ + node; }

  /// The certificate of the authority that signed the nodes' certificate, for 127.0.0.1.
  [[nodiscard]] std::string authority() const { return base_ + "/tls/ca.crt"; }

  void start(int node);
  void stop(int node, std::string_view mode = "fast");
  /// As if the machine lost power.
  void kill(int node);
  /// Freezes all processes of the node: it still takes connections, and answers nothing.
  void hang(int node);
  void unhang(int node);
  /// Returns when the node takes writes.
  void promote(int node);
  /// `replica` streams from `upstream` from now on.
  void follow(int replica, int upstream);
  /// Makes a dead or former primary a replica of `upstream`.
  void rejoin(int node, int upstream);
  /// Stops replay on a replica, until resume().
  void pause(int node);
  void resume(int node);

  /// Runs SQL as superuser; rows as lines, columns separated by `|`, without the last line end.
  std::string sql(int node, std::string_view text);

 private:
  std::string script(std::string_view arguments) const;
  void on_node(std::string_view command, int node);

  int replicas_;
  int base_port_;
  std::string base_;
};

}  // namespace grant::test
