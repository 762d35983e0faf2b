#include "keeper.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/per_process.hpp"
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

  void serve() {
    while (true) {
      TimePoint next = kNever;
      for (const auto& known : wait()) {
        if (const auto core = known.lock()) next = std::min(next, core->look_after_if_open());
        // An event sink has forked, and goes on in the child as this thread.
        if (forks_ != forks()) return;
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

  const std::uint64_t forks_ = forks();
  Mutex mutex_;
  Condition sooner_;
  std::vector<std::weak_ptr<PoolCore>> cores_ GRANT_GUARDED_BY(mutex_);
  TimePoint next_ GRANT_GUARDED_BY(mutex_) = kNever;
  bool running_ GRANT_GUARDED_BY(mutex_) = false;
};

constinit PerProcess<Keeper> keeper;

}  // namespace

void keep(const std::shared_ptr<PoolCore>& core) { keeper.get().keep(core); }

void look_by(TimePoint time) noexcept { keeper.get().look_by(time); }

}  // namespace grant::detail
