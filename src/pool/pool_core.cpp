#include "pool_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "core/fork.hpp"
#include "grant/core/error.hpp"

namespace grant::detail {
namespace {

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

bool in_transaction(const Connection& connection) noexcept {
  return connection.is_open() && connection.transaction_state() != TransactionState::none;
}

/// Rolls back what a borrower left open, blocking, if that can be done.
void roll_back(Connection& connection) noexcept {
  try {
    const io::Call call(io::blocking_waiter());
    run(connection.rollback(call.until(after(call.now(), kRollbackLimit))));
  } catch (...) {
    // What became of it is seen in its state.
  }
}

}  // namespace

PoolCore::PoolCore(PoolOptions options, const Driver& driver, ConnectOptions target,
                   const Clock& clock, EventSink events, io::Runtime& runtime)
    : id_(new_id()),
      forks_(forks()),
      given_(options),
      driver_(driver),
      target_(std::move(target)),
      clock_(clock),
      events_(std::move(events)),
      runtime_(runtime),
      max_size_(options.max_size),
      dice_(static_cast<Dice::result_type>(runtime.random_bits())) {}

PoolCore::~PoolCore() {
  for (auto* slot = first_.load(); slot != nullptr;) {
    const std::unique_ptr<PoolSlot> owned(slot);
    slot = slot->next.load();
  }
}

std::shared_ptr<PoolCore> PoolCore::made_anew() const {
  auto anew = std::make_shared<PoolCore>(options(), driver_, target_, clock_, events_, runtime_);
  anew->suspended_ = suspended_.load();
  anew->closed_ = closed_.load();
  return anew;
}

PoolOptions PoolCore::options() const noexcept {
  auto options = given_;
  options.max_size = max_size_.load(std::memory_order_relaxed);
  return options;
}

const void* PoolCore::this_thread() noexcept { return &last_used; }

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
  slot.holder.store(may_block ? this_thread() : nullptr, std::memory_order_relaxed);
  slot.file.store(place.file, std::memory_order_relaxed);
  slot.line.store(place.line, std::memory_order_relaxed);
  slot.uses.store(slot.uses.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return Lease(slot, may_block);
}

// Not inlined: a coroutine may go on in another thread than before, and must look anew which it is.
[[gnu::noinline]] Lease PoolCore::lend_on_this_thread(PoolSlot& slot, bool may_block,
                                                      CallSite place) noexcept {
  last_used[id_ % last_used.size()] = {id_, &slot};
  return lend(slot, may_block, place);
}

Lease PoolCore::try_acquire(const io::Call& call, CallSite place) noexcept {
  auto* const slot = take_now();
  if (slot == nullptr) return {};
  return lend(*slot, call.waiter().blocks(), place);
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
  take_back(slot, later);
}

/// What becomes of a slot that was leased, or was going to be.
void PoolCore::take_back(PoolSlot& slot, Later& later) {
  if (!slot.connection->is_open() || !is_fit(slot)) {
    empty(slot, later, true);
    plan_openings(later);
  } else if (is_clean(*slot.connection)) {
    offer(slot, later);
  } else {
    hold(slot, later);
  }
}

Task<Lease> PoolCore::acquire(io::Call call, CallSite place) {
  const bool may_block = call.waiter().blocks();
  auto* slot = take_now();
  for (int i = 0; slot == nullptr && may_block && i < kYields; ++i) {
    std::this_thread::yield();
    slot = take_now();
  }
  if (slot == nullptr) return acquire_waiting(call, place);
  return lend(*slot, may_block, place);
}

Task<Lease> PoolCore::acquire_waiting(io::Call call, CallSite place) {
  const bool may_block = call.waiter().blocks();
  const auto self = shared_from_this();  // the pool may be gone when the wait ends
  const auto began = call.now();
  const auto limited = given_.checkout_timeout.count() == 0
                           ? call
                           : call.until(after(began, given_.checkout_timeout));
  while (true) {
    auto* const slot = co_await wait_for_slot(limited, began, may_block);
    auto lease = lend_on_this_thread(*slot, may_block, place);
    if (!slot->unproven) co_return std::move(lease);
    const auto asked = call.now();
    const bool alive = co_await is_alive(*slot->connection, limited);
    if (alive) {
      const Lock lock(mutex_);
      slot->unproven = false;
      co_return std::move(lease);
    }
    // Those that were silent for as long are probably as dead. A caller in a hurry cannot tell.
    const auto now = call.now();
    const bool out_of_time = now >= limited.deadline();
    if (!out_of_time || now - asked >= kFairCheck) drop_unproven();
    if (out_of_time) throw_error(unchecked_error(limited.deadline() - began));
  }
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
  answer_all(PoolWaiter::Answer::closed, nullptr, later);
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
      if (slot->holder.load(std::memory_order_relaxed) == this_thread()) ++stats.leased_here;
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
