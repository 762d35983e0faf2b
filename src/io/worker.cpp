#include "grant/io/worker.hpp"

#include <algorithm>
#include <deque>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "core/fork.hpp"
#include "grant/core/error.hpp"
#include "grant/core/mutex.hpp"
#include "process_workers.hpp"
#include "signals_blocked.hpp"

namespace grant::io {
/// Owned by the Workers and by each of the threads.
class Workers::Shared : public std::enable_shared_from_this<Shared> {
 public:
  explicit Shared(std::size_t most) : most_(std::max(most, std::size_t{1})) {}

  void post(std::function<void()> work) {
    {
      const Lock lock(mutex_);
      queue_.push_back(std::move(work));
      if (queue_.size() > idle_ && threads_ < most_) start_thread();
    }
    wake_.notify_one();
  }

  void close() {
    {
      const Lock lock(mutex_);
      closed_ = true;
    }
    wake_.notify_all();
  }

 private:
  void start_thread() GRANT_REQUIRES(mutex_) {
    try {
      const SignalsBlocked blocked;
      std::thread([self = shared_from_this()] { self->serve(); }).detach();
      ++threads_;
    } catch (const std::system_error& error) {
      if (threads_ > 0) return;  // the work waits for one of those
      queue_.pop_back();
      throw_error(Errc::unavailable,
                  fmt::format("cannot start a thread for work that blocks: {}", error.what()));
    }
  }

  void serve() {
    // What runs here may fork, and go on in the child as this thread, which nobody wants there.
    const auto forks = grant::detail::forks();
    while (const auto work = next()) {
      work();
      if (forks != grant::detail::forks()) return;
    }
  }

  /// Empty: the thread shall end.
  std::function<void()> next() {
    const Lock lock(mutex_);
    ++idle_;
    while (queue_.empty() && !closed_) wake_.wait(mutex_);
    --idle_;
    if (queue_.empty()) return {};
    auto work = std::move(queue_.front());
    queue_.pop_front();
    return work;
  }

  const std::size_t most_;
  Mutex mutex_;
  Condition wake_;
  std::deque<std::function<void()>> queue_ GRANT_GUARDED_BY(mutex_);
  std::size_t threads_ GRANT_GUARDED_BY(mutex_) = 0;
  std::size_t idle_ GRANT_GUARDED_BY(mutex_) = 0;
  bool closed_ GRANT_GUARDED_BY(mutex_) = false;
};

Workers::Workers(std::size_t most) : shared_(std::make_shared<Shared>(most)) {}
Workers::~Workers() { shared_->close(); }
void Workers::post(std::function<void()> work) { shared_->post(std::move(work)); }

Workers& workers() {
  constexpr std::size_t kThreads = 32;
  static constinit ProcessWorkers everybody(kThreads);
  return everybody.get();
}

}  // namespace grant::io
