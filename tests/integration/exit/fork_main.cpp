// Forks in one way or another, with databases open: fork_main URL SCENARIO. Exits 0 if parent and
// children did what they should; says on stderr what they did instead.
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <grant/grant.hpp>

namespace {

using namespace std::chrono_literals;

std::string url;

struct Fork : grant::Model<Fork> {
  std::int64_t id{};
  std::string who{};

  static constexpr auto table = grant::table<Fork>("forks", grant::column<&Fork::id>.primary_key(),
                                                   grant::column<&Fork::who>);
};

/// Thrown for what should have been.
[[noreturn]] void wrong(const std::string& what) { throw std::runtime_error(what); }

void expect(bool holds, const char* what) {
  if (!holds) wrong(what);
}

grant::Databases databases() {
  grant::ConnectionSpec spec;
  spec.url = url;
  spec.pool.max_size = 4;
  spec.pool.initial_size = 1;
  spec.pool.checkout_timeout = 20s;
  spec.health_check.timeout = 20s;
  return {{"primary", spec}};
}

void establish(grant::RegistryOptions options = {}) {
  grant::establish_connections(databases(), std::move(options));
}

void write(std::string_view who) {
  grant::sql(fmt::format("INSERT INTO forks (who) VALUES ('{}')", who)).run();
}

std::int64_t count(std::string_view who) {
  return grant::sql(fmt::format("SELECT count(*) AS n FROM forks WHERE who = '{}'", who))
      .run()[0]
      .get<std::int64_t>("n");
}

grant::Errc code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const grant::Error& error) {
    return error.code();
  }
  wrong("no error");
}

/// How a child ended: what it exited with; 1000 and the signal that killed it; 2000 if it did not
/// end in time.
int end_of(pid_t child) {
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  pollfd entry{handle, POLLIN, 0};
  const bool ended = ::poll(&entry, 1, 30'000) == 1;
  ::close(handle);
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!ended) return 2000;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/// Runs `action` in a forked child that leaves by `leave`.
template <class Action>
pid_t fork_child(const Action& action, void (*leave)(int) = ::_exit) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  int code = 0;
  try {
    action();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
    code = 1;
  }
  leave(code);
  std::abort();
}

template <class Action>
void in_child(const Action& action, void (*leave)(int) = ::_exit) {
  const int end = end_of(fork_child(action, leave));
  if (end != 0) wrong(fmt::format("the child ended with {}", end));
}

/// Threads that are busy with `action` until this goes.
class Busy {
 public:
  Busy(int threads, std::function<void()> action) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, action] {
        try {
          while (!stop_) {
            action();
            ++rounds_;
          }
        } catch (const std::exception& error) {
          std::fprintf(stderr, "busy: %s\n", error.what());
          failed_ = true;
        }
      });
    }
    while (rounds_ < 2 * threads && !failed_) std::this_thread::yield();
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<bool> failed_ = false;
  std::atomic<int> rounds_ = 0;
  std::vector<std::thread> threads_;
};

/// Forks `times` while the threads are busy. A child works, or is told that it cannot.
void fork_while_busy(int times, const Busy& busy, const std::function<void()>& action) {
  int refused = 0;
  for (int i = 0; i < times; ++i) {
    constexpr int refusal = 77;
    const auto child = fork_child(
        [&] {
          if (i % 2 == 1) return;
          try {
            action();
          } catch (const grant::Error& error) {
            const std::string_view words = error.what();
            if (error.code() != grant::Errc::closed ||
                words.find("forked while another thread was inside") == words.npos) {
              throw;
            }
            ::_exit(refusal);
          }
        },
        i % 4 == 0 ? static_cast<void (*)(int)>(std::exit) : ::_exit);
    const int end = end_of(child);
    if (end == refusal) ++refused;
    if (end != 0 && end != refusal) wrong(fmt::format("child {} ended with {}", i, end));
  }
  expect(!busy.failed(), "the parent's threads go on");
  if (refused > 0) std::fprintf(stderr, "%d of %d were refused\n", refused, times);
  // How many depends on how busy the machine is: every second one tries.
  expect(refused < times / 2, "a child may work");
}

