#include "support/pgbouncer.hpp"

#include <cstdlib>
#include <string>

namespace grant::test {
namespace {

/// The script, which takes the rest from the environment.
std::string_view script_for(int server_port, std::string_view mode, int sessions) {
  ::setenv("SERVER", std::to_string(server_port).c_str(), 1);
  ::setenv("MODE", std::string(mode).c_str(), 1);
  ::setenv("POOL", std::to_string(sessions).c_str(), 1);
  return GRANT_PGBOUNCER_SCRIPT;
}

}  // namespace

Pgbouncer::Pgbouncer(int server_port, std::string_view mode, int sessions)
    : ServerCluster(script_for(server_port, mode, sessions), "pgbouncer", 0) {}

std::string Pgbouncer::url() const {
  return "postgres://app@127.0.0.1:" + std::to_string(port(0)) + "/app?sslmode=disable";
}

}  // namespace grant::test
