#include "grant/io/runtime.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "core/fork.hpp"
#include "core/per_process.hpp"
#include "grant/core/error.hpp"
#include "grant/core/mutex.hpp"
#include "grant/io/poll_loop.hpp"
#include "grant/io/worker.hpp"
#include "process_workers.hpp"

namespace grant::io {
namespace {

Workers& background() {
  // An opening of a connection keeps a thread for as long as the server makes it wait, and a pool
  // has several under way: so these are enough for many pools of bad servers.
  constexpr std::size_t kThreads = 1024;
  static constinit ProcessWorkers threads(kThreads);
  return threads.get();
}

/// Made by who asks for it, who can be told that there is no room.
std::shared_ptr<PollLoop> new_loop() {
  try {
    return std::make_shared<PollLoop>();
  } catch (const std::system_error& error) {
    throw_error(Errc::unavailable,
                fmt::format("cannot make a loop for work in the background: {}", error.what()));
  }
}

/// Calls functions when their time has come, on one thread.
class Timer {
 public:
  void call_at(TimePoint time, std::function<void()> function) {
    bool start = false;
    {
      const Lock lock(mutex_);
      calls_.emplace(time, std::move(function));
      start = !std::exchange(running_, true);
    }
    if (start) {
      start_thread();
    } else {
      sooner_.notify_one();
    }
  }

 private:
  void start_thread() {
    // Without the program's signals; never joined.
    static constinit ProcessWorkers thread(1);
    try {
      thread.get().post([this] { serve(); });
    } catch (const Error&) {
      const Lock lock(mutex_);
      running_ = false;  // whoever calls next tries again
    }
  }

  void serve() {
    while (true) {
      for (auto& call : due()) {
        call();
        call = nullptr;
        // It has forked, and goes on in the child as this thread.
        if (forks_ != grant::detail::forks()) return;
      }
    }
  }

  std::vector<std::function<void()>> due() {
    std::vector<std::function<void()>> due;
    const Lock lock(mutex_);
    while (true) {
      const auto now = Clock::system().now();
      while (!calls_.empty() && calls_.begin()->first <= now) {
        due.push_back(std::move(calls_.extract(calls_.begin()).mapped()));
      }
      if (!due.empty()) return due;
      sooner_.wait_until(mutex_, calls_.empty() ? kNever : calls_.begin()->first);
    }
  }

  const std::uint64_t forks_ = grant::detail::forks();
  Mutex mutex_;
  Condition sooner_;
  std::multimap<TimePoint, std::function<void()>> calls_ GRANT_GUARDED_BY(mutex_);
  bool running_ GRANT_GUARDED_BY(mutex_) = false;
};

class SystemRuntime final : public Runtime {
 public:
  [[nodiscard]] TimePoint now() const noexcept override { return Clock::system().now(); }

  [[nodiscard]] std::uint64_t random_bits() noexcept override {
    // Forked children that went on with the parent's would all be at random in the same way.
    thread_local std::uint64_t forks = grant::detail::forks();
    thread_local std::mt19937_64 engine(std::random_device{}());
    if (forks != grant::detail::forks()) {
      forks = grant::detail::forks();
      engine.seed(std::random_device{}());
    }
    return engine();
  }

  void start(std::function<void(Loop& loop)> begin) override {
    auto loop = new_loop();
    // The thread that runs it frees it.
    background().post([loop = std::move(loop), begin = std::move(begin)] {
      begin(*loop);
      loop->run();
    });
  }

  void post(std::function<void()> work) override { background().post(std::move(work)); }

  void call_at(TimePoint time, std::function<void()> function) override {
    static constinit grant::detail::PerProcess<Timer> timer;
    timer.get().call_at(time, std::move(function));
  }
};

}  // namespace

Runtime& system_runtime() noexcept {
  // Never destroyed: its threads may run until the process ends.
  static auto& runtime = *new SystemRuntime;
  return runtime;
}

}  // namespace grant::io
