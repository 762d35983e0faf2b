#include "support/postgres_cluster.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace grant::test {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "grant-test-postgres-";

std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// The output of `command`, stderr included, without the last line end.
std::string shell(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  std::string output;
  std::array<char, 4096> part{};
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe)) {
    output.append(part.data(), size);
  }
  const int status = ::pclose(pipe);
  if (!output.empty() && output.back() == '\n') output.pop_back();
  if (status != 0) throw std::runtime_error(command + " failed: " + output);
  return output;
}

bool is_free(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

/// The first of `count` free ports. Below those that the system hands out by itself, and starting
/// at another place in each process, so that two of them rarely meet.
int free_ports(int count) {
  constexpr int first = 18'000;
  constexpr int last = 32'000;
  int base = first + ::getpid() * 16 % (last - first);
  for (int attempt = 0; attempt < 500; ++attempt) {
    if (base + count > last) base = first;
    int free = 0;
    while (free < count && is_free(base + free)) ++free;
    if (free == count) return base;
    base += free + 1;
  }
  throw std::runtime_error("no free ports for a test cluster");
}

void destroy_abandoned() {
  for (const auto& entry : fs::directory_iterator(fs::temp_directory_path())) {
    if (!entry.path().filename().string().starts_with(kPrefix)) continue;
    long owner = 0;
    std::ifstream(entry.path() / "owner") >> owner;
    if (owner <= 0 || fs::exists("/proc/" + std::to_string(owner))) continue;
    try {
      shell("BASE=" + shell_word(entry.path().string()) + " " GRANT_POSTGRES_SCRIPT " destroy");
    } catch (const std::runtime_error& error) {
      // Another process may be at it, and a leftover does not spoil this run.
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
}

std::string unique_base() {
  static std::atomic<int> count = 0;
  const auto name =
      std::string(kPrefix) + std::to_string(::getpid()) + "-" + std::to_string(count++);
  return (fs::temp_directory_path() / name).string();
}

}  // namespace

PostgresCluster::PostgresCluster(int replicas)
    : replicas_(replicas), base_port_(free_ports(replicas + 1)), base_(unique_base()) {
  destroy_abandoned();
  try {
    script("up");
  } catch (...) {
    script("destroy");
    throw;
  }
}

PostgresCluster::~PostgresCluster() {
  try {
    script("destroy");
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

std::string PostgresCluster::script(std::string_view arguments) const {
  return shell("BASE=" + shell_word(base_) + " PORT=" + std::to_string(base_port_) +
               " REPLICAS=" + std::to_string(replicas_) + " OWNER=" + std::to_string(::getpid()) +
               " " GRANT_POSTGRES_SCRIPT " " + std::string(arguments));
}

void PostgresCluster::on_node(std::string_view command, int node) {
  script(std::string(command) + " " + std::to_string(node));
}

std::string PostgresCluster::url(int node) const {
  return "postgres://app:app-secret@127.0.0.1:" + std::to_string(port(node)) + "/app";
}

void PostgresCluster::start(int node) { on_node("start", node); }

void PostgresCluster::stop(int node, std::string_view mode) {
  script("stop " + std::to_string(node) + " " + std::string(mode));
}

void PostgresCluster::kill(int node) { on_node("kill", node); }
void PostgresCluster::hang(int node) { on_node("hang", node); }
void PostgresCluster::unhang(int node) { on_node("unhang", node); }
void PostgresCluster::promote(int node) { on_node("promote", node); }
void PostgresCluster::pause(int node) { on_node("pause", node); }
void PostgresCluster::resume(int node) { on_node("resume", node); }

void PostgresCluster::follow(int replica, int upstream) {
  script("follow " + std::to_string(replica) + " " + std::to_string(upstream));
}

void PostgresCluster::rejoin(int node, int upstream) {
  script("rejoin " + std::to_string(node) + " " + std::to_string(upstream));
}

std::string PostgresCluster::sql(int node, std::string_view text) {
  return script("sql " + std::to_string(node) + " " + shell_word(text));
}

}  // namespace grant::test
