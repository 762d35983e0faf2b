#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/harness.hpp"

// What the pools have in common: threads that lease a connection, hold it, and give it back. All of
// them do so through this, but HikariCP, for which HikariBench.java does the same.
namespace grant::bench {

/// How a case uses a pool.
struct Load {
  std::size_t threads{};
  std::size_t connections{};
  std::chrono::microseconds hold{};

  [[nodiscard]] std::string name() const;
};

/// The cycles of a round. Threads draw from them until none is left, so that each does as many as
/// the pool lets it, and all of them compete to the end. Thread-safe.
class Cycles {
 public:
  explicit Cycles(std::size_t count) : count_(count) {}

  /// How many cycles the caller is to do now: at most `wanted`; 0: none is left.
  [[nodiscard]] std::size_t draw(std::size_t wanted) noexcept {
    const std::size_t before = drawn_.fetch_add(wanted, std::memory_order_relaxed);
    return before < count_ ? std::min(wanted, count_ - before) : 0;
  }

 private:
  const std::size_t count_;
  std::atomic<std::size_t> drawn_{0};
};

/// What one thread saw of each of its cycles, in microseconds.
struct Seen {
  std::vector<double> waits{};
  std::vector<double> holds{};  ///< The hold that was asked for, and what oversleeping adds.
};

/// Runs `body(thread)` on so many threads, and has the round take as long as from when all of them
/// begin until the last one ends.
void run_threads(std::size_t threads, Round& round, const std::function<void(std::size_t)>& body);

/// Reports waits and holds over all threads, and how evenly the threads shared the cycles.
void report(const std::vector<Seen>& threads, Round& round);

/// Leases as often as it can. Neither a clock nor the other threads' cycles cost time here: `lease`
/// may take as little as 10 ns.
template <class Lease>
void lease_only(const Lease& lease, Cycles& cycles) {
  while (const std::size_t count = cycles.draw(256)) {
    for (std::size_t i = 0; i < count; ++i) lease([] {});
  }
}

/// Sleeps while it holds a connection, as a thread does while the server works.
template <class Lease>
Seen lease_and_hold(const Lease& lease, Cycles& cycles, std::chrono::microseconds span) {
  using Clock = std::chrono::steady_clock;
  using Microseconds = std::chrono::duration<double, std::micro>;
  Seen seen;
  while (cycles.draw(1) > 0) {
    const auto asked = Clock::now();
    Clock::time_point granted;
    Clock::time_point held;
    lease([&] {
      granted = Clock::now();
      std::this_thread::sleep_for(span);
      held = Clock::now();
    });
    seen.waits.push_back(Microseconds(granted - asked).count());
    seen.holds.push_back(Microseconds(held - granted).count());
  }
  return seen;
}

/// `open(connections)(use)` leases a connection from a pool of so many, calls `use()`, and gives it
/// back. Any number of threads call it at once.
template <class Open>
Implementation leasing(std::string name, const Load& load, Open open) {
  return {std::move(name), [load, open] {
            return [load, lease = open(load.connections)](Round& round) {
              Cycles cycles(round.iterations);
              std::vector<Seen> seen(load.threads);
              run_threads(load.threads, round, [&](std::size_t thread) {
                if (load.hold.count() == 0) {
                  lease_only(lease, cycles);
                } else {
                  seen[thread] = lease_and_hold(lease, cycles, load.hold);
                }
              });
              if (load.hold.count() > 0) report(seen, round);
            };
          }};
}

}  // namespace grant::bench
