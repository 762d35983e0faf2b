#include "pool_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "grant/core/error.hpp"
#include "keeper.hpp"

namespace grant::detail {
namespace {

using Answer = PoolWaiter::Answer;

constexpr std::chrono::seconds kRollbackLimit{1};

/// Who waited for the answer of an idle connection for less than this has not shown it to be dead.
constexpr std::chrono::milliseconds kFairCheck{500};

/// How often a blocking caller lets other threads go first before it joins the queue: where
/// connections come back at once, that is all it takes.
constexpr int kYields = 2;

/// The slot that a thread used last, for some pools.
struct LastUsed {
  std::uint64_t core = 0;
  PoolSlot* slot = nullptr;
};

// Its address also tells threads apart.
constinit thread_local std::array<LastUsed, 8> last_used{};

std::uint64_t new_id() {
  static std::atomic<std::uint64_t> count = 0;
  return ++count;
}

std::int64_t in_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// Waits and openings go by the machine's clock, whatever the pool measures ages with.
TimePoint machine_now() { return Clock::system().now(); }

bool in_transaction(const Connection& connection) noexcept {
  return connection.is_open() && connection.transaction_state() != TransactionState::none;
}

/// Rolls back what a borrower left open, blocking, if that can be done.
void roll_back(Connection& connection) noexcept {
  try {
    run(connection.rollback(io::Call(io::blocking_waiter(), after(machine_now(), kRollbackLimit))));
  } catch (...) {
    // What became of it is seen in its state.
  }
}

}  // namespace

/// A caller's place in the queue, which it leaves whatever ends its wait: its coroutine may be
/// destroyed while it waits.
class PoolCore::InQueue {
 public:
  InQueue(PoolCore& core, io::Call call, TimePoint began, bool may_block) : core_(core) {
    waiter.began = began;
    waiter.deadline = call.deadline();
    if (may_block) waiter.thread = &last_used;
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

PoolCore::PoolCore(PoolOptions options, const Driver& driver, ConnectOptions target,
                   const Clock& clock, EventSink events)
    : id_(new_id()),
      forks_(forks()),
      given_(options),
      driver_(driver),
      target_(std::move(target)),
      clock_(clock),
      events_(std::move(events)),
      max_size_(options.max_size),
      dice_(static_cast<Dice::result_type>(std::random_device{}())) {}

PoolCore::~PoolCore() {
  for (auto* slot = first_.load(); slot != nullptr;) {
    const std::unique_ptr<PoolSlot> owned(slot);
    slot = slot->next.load();
  }
}

std::shared_ptr<PoolCore> PoolCore::made_anew() const {
  auto anew = std::make_shared<PoolCore>(options(), driver_, target_, clock_, events_);
  anew->suspended_ = suspended_.load();
  anew->closed_ = closed_.load();
  return anew;
}

PoolOptions PoolCore::options() const noexcept {
  auto options = given_;
  options.max_size = max_size_.load(std::memory_order_relaxed);
  return options;
}

// -- Without a lock ---------------------------------------------------------------------------

bool PoolCore::is_clean(const Connection& connection) noexcept {
  return connection.is_open() && connection.transaction_state() == TransactionState::none &&
         !connection.session_changed();
}

PoolSlot* PoolCore::take_now() noexcept {
  auto& last = last_used[id_ % last_used.size()];
  if (last.core == id_ && last.slot->take()) {
    if (last.slot->connection->is_open()) [[likely]]
      return last.slot;
    give_back_slowly(*last.slot, false);
  }
  // Older slots first, so that those which are not needed any more stay idle.
  for (auto* slot = first_.load(std::memory_order_acquire); slot != nullptr;
       slot = slot->next.load(std::memory_order_acquire)) {
    if (slot->state.load(std::memory_order_relaxed) != slot_state::idle || !slot->take()) continue;
    if (slot->connection->is_open()) {
      last = {id_, slot};
      return slot;
    }
    give_back_slowly(*slot, false);
  }
  return nullptr;
}

Lease PoolCore::lend(PoolSlot& slot, bool may_block, CallSite place) noexcept {
  slot.holder.store(may_block ? &last_used : nullptr, std::memory_order_relaxed);
  slot.file.store(place.file, std::memory_order_relaxed);
  slot.line.store(place.line, std::memory_order_relaxed);
  slot.uses.store(slot.uses.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return Lease(slot, may_block);
}

Lease PoolCore::try_acquire(const io::Call& call, CallSite place) noexcept {
  auto* const slot = take_now();
  if (slot == nullptr) return {};
  return lend(*slot, &call.waiter() == &io::blocking_waiter(), place);
}

void PoolCore::give_back(PoolSlot& slot, bool may_block) noexcept {
  if (is_clean(*slot.connection) && slot.put_back()) [[likely]]
    return;  // and it may be another's by now
  slot.core.give_back_slowly(slot, may_block);
}

void PoolCore::give_back_slowly(PoolSlot& slot, bool may_block) noexcept {
  if (forks_ != forks()) return;  // the parent's
  auto& connection = *slot.connection;
  // Here, so that a caller who goes on finds nothing locked.
  if (may_block && in_transaction(connection)) roll_back(connection);

  Later later(*this);
  later.self = shared_from_this();  // another thread may end the last lease meanwhile
  later.lease_ends = true;
  const Lock lock(mutex_);
  const auto use = slot.uses.load(std::memory_order_relaxed);
  if (slot.leak_told == use && slot.leak_told != 0) {
    later.events.push_back({Severity::info,
                            "pool.leak_ended",
                            {{"node", target_.node},
                             {"place", fmt::format("{}:{}", slot.file.load(), slot.line.load())},
                             {"held_ms", in_ms(clock_.now() - slot.seen_at)}}});
    slot.leak_told = 0;
  }
  slot.holder.store(nullptr, std::memory_order_relaxed);
  slot.unproven = given_.verify_idle.count() == 0;
  if (!connection.is_open() || !is_fit(slot)) {
    empty(slot, later, true);
    plan_openings(later);
  } else if (is_clean(connection)) {
    offer(slot, later);
  } else {
    hold(slot, later);
  }
}

// -- The queue --------------------------------------------------------------------------------

Task<Lease> PoolCore::acquire(io::Call call, CallSite place) {
  const bool may_block = &call.waiter() == &io::blocking_waiter();
  auto* slot = take_now();
  for (int i = 0; slot == nullptr && may_block && i < kYields; ++i) {
    std::this_thread::yield();
    slot = take_now();
  }
  if (slot != nullptr) co_return lend(*slot, may_block, place);

  const auto self = shared_from_this();  // the pool may be gone when the wait ends
  const auto began = machine_now();
  const auto limited = given_.checkout_timeout.count() == 0
                           ? call
                           : call.until(after(began, given_.checkout_timeout));
  while (true) {
    slot = co_await wait_for_slot(limited, began, may_block);
    last_used[id_ % last_used.size()] = {id_, slot};
    auto lease = lend(*slot, may_block, place);
    if (!slot->unproven) co_return std::move(lease);
    const auto asked = machine_now();
    const bool alive = co_await is_alive(*slot->connection, limited);
    if (alive) {
      const Lock lock(mutex_);
      slot->unproven = false;
      co_return std::move(lease);
    }
    // Those that were silent for as long are probably as dead. A caller in a hurry cannot tell.
    const auto now = machine_now();
    const bool out_of_time = now >= limited.deadline();
    if (!out_of_time || now - asked >= kFairCheck) drop_unproven();
    if (out_of_time) throw_error(unchecked_error(limited.deadline() - began));
  }
}

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
        !suspended_ && (queue_.empty() || may_be_overtaken(machine_now() - queue_.front()->since));
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
      case Answer::failed: refused = *waiter.error; break;
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
  if (waiter.slot == nullptr) return;
  if (is_fit(*waiter.slot)) {
    offer(*waiter.slot, later);
  } else {
    empty(*waiter.slot, later, true);
    plan_openings(later);
  }
}

void PoolCore::join(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal) {
  waiter.signal = std::move(signal);
  waiter.since = machine_now();
  waiter.none_open = open_ == 0;
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
      if (needs_attention(*slot)) {
        slot->state.fetch_or(slot_state::attention, std::memory_order_relaxed);
      } else {
        set_owner(*slot, slot_state::leased);
      }
      if (!queue_.empty()) slot->taken_at = machine_now();
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
  const auto now = machine_now();
  if (!may_be_raced_for(now - head->since, now - slot.taken_at)) return hand_over(slot, later);
  set_owner(slot, slot_state::idle);
  if (!std::exchange(head->woken, true)) later.wake(head->signal);
}

/// Gives a slot, owned by the caller and fit, to the first in the queue, whether or not it runs.
void PoolCore::hand_over(PoolSlot& slot, Later& later) {
  auto* const head = queue_.front();
  queue_.pop_front();
  slot.taken_at = machine_now();
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
  const auto end = std::min(waiter.deadline, machine_now());
  const auto limit = in_ms(std::max(end - waiter.began, Duration::zero()));
  const auto failure =
      last_failure_ ? fmt::format("; the last try to open one: {}", last_failure_->message) : "";
  // Where one was open meanwhile, the wait says nothing about the node.
  if (waiter.none_open && open_ == 0 && !suspended_) {
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

// -- Operations -------------------------------------------------------------------------------

void PoolCore::drop_connections() noexcept {
  Later later(*this);
  const Lock lock(mutex_);
  ++generation_;
  want_attention();  // first: what is leased now must not come back unseen
  empty_idle(later, false);
  plan_openings(later);
}

void PoolCore::drop_idle() noexcept {
  Later later(*this);
  const Lock lock(mutex_);
  empty_idle(later, false);
  plan_openings(later);
}

void PoolCore::drop_unproven() noexcept {
  Later later(*this);
  const Lock lock(mutex_);
  empty_idle(later, true);
  plan_openings(later);
}

void PoolCore::resize(std::size_t max_size) {
  auto options = given_;
  options.max_size = max_size;
  options.validate("node \"" + target_.node + '"');
  Later later(*this);
  const Lock lock(mutex_);
  max_size_ = max_size;
  if (open_ > max_size) want_attention();
  tend(clock_.now(), later);
}

void PoolCore::suspend() noexcept {
  const Lock lock(mutex_);
  suspended_ = true;
  want_attention();
}

void PoolCore::resume() noexcept {
  Later later(*this);
  const Lock lock(mutex_);
  suspended_ = false;
  serve_idle(later);
  plan_openings(later);
}

void PoolCore::close() noexcept {
  Later later(*this);
  later.self = shared_from_this();
  const Lock lock(mutex_);
  closed_ = true;
  answer_all(Answer::closed, nullptr, later);
  want_attention();  // first: what is leased now must not come back unseen
  empty_idle(later, false);
  for (auto* loop : loops_) loop->cancel();
  note_progress(later);
  if (open_ > 0) self_ = later.self;
}

Task<std::size_t> PoolCore::drain(io::Call call) {
  const auto self = shared_from_this();
  close();
  while (true) {
    const auto signal = call.waiter().make_signal();
    {
      const Lock lock(mutex_);
      if (open_ == 0) co_return 0;
      watching_.push_back(signal);
    }
    const auto outcome = co_await call.signalled(*signal);
    if (outcome == io::Outcome::cancelled) throw_error(cancelled_error("draining"));
    const Lock lock(mutex_);
    if (outcome == io::Outcome::timed_out) co_return open_;
  }
}

PoolStats PoolCore::stats() const {
  const Lock lock(mutex_);
  return count();
}

/// Nobody takes or returns a connection meanwhile: all of them would need the lock.
PoolStats PoolCore::count() const {
  for (auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    const auto before = slot->state.fetch_or(slot_state::attention, std::memory_order_acq_rel);
    slot->frozen = (before & slot_state::attention) == 0;
  }
  PoolStats stats;
  const auto now = clock_.now();
  for (auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    stats.checkouts += slot->uses.load(std::memory_order_relaxed);
    if (slot->connection == nullptr) continue;
    notice(*slot, now);
    if (slot->owner() == slot_state::leased) {
      ++stats.leased;
      stats.longest_held = std::max(stats.longest_held, now - slot->seen_at);
    } else {
      ++stats.idle;
    }
  }
  for (auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    if (slot->frozen) {
      slot->state.fetch_and(slot_state::owner_mask, std::memory_order_release);
    }
  }
  stats.opening = opening_;
  stats.waiting = queue_.size();
  stats.timeouts = timeouts_;
  stats.opened = opened_;
  stats.failed = failed_;
  stats.closed = closed_connections_;
  return stats;
}

void PoolCore::note_progress(Later& later) {
  for (auto& signal : std::exchange(watching_, {})) later.wake(std::move(signal));
}

}  // namespace grant::detail
