#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "bench/pool/load.hpp"
#include "bench/pool/peers.hpp"

namespace grant::bench::plain {
namespace {

struct Connection {};

class Stack {
 public:
  explicit Stack(std::size_t connections) {
    for (std::size_t i = 0; i < connections; ++i) idle_.push_back(std::make_unique<Connection>());
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

class Slots {
 public:
  explicit Slots(std::size_t connections) : slots_(connections) {}

  /// Tries the thread's own slot first, then the others.
  std::size_t acquire() {
    // A thread is of one round, and so of one pool.
    thread_local const std::size_t home = threads_.fetch_add(1) % slots_.size();
    std::size_t slot = home;
    while (!take(slot)) {
      if (++slot == slots_.size()) slot = 0;
      if (slot == home) std::this_thread::yield();
    }
    return slot;
  }

  void release(std::size_t slot) { slots_[slot].taken.store(false, std::memory_order_release); }

 private:
  struct alignas(64) Slot {
    std::atomic<bool> taken{false};
  };

  bool take(std::size_t slot) {
    bool taken = false;
    return slots_[slot].taken.compare_exchange_strong(taken, true, std::memory_order_acquire);
  }

  std::vector<Slot> slots_;
  std::atomic<std::size_t> threads_{0};
};

}  // namespace

Implementation mutex_and_condition_variable(const Load& load) {
  return leasing("mutex and condition variable", load, [](std::size_t connections) {
    return [pool = std::make_shared<Stack>(connections)](auto&& use) {
      auto connection = pool->acquire();
      use();
      pool->release(std::move(connection));
    };
  });
}

Implementation compare_and_swap(const Load& load) {
  return leasing("compare-and-swap slots", load, [](std::size_t connections) {
    return [pool = std::make_shared<Slots>(connections)](auto&& use) {
      const std::size_t slot = pool->acquire();
      use();
      pool->release(slot);
    };
  });
}

}  // namespace grant::bench::plain
