#include "support/server_cluster.hpp"

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
#include <utility>

namespace grant::test {
namespace {

namespace fs = std::filesystem;

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

void destroy_abandoned(const std::string& program, const std::string& prefix) {
  for (const auto& entry : fs::directory_iterator(fs::temp_directory_path())) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    long owner = 0;
    std::ifstream(entry.path() / "owner") >> owner;
    if (owner <= 0 || fs::exists("/proc/" + std::to_string(owner))) continue;
    try {
      shell("BASE=" + shell_word(entry.path().string()) + " " + program + " destroy");
    } catch (const std::runtime_error& error) {
      // Another process may be at it, and a leftover does not spoil this run.
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
}

std::string unique_base(const std::string& prefix) {
  static std::atomic<int> count = 0;
  const auto name = prefix + std::to_string(::getpid()) + "-" + std::to_string(count++);
  return (fs::temp_directory_path() / name).string();
}

}  // namespace

ServerCluster::ServerCluster(std::string_view program, std::string_view engine, int replicas)
    : program_(shell_word(program)),
      scheme_(engine),
      replicas_(replicas),
      base_port_(free_ports(replicas + 1)) {
  const auto prefix = "grant-test-" + scheme_ + "-";
  base_ = unique_base(prefix);
  destroy_abandoned(program_, prefix);
  try {
    script("up");
  } catch (...) {
    script("destroy");
    throw;
  }
}

ServerCluster::~ServerCluster() {
  try {
    script("destroy");
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

std::string ServerCluster::script(std::string_view arguments) const {
  return shell("BASE=" + shell_word(base_) + " PORT=" + std::to_string(base_port_) +
               " REPLICAS=" + std::to_string(replicas_) + " OWNER=" + std::to_string(::getpid()) +
               " " + program_ + " " + std::string(arguments));
}

void ServerCluster::on_node(std::string_view command, int node, std::string_view more) const {
  script(std::string(command) + " " + std::to_string(node) + " " + std::string(more));
}

std::string ServerCluster::url(int node) const {
  return scheme_ + "://app:app-secret@127.0.0.1:" + std::to_string(port(node)) + "/app";
}

void ServerCluster::start(int node) { on_node("start", node); }
void ServerCluster::stop(int node) { on_node("stop", node); }
void ServerCluster::kill(int node) { on_node("kill", node); }
void ServerCluster::hang(int node) { on_node("hang", node); }
void ServerCluster::unhang(int node) { on_node("unhang", node); }
void ServerCluster::promote(int node) { on_node("promote", node); }
void ServerCluster::pause(int node) { on_node("pause", node); }
void ServerCluster::resume(int node) { on_node("resume", node); }

void ServerCluster::follow(int replica, int upstream) {
  on_node("follow", replica, std::to_string(upstream));
}

std::string ServerCluster::sql(int node, std::string_view text) {
  return script("sql " + std::to_string(node) + " " + shell_word(text));
}

}  // namespace grant::test
