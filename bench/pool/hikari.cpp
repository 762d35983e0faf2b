#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "bench/pool/load.hpp"
#include "bench/pool/peers.hpp"

namespace grant::bench::hikari {
namespace {

/// HikariBench.java in a process of its own, which ends when this does.
class Jvm {
 public:
  Jvm() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail(errno);
    ours_ = ends[0];
    answers_.reset(::fdopen(ours_, "r"));
    if (answers_ == nullptr) fail(errno);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::array<std::string, 4> words{GRANT_BENCH_JAVA, "-cp", GRANT_BENCH_HIKARI, "HikariBench"};
    std::array<char*, words.size() + 1> arguments{};
    for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
    const int error =
        ::posix_spawn(&process_, GRANT_BENCH_JAVA, &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (error != 0) fail(error);
    if (::clock_getcpuclockid(process_, &cpu_clock_) != 0) fail(errno);
  }
  Jvm(const Jvm&) = delete;
  Jvm& operator=(const Jvm&) = delete;
  ~Jvm() {
    answers_.reset();  // the end of its input
    ::waitpid(process_, nullptr, 0);
  }

  void ask(std::string request) {
    request += '\n';
    if (::send(ours_, request.data(), request.size(), MSG_NOSIGNAL) < 0) fail(errno);
  }

  std::string answer() {
    char* line = nullptr;
    std::size_t capacity = 0;
    const ssize_t length = ::getline(&line, &capacity, answers_.get());
    const std::unique_ptr<char, decltype(&std::free)> owner(line, &std::free);
    if (length < 0) fail(ECONNRESET);
    return {line, static_cast<std::size_t>(length)};
  }

  [[nodiscard]] double cpu_ns() const { return nanoseconds(cpu_clock_); }

 private:
  [[noreturn]] static void fail(int error) {
    throw std::system_error(error, std::generic_category(),
                            fmt::format("HikariCP in {}", GRANT_BENCH_JAVA));
  }

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  pid_t process_{};
  clockid_t cpu_clock_{};
  int ours_{};
  std::unique_ptr<std::FILE, Close> answers_{};
};

/// One for all cases: it serves them one after another.
Jvm& jvm() {
  static Jvm only;
  return only;
}

void run_once(const Load& load, Round& round) {
  const double cpu_before = jvm().cpu_ns();
  jvm().ask(fmt::format("run {} {} {} {}", load.threads, load.connections,
                        std::chrono::nanoseconds(load.hold).count(), round.iterations));
  round.wall_ns = std::stod(jvm().answer());
  round.cpu_ns = jvm().cpu_ns() - cpu_before;
}

/// Of each thread of the last run.
std::vector<Seen> ask_what_was_seen(std::size_t threads) {
  std::vector<Seen> all(threads);
  jvm().ask("seen");
  for (Seen& seen : all) {
    std::istringstream line(jvm().answer());
    for (double wait{}, hold{}; line >> wait >> hold;) {
      seen.waits.push_back(wait / 1e3);
      seen.holds.push_back(hold / 1e3);
    }
  }
  return all;
}

/// Gives the compiler of the virtual machine a second to see what is hot.
void warm_up(const Load& load) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < until) {
    Round round{.iterations = 20'000};
    run_once({.threads = load.threads, .connections = load.connections}, round);
  }
}

}  // namespace

Implementation lease(const Load& load) {
  return {"HikariCP", [load] {
            warm_up(load);
            return [load](Round& round) {
              run_once(load, round);
              if (load.hold.count() > 0) report(ask_what_was_seen(load.threads), round);
            };
          }};
}

}  // namespace grant::bench::hikari
