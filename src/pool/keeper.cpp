#include "keeper.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/core/mutex.hpp"
#include "grant/io/worker.hpp"
#include "pool_core.hpp"

namespace grant::detail {
namespace {

/// The pools that a thread looks after.
class Keeper {
 public:
  void keep(const std::shared_ptr<PoolCore>& core) {
    const Lock lock(mutex_);
    std::erase_if(cores_, [](const auto& known) { return known.expired(); });
    cores_.push_back(core);
  }

  void look_by(TimePoint time) {
    bool start = false;
    {
      const Lock lock(mutex_);
      if (time >= next_) return;
      next_ = time;
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
    // One thread, without the program's signals; never joined.
    static constinit io::ProcessWorkers thread(1);
    try {
      thread.get().post([this] { serve(); });
    } catch (const Error&) {
      const Lock lock(mutex_);
      running_ = false;  // whoever calls next tries again
      next_ = kNever;
    }
  }

  [[noreturn]] void serve() {
    while (true) {
      TimePoint next = kNever;
      for (const auto& known : wait()) {
        if (const auto core = known.lock()) next = std::min(next, core->look_after_if_open());
      }
      const Lock lock(mutex_);
      next_ = std::min(next_, next);
    }
  }

  std::vector<std::weak_ptr<PoolCore>> wait() {
    const Lock lock(mutex_);
    while (Clock::system().now() < next_) sooner_.wait_until(mutex_, next_);
    next_ = kNever;
    return cores_;
  }

  Mutex mutex_;
  Condition sooner_;
  std::vector<std::weak_ptr<PoolCore>> cores_ GRANT_GUARDED_BY(mutex_);
  TimePoint next_ GRANT_GUARDED_BY(mutex_) = kNever;
  bool running_ GRANT_GUARDED_BY(mutex_) = false;
};

/// All pools, for a forked child to make anew. Its lock is held while the process forks, so that
/// the child finds the list whole.
struct Remembered {
  std::mutex mutex;
  std::vector<std::pair<Pool*, void (*)(Pool&)>> pools;
};

Remembered& remembered() {
  static auto& all = *new Remembered;
  return all;
}

std::atomic<std::uint64_t> fork_count = 0;
std::atomic<Keeper*> the_keeper = nullptr;

Keeper& keeper() {
  // Never destroyed: its thread runs until the process ends.
  auto* known = the_keeper.load(std::memory_order_acquire);
  if (known != nullptr) return *known;
  auto made = std::make_unique<Keeper>();
  if (the_keeper.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
    return *made.release();
  }
  return *known;
}

void before_fork() { remembered().mutex.lock(); }
void after_fork_in_parent() { remembered().mutex.unlock(); }
void after_fork_in_child() {
  fork_count.fetch_add(1, std::memory_order_relaxed);
  // Some thread may have been using what is left behind: nobody touches it again.
  the_keeper.store(nullptr, std::memory_order_relaxed);
  for (const auto& [pool, renew] : remembered().pools) renew(*pool);
  remembered().mutex.unlock();
}

}  // namespace

void keep(const std::shared_ptr<PoolCore>& core) { keeper().keep(core); }

void look_by(TimePoint time) noexcept { keeper().look_by(time); }

std::uint64_t forks() noexcept { return fork_count.load(std::memory_order_relaxed); }

void remember(Pool& pool, void (*renew)(Pool& pool)) {
  static const int watched =
      ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  static_cast<void>(watched);  // fails for lack of memory only; then a fork is not noticed
  const std::scoped_lock lock(remembered().mutex);
  remembered().pools.emplace_back(&pool, renew);
}

void forget(Pool& pool) noexcept {
  const std::scoped_lock lock(remembered().mutex);
  std::erase_if(remembered().pools, [&pool](const auto& known) { return known.first == &pool; });
}

}  // namespace grant::detail
