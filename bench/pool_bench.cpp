// What leasing a connection costs: grant::Pool beside the shortest pool that a mutex and a
// condition variable give. Connections are dummies, so that nothing but the pool is measured.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/harness.hpp"
#include "bench/statistics.hpp"
#include "grant/pool/pool.hpp"

namespace {

using namespace grant;
using namespace grant::bench;
using namespace std::chrono_literals;

/// Answers everything at once.
class DummyConnection final : public Connection {
 public:
  Task<std::unique_ptr<Result>> execute(io::Call, Statement) override { co_return nullptr; }
  Task<void> begin(io::Call, TransactionOptions) override { co_return; }
  Task<void> commit(io::Call) override { co_return; }
  Task<void> rollback(io::Call) override { co_return; }
  Task<Observation> probe(io::Call) override { co_return Observation{}; }
  TransactionState transaction_state() const noexcept override { return TransactionState::none; }
  bool is_open() const noexcept override { return true; }
  NodeKind kind_hint() const noexcept override { return NodeKind::unknown; }
};

class DummyDriver final : public Driver {
 public:
  Adapter adapter() const noexcept override { return Adapter::sqlite; }
  void validate(const Url&) const override {}
  Task<std::unique_ptr<Connection>> connect(io::Call, ConnectOptions) const override {
    co_return std::make_unique<DummyConnection>();
  }
};

/// The baseline: a stack of connections, a lock, and nothing else. No fairness, no deadline, no
/// health, no statistics.
class PlainPool {
 public:
  explicit PlainPool(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) idle_.push_back(std::make_unique<DummyConnection>());
  }

  std::unique_ptr<Connection> acquire() {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !idle_.empty(); });
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  void release(std::unique_ptr<Connection> connection) {
    {
      const std::scoped_lock lock(mutex_);
      idle_.push_back(std::move(connection));
    }
    returned_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

/// How a case uses a pool.
struct Load {
  std::size_t threads{};
  std::size_t size{};
  std::chrono::microseconds hold{};

  [[nodiscard]] std::string name() const {
    std::string name = fmt::format("{} threads, {} connections", threads, size);
    if (hold > 0us) name += fmt::format(", held {} us", hold.count());
    return name;
  }
};

/// Holds a connection as a query would: the thread sleeps while the server works.
void hold(std::chrono::microseconds span) {
  if (span > 0us) std::this_thread::sleep_for(span);
}

/// Shares the operations out among the threads. `lease_once` leases and returns a connection, and
/// is given what to do while it holds it.
template <class LeaseOnce>
void run_load(const Load& load, Round& round, LeaseOnce lease_once) {
  using Clock = std::chrono::steady_clock;
  std::vector<std::vector<double>> waits(load.threads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < load.threads; ++t) {
      threads.emplace_back([&, t] {
        ::prctl(PR_SET_TIMERSLACK, 1'000UL);  // ns: sleep for 100 us, not for 150
        const std::size_t share =
            round.iterations / load.threads + (t < round.iterations % load.threads ? 1 : 0);
        if (load.hold == 0us) {
          for (std::size_t i = 0; i < share; ++i) lease_once([] {});
          return;
        }
        waits[t].reserve(share);
        for (std::size_t i = 0; i < share; ++i) {
          const auto asked = Clock::now();
          lease_once([&] {
            waits[t].push_back(
                std::chrono::duration<double, std::micro>(Clock::now() - asked).count());
            hold(load.hold);
          });
        }
      });
    }
  }
  if (load.hold == 0us) return;
  std::vector<double> all;
  for (const auto& some : waits) all.insert(all.end(), some.begin(), some.end());
  round.report("wait p50", "us", quantile(all, 0.5));
  round.report("wait p99", "us", quantile(all, 0.99));
  round.report("wait max", "us", quantile(all, 1));
}

Implementation plain_pool(Load load) {
  return {"mutex and condition variable", [load] {
            auto pool = std::make_shared<PlainPool>(load.size);
            return [load, pool](Round& round) {
              run_load(load, round, [&pool](auto&& use) {
                auto connection = pool->acquire();
                use();
                pool->release(std::move(connection));
              });
            };
          }};
}

Implementation grant_pool(Load load) {
  return {"grant::Pool", [load] {
            static const DummyDriver driver;
            auto pool = std::make_shared<Pool>(
                PoolOptions{.max_size = load.size, .checkout_timeout = 60s}, driver,
                ConnectOptions{.node = "bench"}, Clock::system(), EventSink{});
            return [load, pool](Round& round) {
              run_load(load, round, [&pool](auto&& use) {
                const Lease lease = run(pool->acquire(io::Call(io::blocking_waiter())));
                use();
              });
            };
          }};
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::array kLoads = {Load{1, 10},       Load{2, 10},       Load{8, 10},
                                 Load{32, 10},      Load{8, 2, 100us}, Load{32, 2, 100us},
                                 Load{8, 10, 100us}};
  std::vector<Case> cases;
  cases.reserve(kLoads.size());
  for (const Load& load : kLoads) {
    cases.push_back({.name = load.name(),
                     .cpu = Cpu::process,
                     .implementations = {plain_pool(load), grant_pool(load)}});
  }
  return run_bench(argc, argv, "pool", cases);
}
