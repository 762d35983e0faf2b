#pragma once

#include <string>
#include <string_view>

namespace grant::test {

/// A primary (node 0) with replicas (1, 2, ...) of one engine, made for this process by a script of
/// tools/cluster on ports that were free, and destroyed with this object. What a test process that
/// crashed has left running is destroyed by the next one to start.
///
/// Every operation blocks until it has happened and throws std::runtime_error, with what the script
/// said, when it cannot be done. Starting takes seconds: share one where tests allow.
class ServerCluster {
 public:
  ServerCluster(const ServerCluster&) = delete;
  ServerCluster& operator=(const ServerCluster&) = delete;

  /// As the application's user, who is a plain one, unless the engine's own class says more.
  [[nodiscard]] std::string url(int node) const;
  [[nodiscard]] int port(int node) const { return base_port_ + node; }

  /// The certificate of the authority that signed the nodes' certificate, for 127.0.0.1.
  [[nodiscard]] std::string authority() const { return base_ + "/tls/ca.crt"; }

  void start(int node);
  void stop(int node);
  /// As if the machine lost power.
  void kill(int node);
  /// Freezes all processes of the node: it still takes connections, and answers nothing.
  void hang(int node);
  void unhang(int node);
  /// Returns when the node takes writes.
  void promote(int node);
  /// `replica` replicates from `upstream` from now on.
  void follow(int replica, int upstream);
  /// Stops replay on a replica, until resume().
  void pause(int node);
  void resume(int node);

  /// Runs SQL as an administrator; rows as lines, without the last line end. What separates columns
  /// is the engine's choice.
  std::string sql(int node, std::string_view text);

 protected:
  ServerCluster(std::string_view program, std::string_view engine, int replicas);
  ~ServerCluster();

  /// Runs the script's `command` on one node.
  void on_node(std::string_view command, int node, std::string_view more = {}) const;

  [[nodiscard]] const std::string& base() const { return base_; }

 private:
  std::string script(std::string_view arguments) const;

  std::string program_;
  std::string scheme_;
  int replicas_;
  int base_port_;
  std::string base_;
};

}  // namespace grant::test
