#pragma once

#include <sys/types.h>

#include <string>

namespace grant::test {

/// A server that lies, stalls or floods, from the moment when it is made: server.py, as a process
/// of its own. Scenarios are listed there.
class HostileServer {
 public:
  /// `arguments`: of server.py, separated by spaces. Throws std::runtime_error, when it does not
  /// start.
  explicit HostileServer(const std::string& arguments);
  ~HostileServer();
  HostileServer(const HostileServer&) = delete;
  HostileServer& operator=(const HostileServer&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }

  /// Stops it, and gives what it says that its clients did, a line for each.
  [[nodiscard]] std::string stop();

 private:
  std::string read_line();

  pid_t process_ = -1;
  int input_ = -1;  // it ends when this does
  int output_ = -1;
  int port_ = 0;
};

}  // namespace grant::test
