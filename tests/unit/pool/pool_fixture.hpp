#pragma once

#include <memory>
#include <mutex>
#include <string>
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

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
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

  Lease take(io::Call call = blocking()) const { return run(pool->acquire(call)); }

  [[nodiscard]] bool waiting(std::size_t count) const {
    return eventually([&] { return pool->stats().waiting == count; });
  }

  MemoryDriver driver;
  MemoryServer& server = driver.server("server");
  testing::FakeClock clock;
  Log events;
  std::unique_ptr<Pool> pool;
};

}  // namespace grant::test
