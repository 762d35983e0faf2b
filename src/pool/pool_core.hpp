#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "errands.hpp"
#include "grant/core/mutex.hpp"
#include "grant/io/runtime.hpp"
#include "grant/pool/pool.hpp"
#include "openings.hpp"
#include "policy.hpp"
#include "refusals.hpp"
#include "slots.hpp"
#include "waiting_queue.hpp"

namespace grant::detail {

/// What a Pool and its leases share: the slots, those who wait for one, the openings, and the rules
/// by which the three go together. The Pool owns it; once closed, it owns itself until the last
/// lease has ended. What it does in the background owns it as well.
///
/// How it synchronises: a caller that finds an idle slot and a borrower that returns one meet on
/// that slot alone (see Slots). All else is done in a Change, which holds the lock of the slots and
/// leaves the pool settled: nobody waits for what is there, and what is missing is being opened.
/// What must not happen under the lock a Change does after it.
class PoolCore : public std::enable_shared_from_this<PoolCore> {
 public:
  PoolCore(PoolOptions options, const Driver& driver, ConnectOptions target, const Clock& clock,
           EventSink events, io::Runtime& runtime);
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;

  // As Pool has them.
  Task<Lease> acquire(io::Call call, CallSite place);
  Task<void> warm_up(io::Call call);
  void drop_connections() noexcept GRANT_EXCLUDES(slots_.mutex);
  void drop_idle() noexcept GRANT_EXCLUDES(slots_.mutex);
  void resize(std::size_t max_size) GRANT_EXCLUDES(slots_.mutex);
  void suspend() noexcept GRANT_EXCLUDES(slots_.mutex);
  void resume() noexcept GRANT_EXCLUDES(slots_.mutex);
  Task<std::size_t> drain(io::Call call);
  void close() noexcept GRANT_EXCLUDES(slots_.mutex);
  void look_after() noexcept GRANT_EXCLUDES(slots_.mutex);
  PoolStats stats() const GRANT_EXCLUDES(slots_.mutex);
  PoolOptions options() const noexcept;

  /// The end of a lease.
  static void give_back(PoolSlot& slot, bool may_block) noexcept;

  /// Waits until nothing of a closed pool uses its driver any more.
  void await_errands() { errands_.await_end(); }

  /// For a forked child: a pool like this one with nothing open. Takes no lock, since a thread that
  /// is not there any more may have held it.
  [[nodiscard]] std::shared_ptr<PoolCore> made_anew() const;

 private:
  class Change;
  class InQueue;
  class Wish;

  // Leasing without the lock, and returning.
  PoolSlot* take_now() noexcept;
  static Lease lend(PoolSlot& slot, bool may_block, CallSite place) noexcept;
  Lease lend_on_this_thread(PoolSlot& slot, bool may_block, CallSite place) noexcept;
  void give_back_slowly(PoolSlot& slot, bool may_block) noexcept GRANT_EXCLUDES(slots_.mutex);
  void take_back(PoolSlot& slot, Change& change) GRANT_REQUIRES(slots_.mutex);

  // Waiting.
  Task<Lease> acquire_waiting(io::Call call, CallSite place);
  PoolSlot* take_or_join(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal)
      GRANT_EXCLUDES(slots_.mutex);
  PoolSlot* look_again(PoolWaiter& waiter, io::Call call, io::Outcome outcome,
                       std::shared_ptr<io::Signal> signal) GRANT_EXCLUDES(slots_.mutex);
  void abandon(PoolWaiter& waiter) noexcept GRANT_EXCLUDES(slots_.mutex);
  Task<bool> prove(PoolSlot& slot, io::Call call, TimePoint began);
  bool may_take(Change& change) const GRANT_REQUIRES(slots_.mutex);
  PoolSlot* take_idle(Change& change) GRANT_REQUIRES(slots_.mutex);
  std::optional<ErrorInfo> refuse_place(const PoolWaiter& waiter, Change& change)
      GRANT_REQUIRES(slots_.mutex);
  std::optional<ErrorInfo> refuse_to_queue(PoolWaiter& waiter, Change& change)
      GRANT_REQUIRES(slots_.mutex);
  ErrorInfo no_time(const PoolWaiter& waiter, Change& change) GRANT_REQUIRES(slots_.mutex);
  ErrorInfo timeout(std::string_view why, Change& change) GRANT_REQUIRES(slots_.mutex);

  // What follows from a change.
  void settle(Change& change) GRANT_REQUIRES(slots_.mutex);
  void watch_if_needed() GRANT_REQUIRES(slots_.mutex);
  void serve_queue(Change& change) GRANT_REQUIRES(slots_.mutex);
  void plan_openings(Change& change) GRANT_REQUIRES(slots_.mutex);
  void note_progress(Change& change) GRANT_REQUIRES(slots_.mutex);

