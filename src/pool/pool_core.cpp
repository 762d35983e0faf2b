#include "pool_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "grant/core/error.hpp"

namespace grant::detail {
namespace {

constexpr std::chrono::seconds kRollbackLimit{1};

std::int64_t in_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

/// A deadline. Waiters go by the machine's clock, whatever the pool measures ages with.
TimePoint from_now(std::chrono::milliseconds span) { return after(Clock::system().now(), span); }

/// Rolls back what a borrower left open, blocking. False: the connection is not fit to be reused.
bool clean(Connection& connection, bool may_block) noexcept {
  if (!connection.is_open()) return false;
  if (connection.transaction_state() == TransactionState::none) return true;
  if (!may_block) return false;
  try {
    run(connection.rollback(io::Call(io::blocking_waiter(), from_now(kRollbackLimit))));
  } catch (...) {
    return false;
  }
  return connection.is_open() && connection.transaction_state() == TransactionState::none;
}

}  // namespace

PoolCore::PoolCore(PoolOptions options, const Driver& driver, ConnectOptions target,
                   const Clock& clock, EventSink events)
    : options_(options),
      driver_(driver),
      target_(std::move(target)),
      clock_(clock),
      events_(std::move(events)) {}

void PoolCore::throw_closed() const {
  ErrorInfo info;
  info.code = Errc::closed;
  info.node = target_.node;
  info.message = fmt::format("pool \"{}\" is closed", target_.node);
  throw_error(std::move(info));
}

void PoolCore::throw_cancelled(std::string_view doing) const {
  ErrorInfo info;
  info.code = Errc::cancelled;
  info.node = target_.node;
  info.message = fmt::format("pool \"{}\": {} for a connection was cancelled", target_.node, doing);
  throw_error(std::move(info));
}

void PoolCore::throw_timeout(Duration limit) const {
  const auto seen = stats();
  ErrorInfo info;
  info.code = Errc::pool_timeout;
  info.node = target_.node;
  info.message = fmt::format(
      "pool \"{}\": no connection{} within {} ms ({} of {} leased, {} opening, {} waiting, the "
      "longest held for {} ms)",
      target_.node, suffix_of(target_.purpose), in_ms(limit), seen.leased, options_.max_size,
      seen.opening, seen.waiting, in_ms(seen.longest_held));
  emit(events_, {Severity::warning,
                 "pool.timeout",
                 {{"pool", target_.node},
                  {"leased", static_cast<std::int64_t>(seen.leased)},
                  {"waiting", static_cast<std::int64_t>(seen.waiting)}}});
  throw_error(std::move(info));
}

Task<Lease> PoolCore::acquire(io::Call call) {
  const auto began = Clock::system().now();
  const auto limited = call.until(after(began, options_.checkout_timeout));
  const bool may_block = &call.waiter() == &io::blocking_waiter();

  PoolSlot* slot = nullptr;
  PoolWaiter waiter;
  waiter.signal = nullptr;
  auto step = first_step(slot, waiter);
  if (step == Step::wait) {
    // Joining the queue needs a signal, which only those who must wait pay for.
    waiter.signal = call.waiter().make_signal();
    step = first_step(slot, waiter);
  }
  if (step == Step::wait) {
    const auto outcome = co_await limited.signalled(*waiter.signal);
    leave_queue(waiter);
    switch (waiter.answer) {
      case PoolWaiter::Answer::none:
        if (outcome == io::Outcome::cancelled) throw_cancelled("waiting");
        throw_timeout(limited.deadline() - began);
      case PoolWaiter::Answer::closed: throw_closed();
      case PoolWaiter::Answer::slot: slot = waiter.slot; break;
      case PoolWaiter::Answer::may_open: step = Step::open; break;
    }
  }
  if (step == Step::open) {
    const bool never_queues = options_.checkout_timeout.count() == 0;
    const bool queued = waiter.answer == PoolWaiter::Answer::may_open;
    try {
      slot = co_await open_slot(never_queues ? call : limited);
    } catch (const Error& error) {
      // After the wait in the queue too little time was left: that says nothing about the node.
      const bool cut_short = queued && Clock::system().now() >= limited.deadline();
      if (error.code() != Errc::unavailable || !cut_short) throw;
      throw_timeout(limited.deadline() - began);
    }
  }
  co_return Lease(shared_from_this(), *slot, may_block);
}

PoolCore::Step PoolCore::first_step(PoolSlot*& slot, PoolWaiter& waiter) {
  std::vector<std::unique_ptr<Connection>> broken;  // closed after the lock is gone
  bool closed = false;
  auto step = Step::wait;
  {
    const Lock lock(mutex_);
    closed = closed_;
    while (!closed && queue_.empty() && !idle_.empty() && step == Step::wait) {
      slot = idle_.back();
      idle_.pop_back();
      if (slot->connection->is_open()) {
        slot->leased = true;
        slot->leased_at = clock_.now();
        step = Step::take;
      } else {
        broken.push_back(remove(*slot));
      }
    }
    if (!closed && step == Step::wait) {
      if (queue_.empty() && slots_.size() + opening_ < options_.max_size) {
        ++opening_;
        step = Step::open;
      } else if (waiter.signal) {
        queue_.push_back(&waiter);
      }
    }
  }
  if (closed) throw_closed();
  return step;
}

void PoolCore::leave_queue(PoolWaiter& waiter) {
  const Lock lock(mutex_);
  if (waiter.answer == PoolWaiter::Answer::none) std::erase(queue_, &waiter);
}

Task<std::unique_ptr<Connection>> PoolCore::connect(io::Call call) {
  for (std::size_t attempt = 0;; ++attempt) {
    try {
      co_return co_await driver_.connect(call, target_);
    } catch (const Error& error) {
      const bool again = error.code() == Errc::unavailable && attempt < options_.retry_attempts &&
                         from_now(options_.retry_delay) < call.deadline();
      if (!again) throw;
    }
    const auto pause_ends = from_now(options_.retry_delay);
    const auto outcome = co_await call.sleep_until(pause_ends);
    if (outcome == io::Outcome::cancelled) throw_cancelled("opening");
  }
}

/// Opens a connection, leased to the caller, in a place that was reserved by `opening_`.
Task<PoolSlot*> PoolCore::open_slot(io::Call call) {
  const auto generation = current_generation();
  std::unique_ptr<Connection> connection;
  try {
    connection = co_await connect(call);
  } catch (...) {
    std::shared_ptr<io::Signal> next;
    {
      const Lock lock(mutex_);
      --opening_;
      next = hand_on_place();
    }
    if (next) next->set();
    throw;
  }
  co_return &add_slot(std::move(connection), generation);
}

std::uint64_t PoolCore::current_generation() const {
  const Lock lock(mutex_);
  return generation_;
}

PoolSlot& PoolCore::add_slot(std::unique_ptr<Connection> connection, std::uint64_t generation) {
  auto slot = std::make_unique<PoolSlot>();
  auto& added = *slot;
  added.connection = std::move(connection);
  added.generation = generation;
  added.leased = true;
  added.leased_at = clock_.now();
  const Lock lock(mutex_);
  --opening_;
  slots_.push_back(std::move(slot));
  return added;
}

Task<void> PoolCore::warm_up(io::Call call) {
  const auto wanted = std::min(options_.initial_size, options_.max_size);
  while (true) {
    {
      const Lock lock(mutex_);
      if (closed_ || slots_.size() + opening_ >= wanted) co_return;
      ++opening_;
    }
    auto* slot = co_await open_slot(call);
    give_back(*slot, false);
  }
}

std::shared_ptr<io::Signal> PoolCore::hand_on(PoolSlot& slot) {
  if (queue_.empty()) {
    slot.leased = false;
    idle_.push_back(&slot);
    return nullptr;
  }
  auto* waiter = queue_.front();
  queue_.pop_front();
  slot.leased = true;
  slot.leased_at = clock_.now();
  waiter->slot = &slot;
  waiter->answer = PoolWaiter::Answer::slot;
  return waiter->signal;
}

std::shared_ptr<io::Signal> PoolCore::hand_on_place() {
  if (closed_ || queue_.empty() || slots_.size() + opening_ >= options_.max_size) return nullptr;
  auto* waiter = queue_.front();
  queue_.pop_front();
  ++opening_;
  waiter->answer = PoolWaiter::Answer::may_open;
  return waiter->signal;
}

std::unique_ptr<Connection> PoolCore::remove(PoolSlot& slot) {
  auto connection = std::move(slot.connection);
  std::erase_if(slots_, [&slot](const auto& owned) { return owned.get() == &slot; });
  return connection;
}

void PoolCore::give_back(PoolSlot& slot, bool may_block) noexcept {
  const bool reusable = clean(*slot.connection, may_block);
  std::unique_ptr<Connection> unfit;
  std::shared_ptr<io::Signal> next;
  {
    const Lock lock(mutex_);
    if (reusable && !closed_ && slot.generation == generation_) {
      next = hand_on(slot);
    } else {
      unfit = remove(slot);
      next = hand_on_place();
    }
  }
  if (next) next->set();
}

void PoolCore::drop_connections() noexcept {
  {
    const Lock lock(mutex_);
    ++generation_;
  }
  drop_idle();
}

void PoolCore::drop_idle() noexcept {
  std::vector<std::unique_ptr<Connection>> dropped;  // closed after the lock is gone
  const Lock lock(mutex_);
  for (auto* slot : std::exchange(idle_, {})) dropped.push_back(remove(*slot));
}

void PoolCore::close() noexcept {
  std::vector<std::unique_ptr<Connection>> dropped;
  std::vector<std::shared_ptr<io::Signal>> woken;
  {
    const Lock lock(mutex_);
    closed_ = true;
    for (auto* slot : std::exchange(idle_, {})) dropped.push_back(remove(*slot));
    for (auto* waiter : std::exchange(queue_, {})) {
      waiter->answer = PoolWaiter::Answer::closed;
      woken.push_back(waiter->signal);
    }
  }
  for (const auto& signal : woken) signal->set();
}

PoolStats PoolCore::stats() const {
  const Lock lock(mutex_);
  return stats_locked();
}

PoolStats PoolCore::stats_locked() const {
  PoolStats stats;
  stats.idle = idle_.size();
  stats.leased = slots_.size() - idle_.size();
  stats.opening = opening_;
  stats.waiting = queue_.size();
  const auto now = clock_.now();
  for (const auto& slot : slots_) {
    if (slot->leased) stats.longest_held = std::max(stats.longest_held, now - slot->leased_at);
  }
  return stats;
}

}  // namespace grant::detail
