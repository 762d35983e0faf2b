#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "grant/core/mutex.hpp"
#include "grant/io/runtime.hpp"
#include "grant/pool/pool.hpp"
#include "policy.hpp"
#include "slot.hpp"

namespace grant::detail {

inline std::int64_t in_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

/// A caller in the queue. Whoever answers it takes it out of the queue, writes `answer` under the
/// pool's lock and then sets the signal.
struct PoolWaiter {
  enum class Answer : std::uint8_t { none, slot, failed, closed };

  TimePoint began{};
  TimePoint deadline = kNever;
  const void* thread = nullptr;  ///< Of a blocking caller.
  std::shared_ptr<io::Signal> signal;
  TimePoint since{};
  bool queued = false;
  bool woken = false;             ///< Told to look for an idle connection; not yet running.
  bool open_before = false;       ///< There was a connection when it came.
  std::uint64_t opened_before{};  ///< How many had ever been opened then.
  Answer answer = Answer::none;
  PoolSlot* slot = nullptr;
  std::shared_ptr<const ErrorInfo> error;
};

/// What a Pool and its leases share. The Pool owns it; once closed, it owns itself until the last
/// lease has ended. Its background work owns it as well.
class PoolCore : public std::enable_shared_from_this<PoolCore> {
 public:
  PoolCore(PoolOptions options, const Driver& driver, ConnectOptions target, const Clock& clock,
           EventSink events, io::Runtime& runtime);
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;
  ~PoolCore();

  Lease try_acquire(const io::Call& call, CallSite place) noexcept;
  Task<Lease> acquire(io::Call call, CallSite place);
  Task<void> warm_up(io::Call call);
  static void give_back(PoolSlot& slot, bool may_block) noexcept;
  void drop_connections() noexcept GRANT_EXCLUDES(mutex_);
  void drop_idle() noexcept GRANT_EXCLUDES(mutex_);
  void resize(std::size_t max_size) GRANT_EXCLUDES(mutex_);
  void suspend() noexcept GRANT_EXCLUDES(mutex_);
  void resume() noexcept GRANT_EXCLUDES(mutex_);
  Task<std::size_t> drain(io::Call call);
  void close() noexcept GRANT_EXCLUDES(mutex_);
  PoolStats stats() const GRANT_EXCLUDES(mutex_);
  PoolOptions options() const noexcept;

  /// A look at everything.
  void look_after() noexcept GRANT_EXCLUDES(mutex_);

  /// Waits until nothing of a closed pool uses its driver any more.
  void await_work() GRANT_EXCLUDES(mutex_);

  /// For a forked child: a pool like this one with nothing open. Takes no lock, since a thread that
  /// is not there any more may have held it.
  [[nodiscard]] std::shared_ptr<PoolCore> made_anew() const;

 private:
  class Later;
  class InQueue;
  class Wish;
  class Work;
  class WorkHere;
  friend class InQueue;

  // The way without a lock.
  PoolSlot* take_now() noexcept;
  static bool is_clean(const Connection& connection) noexcept;
  static Lease lend(PoolSlot& slot, bool may_block, CallSite place) noexcept;
  Lease lend_on_this_thread(PoolSlot& slot, bool may_block, CallSite place) noexcept;
  static const void* this_thread() noexcept;
  void give_back_slowly(PoolSlot& slot, bool may_block) noexcept GRANT_EXCLUDES(mutex_);
  void take_back(PoolSlot& slot, Later& later) GRANT_REQUIRES(mutex_);