  // Opening.
  void start_openings(std::size_t count, TimePoint deadline) noexcept GRANT_EXCLUDES(slots_.mutex);
  Task<void> open_one(io::Loop& loop, TimePoint deadline);
  Task<void> connect(io::Call call, std::unique_ptr<Connection>& connection, ErrorInfo& failure);
  bool may_retry(const ErrorInfo& failure) const GRANT_EXCLUDES(slots_.mutex);
  Duration retry_pause() GRANT_EXCLUDES(slots_.mutex);
  void opened(std::unique_ptr<Connection> connection, std::uint64_t generation) noexcept
      GRANT_EXCLUDES(slots_.mutex);
  void not_opened(ErrorInfo failure) noexcept GRANT_EXCLUDES(slots_.mutex);

  // Closing.
  enum class Where : std::uint8_t { here, in_background };
  enum class Which : std::uint8_t { all, unproven };
  void close_connection(PoolSlot& slot, Change& change, Where where) GRANT_REQUIRES(slots_.mutex);
  void close_idle(Change& change, Which which) GRANT_REQUIRES(slots_.mutex);
  void close_in_background(std::vector<std::unique_ptr<Connection>> connections) noexcept
      GRANT_EXCLUDES(slots_.mutex);

  // Caring for what is open.
  void care_for_slot(PoolSlot& slot) noexcept GRANT_EXCLUDES(slots_.mutex);
  Task<void> clean_slot(io::Loop& loop, PoolSlot& slot, std::shared_ptr<Errands::Errand> errand);
  void after_care(PoolSlot& slot) noexcept GRANT_EXCLUDES(slots_.mutex);
  void look_by(TimePoint time, Change& change) GRANT_REQUIRES(slots_.mutex);
  void look_at(TimePoint time) noexcept GRANT_EXCLUDES(slots_.mutex);
  void tend(TimePoint now, Change& change) GRANT_REQUIRES(slots_.mutex);
  void tend_leased(PoolSlot& slot, TimePoint now, Change& change) GRANT_REQUIRES(slots_.mutex);
  PoolStats count() const GRANT_REQUIRES(slots_.mutex);

  const std::uint64_t forks_;  ///< How often the process had forked when this was made.
  const PoolOptions given_;
  const Driver& driver_;
  const ConnectOptions target_;
  const Refusals refusals_;
  const Clock& clock_;  ///< For ages.
  const EventSink events_;
  io::Runtime& runtime_;  ///< Whose time waits and openings go by.

  Slots slots_;      // synchronise themselves, and have the lock for what follows
  Errands errands_;  // synchronise themselves

  // Written under the lock, but read by a forked child without.
  std::atomic<bool> suspended_ = false;
  std::atomic<bool> closed_ = false;

  WaitingQueue queue_ GRANT_GUARDED_BY(slots_.mutex);
  Openings openings_ GRANT_GUARDED_BY(slots_.mutex);
  Dice dice_ GRANT_GUARDED_BY(slots_.mutex);
  std::uint64_t timeouts_ GRANT_GUARDED_BY(slots_.mutex) = 0;
  TimePoint look_at_ GRANT_GUARDED_BY(slots_.mutex) = kNever;  ///< The next one that is arranged.
  /// Who waits for openings to end, or for leases to come back.
  std::vector<std::shared_ptr<io::Signal>> watching_ GRANT_GUARDED_BY(slots_.mutex);
  std::shared_ptr<PoolCore> self_ GRANT_GUARDED_BY(slots_.mutex);
};

/// A change to a pool. Locks it when it is made; when it goes, it settles what follows from the
/// change, unlocks the pool, and then does what was asked for meanwhile, in this order.
class GRANT_SCOPED_CAPABILITY PoolCore::Change {
 public:
  explicit Change(PoolCore& core) GRANT_ACQUIRE(core.slots_.mutex);
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;
  ~Change() GRANT_RELEASE();

  /// One time for all of the change.
  [[nodiscard]] TimePoint now() noexcept;

  Wakes wakes;
  std::vector<std::unique_ptr<Connection>> to_close;
  std::vector<std::unique_ptr<Connection>> to_close_in_background;
  TimePoint look_at = kNever;
  std::size_t openings = 0;
  TimePoint opening_deadline = kNever;
  std::vector<PoolSlot*> to_care_for;
  std::vector<Event> events;
  bool ends_lease = false;  ///< Which may be after the pool has gone.

 private:
  void act();

  PoolCore& core_;
  const std::shared_ptr<PoolCore> self_;  // another thread may end the last lease meanwhile
  std::optional<TimePoint> now_;
};

}  // namespace grant::detail