// -- The scenarios ----------------------------------------------------------------------------

void queries() {
  write("parent");
  in_child([] {
    expect(count("parent") == 1, "the child reads");
    write("child");
    grant::transaction("primary", [] { write("child"); });
    expect(grant::registry().system_healthy(), "the table came along");
  });
  expect(count("child") == 2, "the parent sees what the child has written");
  in_child([] {
    in_child([] {
      write("grandchild");
      grant::registry().check_health_now();
    });
    write("child");
  });
  expect(count("grandchild") == 1, "a grandchild works");
}

void check_now() {
  in_child([] {
    grant::registry().check_health_now();
    expect(grant::registry().system_healthy(), "the child's monitor finds the nodes well");
    expect(count("nobody") == 0, "the child reads");
  });
  grant::registry().check_health_now();
}

void first_thing_in_the_child() {
  in_child([] { grant::registry().check_health_now(); });
  in_child([] { write("child"); });
}

void close_in_child() {
  in_child([] {
    grant::close_connections();
    expect(code_of([] { write("late"); }) == grant::Errc::configuration, "nothing is set up");
  });
  in_child([] {
    write("child");
    grant::close_connections();
  });
  write("parent");
}

void establish_in_child() {
  in_child([] {
    establish();
    write("child");
    establish();
    write("child");
    grant::close_connections();
  });
  expect(count("child") == 2, "the child has written");
}

void exit_in_child() {
  in_child([] {}, std::exit);
  in_child([] { write("child"); }, std::exit);
  in_child([] { grant::registry().check_health_now(); }, std::quick_exit);
  in_child([] { establish(); }, std::exit);
  const int end = end_of(fork_child([] { ::raise(SIGTERM); }));
  expect(end == 1000 + SIGTERM, "a signal ends the child");
  write("parent");
}

void inside_a_transaction() {
  grant::transaction("primary", [] {
    write("parent");
    in_child([] {
      expect(code_of([] { write("child"); }) == grant::Errc::closed, "it is the parent's");
      expect(code_of([] { count("parent"); }) == grant::Errc::closed, "for reads too");
      // One of its own begins on another thread.
      std::thread([] { expect(count("nobody") == 0, "the child reads"); }).join();
    });
    in_child([] {}, std::exit);
    // Leaves the scope, which would roll back.
    const pid_t child = ::fork();
    if (child == 0) throw std::runtime_error("the child leaves");
    expect(end_of(child) == 0, "the child ends");
    write("parent");
  });
  expect(count("parent") == 2, "the parent has committed");
}

void inside_a_stream() {
  for (int i = 0; i < 50; ++i) write("parent");
  int seen = 0;
  bool in_the_child = false;
  pid_t child = 0;
  try {
    Fork::where(grant::field<&Fork::id> > 0)
        .each(
            [&](const Fork&) {
              if (++seen != 3) return;
              child = ::fork();
              in_the_child = child == 0;
            },
            {.chunk_rows = 2});
  } catch (const grant::Error& error) {
    if (!in_the_child) throw;
    ::_exit(error.code() == grant::Errc::closed ? 42 : 1);
  }
  if (in_the_child) ::_exit(2);
  expect(end_of(child) == 42, "the child is told that the stream is its parent's");
  expect(seen == 50, "the parent reads to the end");
  write("parent");
}

void from_an_event_sink() {
  // On the monitor's thread, which in the child is the only one.
  for (const bool returns : {false, true}) {
    std::atomic<int> end = -1;
    grant::RegistryOptions options;
    options.events = [&](const grant::Event& event) {
      if (event.name != "node.healthy" || end != -1) return;
      const pid_t child = ::fork();
      if (child != 0) {
        end = end_of(child);
        return;
      }
      end = 0;
      if (!returns) ::_exit(0);
    };
    grant::close_connections();  // so that the nodes are new, and become healthy
    establish(options);
    while (end == -1) std::this_thread::yield();
    expect(end == 0, "the child of the sink ends");
    write("parent");
    grant::close_connections();
  }
  establish();
}

