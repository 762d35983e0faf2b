#include "bench/servers.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace grant::bench {
namespace {

Server server_of(const std::string& engine) {
  const std::string prefix = "GRANT_BENCH_" + engine;
  const char* const url = std::getenv((prefix + "_URL").c_str());
  if (url == nullptr) throw std::runtime_error(prefix + "_URL must say what to measure");
  const char* const process = std::getenv((prefix + "_PID").c_str());
  return {.url = url, .process = process == nullptr ? 0 : std::stoi(process)};
}

std::string with_parameter(std::string url, std::string_view name, std::string_view value) {
  if (url.find(fmt::format("{}=", name)) != std::string::npos) return url;
  return fmt::format("{}{}{}={}", url, url.find('?') == std::string::npos ? '?' : '&', name, value);
}

/// The cores that this process may use, as it was started.
const cpu_set_t& all_cores() {
  static const cpu_set_t cores = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) {
      throw std::system_error(errno, std::generic_category(), "sched_getaffinity");
    }
    return set;
  }();
  return cores;
}

void put(pid_t thread, const cpu_set_t& cores) {
  // A thread of the server may have ended meanwhile.
  if (::sched_setaffinity(thread, sizeof cores, &cores) != 0 && errno != ESRCH) {
    throw std::system_error(errno, std::generic_category(), "sched_setaffinity");
  }
}

void put(const Server& server, const cpu_set_t& cores) {
  put(0, cores);
  if (server.process == 0) return;
  // One process or one thread per connection: both inherit the set of the one that makes them.
  const auto threads = std::filesystem::path("/proc") / std::to_string(server.process) / "task";
  for (const auto& thread : std::filesystem::directory_iterator(threads)) {
    put(std::stoi(thread.path().filename().string()), cores);
  }
}

}  // namespace

Server postgres_server() {
  Server server = server_of("POSTGRES");
  server.url = with_parameter(std::move(server.url), "sslmode", "disable");
  return server;
}

Server mariadb_server() {
  Server server = server_of("MARIADB");
  server.url = with_parameter(std::move(server.url), "ssl-mode", "disabled");
  return server;
}

Server sqlite_file() { return server_of("SQLITE"); }

void share_one_core(const Server& server) {
  cpu_set_t first;
  CPU_ZERO(&first);
  for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &all_cores())) continue;
    CPU_SET(core, &first);
    break;
  }
  put(server, first);
}

void use_all_cores(const Server& server) { put(server, all_cores()); }

}  // namespace grant::bench
