// Callers that find no connection idle.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cleaning.hpp"
#include "core/fork.hpp"
#include "grant/core/error.hpp"
#include "pool_core.hpp"

namespace grant::detail {
namespace {

using Answer = PoolWaiter::Answer;

/// Who waited for the answer of an idle connection for less than this has not shown it to be dead.
constexpr std::chrono::milliseconds kFairCheck{500};

}  // namespace

/// A caller's place in the queue, which it leaves whatever ends its wait: its coroutine may be
/// destroyed while it waits.
class PoolCore::InQueue {
 public:
  InQueue(PoolCore& core, const io::Call& call, TimePoint began) : core_(core) {
    waiter.began = began;
    waiter.deadline = call.deadline();
    if (call.waiter().blocks()) waiter.thread = Slots::this_thread();
  }
  InQueue(const InQueue&) = delete;
  InQueue& operator=(const InQueue&) = delete;
  ~InQueue() {
    if (joined) core_.abandon(waiter);
  }

  PoolWaiter waiter;
  bool joined = false;

 private:
  PoolCore& core_;
};

Task<Lease> PoolCore::acquire_waiting(io::Call call, CallSite place) {
  const auto self = shared_from_this();  // the pool may be gone when the wait ends
  const bool may_block = call.waiter().blocks();
  const auto began = call.now();
  const auto limited = given_.checkout_timeout.count() == 0
                           ? call
                           : call.until(after(began, given_.checkout_timeout));
  while (true) {
    InQueue in_queue(*this, limited, began);
    auto& waiter = in_queue.waiter;
    auto signal = limited.waiter().make_signal();
    in_queue.joined = true;
    auto* slot = take_or_join(waiter, signal);
    while (slot == nullptr) {
      const auto outcome = co_await limited.signalled(*signal);
      const bool may_stay = outcome == io::Outcome::ready && waiter.answer == Answer::none;
      if (may_stay) signal = limited.waiter().make_signal();
      slot = look_again(waiter, limited, outcome, signal);
    }
    in_queue.joined = false;
    auto lease = lend_on_this_thread(*slot, may_block, place);
    if (!slot->unproven || co_await prove(*slot, limited, began)) co_return std::move(lease);
  }
}

bool PoolCore::may_take(Change& change) const {
  if (closed_ || suspended_) return false;
  return queue_.empty() || may_be_overtaken(change.now() - queue_.head()->since);
}

/// Leases an idle slot; those that turn out to be broken are closed.
PoolSlot* PoolCore::take_idle(Change& change) {
  while (auto* const slot = slots_.claim_idle()) {
    if (!slot->connection->is_open()) {
      close_connection(*slot, change, Where::here);
      continue;
    }
    if (!queue_.empty()) slot->leased_at = change.now();
    return slot;
  }
  return nullptr;
}

/// Null: the caller is in the queue.
PoolSlot* PoolCore::take_or_join(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal) {
  std::optional<ErrorInfo> refused;
  PoolSlot* slot = nullptr;
  {
    Change change(*this);
    if (may_take(change)) slot = take_idle(change);
    if (slot == nullptr) refused = refuse_place(waiter, change);
    if (slot == nullptr && !refused) {
      waiter.open_before = slots_.open() > 0;
      waiter.opened_before = openings_.successes();
      // One that comes back before all are watched is found when the change is settled.
      queue_.join(waiter, std::move(signal), change.now());
      if (given_.checkout_timeout.count() == 0) refused = refuse_to_queue(waiter, change);
    }
  }
  if (refused) throw_error(std::move(*refused));
  return slot;
}

/// Null: the caller stays in the queue.
PoolSlot* PoolCore::look_again(PoolWaiter& waiter, io::Call call, io::Outcome outcome,
                               std::shared_ptr<io::Signal> signal) {
  std::optional<ErrorInfo> refused;
  PoolSlot* slot = nullptr;
  {
    Change change(*this);
    switch (waiter.answer) {
      case Answer::slot: slot = std::exchange(waiter.slot, nullptr); break;
      case Answer::failed:
        // An opening that began later may have had no time, for which the server is not to blame.
        refused = call.now() < waiter.deadline ? *waiter.error : no_time(waiter, change);
        break;
      case Answer::closed: refused = refusals_.closed(); break;
      case Answer::none:
        if (!suspended_ && queue_.head() == &waiter) slot = take_idle(change);
        if (slot == nullptr && outcome == io::Outcome::ready) {
          WaitingQueue::stay(waiter, std::move(signal));  // somebody was quicker
          break;
        }
        queue_.leave(waiter);
        if (slot != nullptr) break;
        refused = outcome == io::Outcome::cancelled ? refusals_.cancelled("waiting")
                                                    : no_time(waiter, change);
    }
  }
  if (refused) throw_error(std::move(*refused));
  return slot;
}

void PoolCore::abandon(PoolWaiter& waiter) noexcept {
  if (forks_ != forks()) return;
  Change change(*this);
  if (waiter.queued) queue_.leave(waiter);
  if (waiter.slot == nullptr) return;
  waiter.slot->last_lease = Duration::max();  // it was none
  take_back(*waiter.slot, change);
}

/// Whether the server still answers on a connection that is leased; if not, it is closed.
Task<bool> PoolCore::prove(PoolSlot& slot, io::Call call, TimePoint began) {
  const auto asked = call.now();
  if (co_await is_alive(*slot.connection, call)) {
    const Lock lock(slots_.mutex);
    slot.unproven = false;
    co_return true;
  }
  // Those that were silent for as long are probably as dead. A caller in a hurry cannot tell.
  const auto now = call.now();
  const bool out_of_time = now >= call.deadline();
  if (!out_of_time || now - asked >= kFairCheck) {
    Change change(*this);
    close_idle(change, Which::unproven);
  }
  if (out_of_time) throw_error(refusals_.unchecked(call.deadline() - began));
  co_return false;
}

// -- Refusing ---------------------------------------------------------------------------------

std::optional<ErrorInfo> PoolCore::refuse_place(const PoolWaiter& waiter, Change& change) {
  if (closed_) return refusals_.closed();
  if (given_.max_waiters > 0 && queue_.size() >= given_.max_waiters) {
    return timeout(fmt::format("{} callers are waiting, which is max_waiters", queue_.size()),
                   change);
  }
  if (waiter.thread == nullptr || openings_.under_way() > 0) return std::nullopt;
  const auto* const held = slots_.one_of_all_held_by(waiter.thread);
  if (held == nullptr) return std::nullopt;
  return timeout(fmt::format("this thread holds all {} connections itself, one since {}:{}, and "
                             "would wait for itself",
                             slots_.open(), held->file.load(), held->line.load()),
                 change);
}

/// Without a checkout_timeout a caller waits for an opening of its own, and for nothing else.
std::optional<ErrorInfo> PoolCore::refuse_to_queue(PoolWaiter& waiter, Change& change) {
  settle(change);  // which begins the opening
  if (!waiter.queued) return std::nullopt;
  if (!suspended_ && queue_.size() <= openings_.under_way() + slots_.idle()) return std::nullopt;
  queue_.leave(waiter);
  if (suspended_ || slots_.open() + openings_.under_way() == 0) return no_time(waiter, change);
  return timeout("no connection is free, and checkout_timeout is 0: nobody waits", change);
}

ErrorInfo PoolCore::no_time(const PoolWaiter& waiter, Change& change) {
  // Some are refused at once, and a deadline may have passed before.
  const auto end = std::min(waiter.deadline, change.now());
  const auto limit = std::max(end - waiter.began, Duration::zero());
  FruitlessWait wait;
  wait.open_before = waiter.open_before;
  wait.opened_since = openings_.successes() > waiter.opened_before;
  wait.open_now = slots_.open() > 0;
  wait.suspended = suspended_;
  const auto* const failure = openings_.failure().get();
  if (blames_node(wait)) return refusals_.unopened(limit, failure);
  return timeout(refusals_.no_time(limit, suspended_, failure), change);
}

ErrorInfo PoolCore::timeout(std::string_view why, Change& change) {
  ++timeouts_;
  const auto seen = count();
  change.events.push_back(refusals_.timeout_event(seen));
  return refusals_.timeout(why, seen, slots_.max_size());
}

}  // namespace grant::detail