  // The queue.
  Task<Lease> acquire_waiting(io::Call call, CallSite place);
  Task<PoolSlot*> wait_for_slot(io::Call call, TimePoint began, bool may_block);
  PoolSlot* take_or_join(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal)
      GRANT_EXCLUDES(mutex_);
  PoolSlot* look_again(PoolWaiter& waiter, io::Outcome outcome, std::shared_ptr<io::Signal> signal)
      GRANT_EXCLUDES(mutex_);
  void abandon(PoolWaiter& waiter) noexcept GRANT_EXCLUDES(mutex_);
  void join(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal) GRANT_REQUIRES(mutex_);
  void leave(PoolWaiter& waiter, Later& later) GRANT_REQUIRES(mutex_);
  bool waits_for_itself(const PoolWaiter& waiter) const GRANT_REQUIRES(mutex_);
  PoolSlot* take_idle(Later& later) GRANT_REQUIRES(mutex_);
  bool own_idle(PoolSlot& slot) GRANT_REQUIRES(mutex_);
  std::size_t count_idle() const GRANT_REQUIRES(mutex_);
  void want_attention() GRANT_REQUIRES(mutex_);
  bool needs_attention(const PoolSlot& slot) const GRANT_REQUIRES(mutex_);
  void set_owner(PoolSlot& slot, std::uint8_t owner) GRANT_REQUIRES(mutex_);
  void offer(PoolSlot& slot, Later& later) GRANT_REQUIRES(mutex_);
  void hand_over(PoolSlot& slot, Later& later) GRANT_REQUIRES(mutex_);
  void hand_over_idle(Later& later) GRANT_REQUIRES(mutex_);
  void serve_idle(Later& later) GRANT_REQUIRES(mutex_);
  void answer_all(PoolWaiter::Answer answer, const std::shared_ptr<const ErrorInfo>& error,
                  Later& later, std::size_t spared = 0) GRANT_REQUIRES(mutex_);

  // Opening, checking, closing.
  Demand demand() const GRANT_REQUIRES(mutex_);
  void plan_openings(Later& later) GRANT_REQUIRES(mutex_);
  void start_openings(std::size_t count, TimePoint deadline) noexcept GRANT_EXCLUDES(mutex_);
  Task<void> open_one(io::Loop& loop, TimePoint deadline);
  Task<void> connect(io::Call call, std::unique_ptr<Connection>& connection, ErrorInfo& failure);
  bool may_retry(const ErrorInfo& failure) const GRANT_EXCLUDES(mutex_);
  Duration retry_pause() GRANT_EXCLUDES(mutex_);
  void opened(std::unique_ptr<Connection> connection, std::uint64_t generation) noexcept
      GRANT_EXCLUDES(mutex_);
  void not_opened(ErrorInfo failure) noexcept GRANT_EXCLUDES(mutex_);
  PoolSlot& empty_slot() GRANT_REQUIRES(mutex_);
  bool is_fit(const PoolSlot& slot) const GRANT_REQUIRES(mutex_);
  void empty(PoolSlot& slot, Later& later, bool in_background) GRANT_REQUIRES(mutex_);
  void empty_idle(Later& later, bool only_unproven) GRANT_REQUIRES(mutex_);
  void close_in_background(std::vector<std::unique_ptr<Connection>> connections) noexcept
      GRANT_EXCLUDES(mutex_);
  Task<bool> is_alive(Connection& connection, io::Call call) const;
  void hold(PoolSlot& slot, Later& later) GRANT_REQUIRES(mutex_);
  void refresh(PoolSlot& slot) noexcept GRANT_EXCLUDES(mutex_);
  Task<void> refresh_on(io::Loop& loop, PoolSlot& slot, std::shared_ptr<Work> waited_for);
  Task<void> make_clean(Connection& connection, io::Call call) const;
  void after_refresh(PoolSlot& slot) noexcept GRANT_EXCLUDES(mutex_);
  void drop_unproven() noexcept GRANT_EXCLUDES(mutex_);
  void look_by(TimePoint time) GRANT_EXCLUDES(mutex_);
  void look_now(TimePoint time) noexcept GRANT_EXCLUDES(mutex_);
  static void notice(PoolSlot& slot, TimePoint now);
  void tend(TimePoint now, Later& later) GRANT_REQUIRES(mutex_);
  void tend_leased(PoolSlot& slot, TimePoint now, Later& later) GRANT_REQUIRES(mutex_);
  void tell_of_leak(PoolSlot& slot, Duration held, Later& later) GRANT_REQUIRES(mutex_);
  PoolStats count() const GRANT_REQUIRES(mutex_);
  void note_progress(Later& later) GRANT_REQUIRES(mutex_);