void while_queries_run() {
  const Busy busy(4, [] { static_cast<void>(count("nobody")); });
  fork_while_busy(60, busy, [] { static_cast<void>(count("nobody")); });
}

void while_writes_run() {
  const Busy busy(3, [] { grant::transaction("primary", [] { write("busy"); }); });
  fork_while_busy(50, busy, [] { write("child"); });
}

void while_connections_open() {
  const Busy busy(3, [] {
    grant::Registry own(databases());
    grant::Session(std::shared_ptr<grant::Registry>(&own, [](auto*) {})).run([] {
      return count("nobody");
    });
  });
  fork_while_busy(50, busy, [] { write("child"); });
}

void while_reloading() {
  const Busy busy(1, [] {
    establish();
    grant::registry().check_health_now();  // or the server would be flooded
  });
  fork_while_busy(40, busy, [] {
    try {
      static_cast<void>(count("nobody"));
      grant::registry().check_health_now();
    } catch (const grant::Error& error) {
      // It may have forked between two registries: the one that it found was being closed.
      if (error.code() != grant::Errc::closed) throw;
    }
    establish();
    write("child");
  });
}

/// The server sees the end of a process though its child lives on.
void killed_parent() {
  int life[2];
  if (::pipe(life) != 0) wrong("pipe");
  const auto mine = "grant_fork_" + std::to_string(::getpid());
  const pid_t middle = ::fork();
  if (middle == 0) {
    grant::sql("CREATE TABLE " + mine + " (id int)").run();
    grant::transaction("primary", [&] {
      write("killed");
      if (::fork() == 0) {
        ::close(life[1]);
        char end = 0;
        while (::read(life[0], &end, 1) > 0) continue;
        ::_exit(0);
      }
      ::kill(::getpid(), SIGKILL);
    });
  }
  ::close(life[0]);
  expect(end_of(middle) == 1000 + SIGKILL, "it was killed");
  // Waits for its lock on the row's table, which goes with the session.
  grant::connected_to({.timeout = 20s}, [&] { grant::sql("DROP TABLE " + mine).run(); });
  grant::connected_to({.timeout = 20s}, [&] { grant::sql("DROP TABLE forks").run(); });
  ::close(life[1]);
}

/// Nobody but the program's own threads gets its signals.
void signals() {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, nullptr);
  write("parent");
  grant::registry().check_health_now();
  for (int i = 0; i < 50; ++i) {
    ::kill(::getpid(), SIGTERM);  // would end the process on a thread that does not block it
    int seen = 0;
    sigwait(&term, &seen);
    expect(seen == SIGTERM, "the signal waits for who asks");
  }
}

const std::map<std::string_view, void (*)()> scenarios{
    {"queries", queries},
    {"check_now", check_now},
    {"first_thing_in_the_child", first_thing_in_the_child},
    {"close_in_child", close_in_child},
    {"establish_in_child", establish_in_child},
    {"exit_in_child", exit_in_child},
    {"inside_a_transaction", inside_a_transaction},
    {"inside_a_stream", inside_a_stream},
    {"from_an_event_sink", from_an_event_sink},
    {"while_queries_run", while_queries_run},
    {"while_writes_run", while_writes_run},
    {"while_connections_open", while_connections_open},
    {"while_reloading", while_reloading},
    {"killed_parent", killed_parent},
    {"signals", signals},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || !scenarios.contains(argv[2])) return 2;
  url = argv[1];
  const pid_t process = ::getpid();
  try {
    establish();
    grant::registry().check_health_now();
    grant::sql("DROP TABLE IF EXISTS forks").run();
    grant::sql(fmt::format("CREATE TABLE forks (id {}, who varchar(20))",
                           url.starts_with("postgres") ? "serial PRIMARY KEY"
                           : url.starts_with("sqlite") ? "integer PRIMARY KEY"
                                                       : "int AUTO_INCREMENT PRIMARY KEY"))
        .run();
    scenarios.at(argv[2])();
  } catch (const std::exception& error) {
    // A child that left its transaction's scope returns from main, as it should.
    if (::getpid() != process) return 0;
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
