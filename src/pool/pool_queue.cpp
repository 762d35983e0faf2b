// Callers that wait, and how what there is comes to them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/fork.hpp"
#include "grant/core/error.hpp"
#include "pool_core.hpp"

namespace grant::detail {

using Answer = PoolWaiter::Answer;

/// A caller's place in the queue, which it leaves whatever ends its wait: its coroutine may be
/// destroyed while it waits.
class PoolCore::InQueue {
 public:
  InQueue(PoolCore& core, io::Call call, TimePoint began, bool may_block) : core_(core) {
    waiter.began = began;
    waiter.deadline = call.deadline();
    if (may_block) waiter.thread = this_thread();
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

Task<PoolSlot*> PoolCore::wait_for_slot(io::Call call, TimePoint began, bool may_block) {
  InQueue place(*this, call, began, may_block);
  // Joining the queue needs a signal, which only those who must wait pay for.
  if (auto* const slot = take_or_join(place.waiter, nullptr)) co_return slot;
  auto signal = call.waiter().make_signal();
  place.joined = true;
  auto* slot = take_or_join(place.waiter, signal);
  while (slot == nullptr) {
    const auto outcome = co_await call.signalled(*signal);
    auto fresh = call.waiter().make_signal();
    slot = look_again(place.waiter, outcome, fresh);
    signal = std::move(fresh);
  }
  place.joined = false;
  co_return slot;
}

PoolSlot* PoolCore::take_or_join(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal) {
  std::optional<ErrorInfo> refused;
  PoolSlot* slot = nullptr;
  {
    Later later(*this);
    const Lock lock(mutex_);
    const bool may_take =
        !suspended_ && (queue_.empty() || may_be_overtaken(runtime_.now() - queue_.front()->since));
    if (closed_) {
      refused = closed_error();
    } else if (may_take) {
      slot = take_idle(later);
    }
    if (slot == nullptr && !refused && signal) {
      if (given_.max_waiters > 0 && queue_.size() >= given_.max_waiters) {
        refused = refusal(
            fmt::format("{} callers are waiting, which is max_waiters", queue_.size()), later);
      } else if (waits_for_itself(waiter)) {
        const auto* held = first_.load();
        while (held->connection == nullptr) held = held->next.load();
        refused = refusal(
            fmt::format("this thread holds all {} connections itself, one since {}:{}, and would "
                        "wait for itself",
                        open_, held->file.load(), held->line.load()),
            later);
      } else {
        join(waiter, std::move(signal));
        // One may have come back between the look and the call for attention.
        if (may_take) slot = take_idle(later);
        if (slot == nullptr) plan_openings(later);
        const bool stays = given_.checkout_timeout.count() > 0 ||
                           (!suspended_ && queue_.size() <= opening_ + count_idle());
        if (slot != nullptr || !stays) leave(waiter, later);
        if (slot == nullptr && !stays) {
          refused = suspended_ || open_ + opening_ == 0
                        ? no_time_error(waiter, later)
                        : refusal("no connection is free, and checkout_timeout is 0: nobody waits",
                                  later);
        }
      }
    }
  }
  if (refused) throw_error(std::move(*refused));
  return slot;
}

/// After the signal was set, or the wait has ended in another way.
PoolSlot* PoolCore::look_again(PoolWaiter& waiter, io::Outcome outcome,
                               std::shared_ptr<io::Signal> signal) {
  std::optional<ErrorInfo> refused;
  PoolSlot* slot = nullptr;
  {
    Later later(*this);
    const Lock lock(mutex_);
    switch (waiter.answer) {
      case Answer::slot: slot = std::exchange(waiter.slot, nullptr); break;
      case Answer::failed:
        // An opening that began later may have had no time, for which the server is not to blame.
        refused = runtime_.now() < waiter.deadline ? *waiter.error : no_time_error(waiter, later);
        break;
      case Answer::closed: refused = closed_error(); break;
      case Answer::none:
        if (!suspended_ && queue_.front() == &waiter) slot = take_idle(later);
        if (slot == nullptr && outcome == io::Outcome::ready) {
          // Somebody was quicker. The place in the queue stays, and with it the right to be next.
          waiter.signal = std::move(signal);
          waiter.woken = false;
          plan_openings(later);  // in place of what turned out to be broken
          break;
        }
        leave(waiter, later);
        plan_openings(later);  // likewise, for those who come next
        if (slot != nullptr) break;
        refused = outcome == io::Outcome::cancelled ? cancelled_error("waiting")
                                                    : no_time_error(waiter, later);
    }
  }
  if (refused) throw_error(std::move(*refused));
  return slot;
}

void PoolCore::abandon(PoolWaiter& waiter) noexcept {
  if (forks_ != forks()) return;
  Later later(*this);
  later.self = shared_from_this();
  const Lock lock(mutex_);
  if (waiter.queued) leave(waiter, later);
  if (waiter.slot != nullptr) take_back(*waiter.slot, later);
}

void PoolCore::join(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal) {
  waiter.signal = std::move(signal);
  waiter.since = runtime_.now();
  waiter.open_before = open_ > 0;
  waiter.opened_before = opened_;
  waiter.queued = true;
  queue_.push_back(&waiter);
  want_attention();
}

void PoolCore::leave(PoolWaiter& waiter, Later& later) {
  std::erase(queue_, &waiter);
  waiter.queued = false;
  serve_idle(later);  // it may have been woken for one that it did not take
}

bool PoolCore::waits_for_itself(const PoolWaiter& waiter) const {
  if (waiter.thread == nullptr || opening_ > 0 || open_ < max_size_) return false;
  for (const auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    if (slot->connection == nullptr) continue;
    if (slot->owner() != slot_state::leased || slot->holder.load() != waiter.thread) return false;
  }
  return true;
}

bool PoolCore::needs_attention(const PoolSlot& slot) const {
  return !queue_.empty() || suspended_ || closed_ || given_.verify_idle.count() == 0 ||
         slot.unproven || slot.expired || slot.generation != generation_ || open_ > max_size_ ||
         (slot.leak_told != 0 && slot.leak_told == slot.uses.load(std::memory_order_relaxed));
}

/// For a slot that nobody else can change: held, or owned under the lock.
void PoolCore::set_owner(PoolSlot& slot, std::uint8_t owner) {
  const auto attention = needs_attention(slot) ? slot_state::attention : std::uint8_t{0};
  slot.state.store(static_cast<std::uint8_t>(owner | attention), std::memory_order_release);
}

void PoolCore::want_attention() {
  for (auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    if ((slot->state.load(std::memory_order_relaxed) & slot_state::attention) == 0) {
      slot->state.fetch_or(slot_state::attention, std::memory_order_acq_rel);
    }
  }
}

/// Takes an idle slot away from the callers. False: it is not idle, or somebody was quicker.
bool PoolCore::own_idle(PoolSlot& slot) {
  const auto state = slot.state.load(std::memory_order_acquire);
  if ((state & slot_state::owner_mask) != slot_state::idle) return false;
  if ((state & slot_state::attention) == 0) return slot.take();
  slot.state.store(slot_state::leased | slot_state::attention, std::memory_order_relaxed);
  return true;
}

/// An idle slot, leased from now on; one that must be checked only if there is no other.
PoolSlot* PoolCore::take_idle(Later& later) {
  PoolSlot* unproven = nullptr;
  for (auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    if (slot->owner() == slot_state::idle && slot->unproven) {
      if (unproven == nullptr) unproven = slot;
      continue;
    }
    if (!own_idle(*slot)) continue;
    if (slot->connection->is_open()) {
      set_owner(*slot, slot_state::leased);
      if (!queue_.empty()) slot->taken_at = runtime_.now();
      return slot;
    }
    empty(*slot, later, false);
  }
  if (unproven != nullptr && own_idle(*unproven)) return unproven;
  return nullptr;
}

std::size_t PoolCore::count_idle() const {
  std::size_t idle = 0;
  for (const auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    if (slot->owner() == slot_state::idle) ++idle;
  }
  return idle;
}

/// Gives a slot, owned by the caller and fit, to whom it belongs next.
void PoolCore::offer(PoolSlot& slot, Later& later) {
  if (queue_.empty() || suspended_) return set_owner(slot, slot_state::idle);
  auto* const head = queue_.front();
  const auto now = runtime_.now();
  if (!may_be_raced_for(now - head->since, now - slot.taken_at)) return hand_over(slot, later);
  set_owner(slot, slot_state::idle);
  if (!std::exchange(head->woken, true)) later.wake(head->signal);
}

/// Gives a slot, owned by the caller and fit, to the first in the queue, whether or not it runs.
void PoolCore::hand_over(PoolSlot& slot, Later& later) {
  auto* const head = queue_.front();
  queue_.pop_front();
  slot.taken_at = runtime_.now();
  slot.seen_owner = slot_state::held;  // nobody, for notice(): a new lease begins
  head->queued = false;
  head->slot = &slot;
  head->answer = Answer::slot;
  set_owner(slot, slot_state::leased);
  if (!std::exchange(head->woken, true)) later.wake(head->signal);
  serve_idle(later);  // for which `head` may have been woken
}

/// Hands over what was left idle for somebody who was told to look and does not run: others wait
/// behind him.
void PoolCore::hand_over_idle(Later& later) {
  while (!queue_.empty() && !suspended_) {
    auto* const slot = take_idle(later);
    if (slot == nullptr) return;
    hand_over(*slot, later);
  }
}

/// Has the first in the queue look, if there is something for it.
void PoolCore::serve_idle(Later& later) {
  if (queue_.empty() || suspended_ || count_idle() == 0) return;
  auto* const head = queue_.front();
  if (!std::exchange(head->woken, true)) later.wake(head->signal);
}

/// Those at the end of the queue, but for the first `spared`.
void PoolCore::answer_all(Answer answer, const std::shared_ptr<const ErrorInfo>& error,
                          Later& later, std::size_t spared) {
  while (queue_.size() > spared) {
    auto* const waiter = queue_[spared];
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(spared));
    waiter->queued = false;
    waiter->answer = answer;
    waiter->error = error;
    if (!std::exchange(waiter->woken, true)) later.wake(waiter->signal);
  }
}

// -- What ends a wait -------------------------------------------------------------------------

ErrorInfo PoolCore::error(Errc code, std::string message) const {
  ErrorInfo info;
  info.code = code;
  info.node = target_.node;
  info.message = fmt::format("pool \"{}\"{}", target_.node, message);
  return info;
}

ErrorInfo PoolCore::closed_error() const { return error(Errc::closed, " is closed"); }

ErrorInfo PoolCore::cancelled_error(std::string_view doing) const {
  return error(Errc::cancelled, fmt::format(": {} for a connection was cancelled", doing));
}

ErrorInfo PoolCore::unchecked_error(Duration limit) const {
  return error(Errc::unavailable,
               fmt::format(": an idle connection, checked before use, did not answer within {} ms",
                           in_ms(std::max(limit, Duration::zero()))));
}

ErrorInfo PoolCore::no_time_error(const PoolWaiter& waiter, Later& later) {
  // Some are refused at once, and a deadline may have passed before.
  const auto end = std::min(waiter.deadline, runtime_.now());
  const auto limit = in_ms(std::max(end - waiter.began, Duration::zero()));
  const auto failure =
      last_failure_ ? fmt::format("; the last try to open one: {}", last_failure_->message) : "";
  FruitlessWait wait;
  wait.open_before = waiter.open_before;
  wait.opened_since = opened_ > waiter.opened_before;
  wait.open_now = open_ > 0;
  wait.suspended = suspended_;
  if (blames_node(wait)) {
    return error(Errc::unavailable, fmt::format(": no connection{} could be opened within {} ms{}",
                                                suffix_of(target_.purpose), limit, failure));
  }
  return refusal(fmt::format("no connection{} within {} ms{}{}", suffix_of(target_.purpose), limit,
                             suspended_ ? ", as the pool is suspended" : "", failure),
                 later);
}

ErrorInfo PoolCore::refusal(std::string_view why, Later& later) {
  ++timeouts_;
  const auto seen = count();
  later.events.push_back({Severity::warning,
                          "pool.timeout",
                          {{"pool", target_.node},
                           {"leased", static_cast<std::int64_t>(seen.leased)},
                           {"waiting", static_cast<std::int64_t>(seen.waiting)}}});
  return error(Errc::pool_timeout,
               fmt::format(": {} ({} of {} leased, {} opening, {} waiting, the longest held for {} "
                           "ms)",
                           why, seen.leased, max_size_.load(), seen.opening, seen.waiting,
                           in_ms(seen.longest_held)));
}

}  // namespace grant::detail