  // What ends a wait.
  [[nodiscard]] ErrorInfo error(Errc code, std::string message) const;
  [[nodiscard]] ErrorInfo closed_error() const;
  [[nodiscard]] ErrorInfo cancelled_error(std::string_view doing) const;
  [[nodiscard]] ErrorInfo unchecked_error(Duration limit) const;
  [[nodiscard]] ErrorInfo no_time_error(const PoolWaiter& waiter, Later& later)
      GRANT_REQUIRES(mutex_);
  [[nodiscard]] ErrorInfo refusal(std::string_view why, Later& later) GRANT_REQUIRES(mutex_);

  const std::uint64_t id_;     ///< Never used twice in a process.
  const std::uint64_t forks_;  ///< How often the process had forked when this was made.
  const PoolOptions given_;
  const Driver& driver_;
  const ConnectOptions target_;
  const Clock& clock_;
  const EventSink events_;
  io::Runtime& runtime_;  ///< Whose time waits and openings go by; ages go by the clock.

  // Read and written under the lock, but for a look from a forked child.
  std::atomic<std::size_t> max_size_;
  std::atomic<bool> suspended_ = false;
  std::atomic<bool> closed_ = false;

  std::atomic<PoolSlot*> first_ = nullptr;  ///< Slots are added under the lock, and never go.

  // Guards everything below. Not held across I/O, callbacks or logging.
  mutable Mutex mutex_;
  PoolSlot* last_ GRANT_GUARDED_BY(mutex_) = nullptr;
  std::size_t open_ GRANT_GUARDED_BY(mutex_) = 0;  ///< Slots with a connection.
  std::size_t opening_ GRANT_GUARDED_BY(mutex_) = 0;
  std::size_t wished_ GRANT_GUARDED_BY(mutex_) = 0;
  std::deque<PoolWaiter*> queue_ GRANT_GUARDED_BY(mutex_);
  std::uint64_t generation_ GRANT_GUARDED_BY(mutex_) = 0;
  bool in_use_ GRANT_GUARDED_BY(mutex_) = false;  ///< Something was opened: min_idle is kept.
  TimePoint look_at_ GRANT_GUARDED_BY(mutex_) = kNever;  ///< The next look that is arranged.
  Pacing pacing_ GRANT_GUARDED_BY(mutex_);
  Dice dice_ GRANT_GUARDED_BY(mutex_);
  std::shared_ptr<const ErrorInfo> last_failure_ GRANT_GUARDED_BY(mutex_);
  std::uint64_t timeouts_ GRANT_GUARDED_BY(mutex_) = 0;
  std::uint64_t opened_ GRANT_GUARDED_BY(mutex_) = 0;
  std::uint64_t failed_ GRANT_GUARDED_BY(mutex_) = 0;
  std::uint64_t closed_connections_ GRANT_GUARDED_BY(mutex_) = 0;
  /// Who waits for openings to end, or for leases to come back.
  std::vector<std::shared_ptr<io::Signal>> watching_ GRANT_GUARDED_BY(mutex_);
  std::size_t working_ GRANT_GUARDED_BY(mutex_) = 0;       ///< What the end of the pool waits for.
  std::vector<io::Loop*> loops_ GRANT_GUARDED_BY(mutex_);  ///< That of such work, to end it.
  Condition work_ended_;
  std::shared_ptr<PoolCore> self_ GRANT_GUARDED_BY(mutex_);
};

/// What follows from something done under the lock, and must not happen there: made before the lock
/// is taken, it does all that when it goes, after the lock.
class PoolCore::Later {
 public:
  explicit Later(PoolCore& core) noexcept : core_(core) {}
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;
  ~Later();

  void wake(std::shared_ptr<io::Signal> signal) {
    (first_ ? others_.emplace_back() : first_) = std::move(signal);
  }

  std::vector<std::unique_ptr<Connection>> to_close;
  std::vector<std::unique_ptr<Connection>> to_close_in_background;
  std::vector<PoolSlot*> to_refresh;
  std::vector<Event> events;
  std::size_t openings = 0;
  TimePoint opening_deadline = kNever;
  TimePoint look_at = kNever;
  bool lease_ends = false;         ///< Which may be after the pool has gone.
  std::shared_ptr<PoolCore> self;  ///< Let go last.

 private:
  PoolCore& core_;
  std::shared_ptr<io::Signal> first_;  // mostly there is one, which then allocates nothing
  std::vector<std::shared_ptr<io::Signal>> others_;
};

}  // namespace grant::detail
