#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grant/io/task.hpp"
#include "grant/pool/pool.hpp"
#include "grant/testing/fake_clock.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/memory_driver.hpp"

namespace grant::test {

/// A blocking call that ends after `limit`, or only when a test hangs.
inline io::Call blocking(Duration limit = std::chrono::seconds(60)) {
  return io::Call(io::blocking_waiter(), after(Clock::system().now(), limit));
}

/// Which of its server's connections this is.
inline std::size_t id_of(const Lease& lease) {
  return dynamic_cast<MemoryConnection&>(*lease).id();
}

/// Lines written by several threads.
class Log {
 public:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Patient, and without retries.
inline PoolOptions options(std::size_t max_size) {
  PoolOptions options;
  options.max_size = max_size;
  options.checkout_timeout = std::chrono::seconds(60);
  options.retry_attempts = 0;
  options.retry_delay = std::chrono::milliseconds(0);
  return options;
}

inline PoolOptions with_timeout(std::size_t max_size, std::chrono::milliseconds timeout) {
  auto changed = options(max_size);
  changed.checkout_timeout = timeout;
  return changed;
}

/// A loop that never resumes anybody, and counts whom it should have.
class Nowhere final : public io::Waiter {
 public:
  [[nodiscard]] int told() const { return *told_; }

  std::shared_ptr<io::Signal> make_signal() override { return std::make_shared<Deaf>(told_); }
  bool finish_now(io::Wait& /*wait*/) override { return false; }
  void start(io::Wait& /*wait*/) override {}

 private:
  using Count = std::shared_ptr<std::atomic<int>>;

  class Deaf final : public io::Signal {
   public:
    explicit Deaf(Count told) : told_(std::move(told)) {}
    void set() noexcept override { ++*told_; }

   private:
    Count told_;
  };

  Count told_ = std::make_shared<std::atomic<int>>(0);
};

/// A caller who waits on a loop that never resumes it.
class Sleeper {
 public:
  explicit Sleeper(Pool& pool) : task_(pool.acquire(io::Call(loop_))) {
    auto awaiter = task_.operator co_await();
    EXPECT_FALSE(awaiter.await_ready());
  }

  /// How often it was told to look, or that it has a connection.
  [[nodiscard]] int told() const { return loop_.told(); }

 private:
  Nowhere loop_;
  Task<Lease> task_;
};

/// One pool on one scripted server.
struct PoolFixture {
  explicit PoolFixture(PoolOptions options) {
    ConnectOptions target;
    target.url = Url::parse("mariadb://server/db");
    target.node = "db/writer";
    pool = std::make_unique<Pool>(options, driver, target, clock,
                                  [this](const Event& event) { events.add(to_string(event)); });
  }

  Lease take(io::Call call = blocking(), CallSite place = CallSite::current()) const {
    return run(pool->acquire(call, place));
  }

  /// Without waiting. Empty: none is idle.
  [[nodiscard]] Lease take_idle() const {
    auto acquiring = pool->acquire(blocking());
    return acquiring.is_finished() ? run(std::move(acquiring)) : Lease();
  }

  /// As threads that do not hold a connection do.
  [[nodiscard]] Errc refusal(io::Call call = blocking()) const {
    Errc code{};
    std::thread([&] { code = error_of([&] { return take(call); }).code; }).join();
    return code;
  }

  [[nodiscard]] bool open(std::size_t count) const {
    return eventually([&] { return server.open() == count; });
  }

  [[nodiscard]] bool opening(std::size_t count) const {
    return eventually([&] { return pool->stats().opening == count; });
  }

  [[nodiscard]] bool waiting(std::size_t count) const {
    return eventually([&] { return pool->stats().waiting == count; });
  }

  MemoryDriver driver;
  MemoryServer& server = driver.server("server");
  testing::FakeClock clock;
  Log events;
  std::unique_ptr<Pool> pool;
};

/// Has so many connections opened, and returns them.
inline void fill(const PoolFixture& f, std::size_t count) {
  std::vector<Lease> leases;
  for (std::size_t i = 0; i < count; ++i) leases.push_back(f.take());
}

/// Notes `name` once it has a connection, or with the error that it got instead.
Task<void> take_and_note(Pool& pool, io::Call call, Log& log, std::string name);

}  // namespace grant::test
