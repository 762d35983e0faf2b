#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "grant/core/mutex.hpp"
#include "grant/pool/pool.hpp"

namespace grant::detail {

/// One open connection, leased or idle.
struct PoolSlot {
  std::unique_ptr<Connection> connection;
  TimePoint leased_at;
  std::uint64_t generation{};  ///< Older than the pool's: to be closed when it comes back.
  bool leased = false;
};

/// A caller in the queue. Whoever serves it takes it out of the queue, writes `answer` under the
/// pool's lock and then sets the signal.
struct PoolWaiter {
  enum class Answer : std::uint8_t { none, slot, may_open, closed };

  std::shared_ptr<io::Signal> signal;
  Answer answer = Answer::none;
  PoolSlot* slot = nullptr;
};

/// What a Pool and its leases share; lives until the last of them is gone.
class PoolCore : public std::enable_shared_from_this<PoolCore> {
 public:
  PoolCore(PoolOptions options, const Driver& driver, ConnectOptions target, const Clock& clock,
           EventSink events);

  Task<Lease> acquire(io::Call call);
  Task<void> warm_up(io::Call call);
  void give_back(PoolSlot& slot, bool may_block) noexcept;
  void drop_connections() noexcept;
  void drop_idle() noexcept;
  void close() noexcept;
  PoolStats stats() const GRANT_EXCLUDES(mutex_);
  const PoolOptions& options() const noexcept { return options_; }

 private:
  enum class Step : std::uint8_t { take, open, wait };

  /// What a caller can do right now; takes an idle slot, a place to open, or joins the queue.
  Step first_step(PoolSlot*& slot, PoolWaiter& waiter) GRANT_EXCLUDES(mutex_);
  Task<PoolSlot*> open_slot(io::Call call);
  Task<std::unique_ptr<Connection>> connect(io::Call call);
  PoolSlot& add_slot(std::unique_ptr<Connection> connection, std::uint64_t generation)
      GRANT_EXCLUDES(mutex_);
  std::uint64_t current_generation() const GRANT_EXCLUDES(mutex_);
  void leave_queue(PoolWaiter& waiter) GRANT_EXCLUDES(mutex_);

  // Each hands what became free to the first in the queue, and says whom to wake once the lock is
  // gone.
  std::shared_ptr<io::Signal> hand_on(PoolSlot& slot) GRANT_REQUIRES(mutex_);
  std::shared_ptr<io::Signal> hand_on_place() GRANT_REQUIRES(mutex_);
  std::unique_ptr<Connection> remove(PoolSlot& slot) GRANT_REQUIRES(mutex_);
  PoolStats stats_locked() const GRANT_REQUIRES(mutex_);

  [[noreturn]] void throw_timeout(Duration limit) const;
  [[noreturn]] void throw_cancelled(std::string_view doing) const;
  [[noreturn]] void throw_closed() const;

  const PoolOptions options_;
  const Driver& driver_;
  const ConnectOptions target_;
  const Clock& clock_;
  const EventSink events_;

  // Guards everything below. Not held across I/O, callbacks or logging.
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<PoolSlot>> slots_ GRANT_GUARDED_BY(mutex_);
  std::vector<PoolSlot*> idle_ GRANT_GUARDED_BY(mutex_);
  std::deque<PoolWaiter*> queue_ GRANT_GUARDED_BY(mutex_);
  std::size_t opening_ GRANT_GUARDED_BY(mutex_) = 0;
  std::uint64_t generation_ GRANT_GUARDED_BY(mutex_) = 0;
  bool closed_ GRANT_GUARDED_BY(mutex_) = false;
};

}  // namespace grant::detail
