#include "pool_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "cleaning.hpp"
#include "core/fork.hpp"
#include "grant/core/error.hpp"

namespace grant::detail {
namespace {

/// How often a blocking caller lets other threads go first before it joins the queue: where
/// connections come back at once, that is all it takes.
constexpr int kYields = 2;

/// For an opening that no caller wants and no option limits.
constexpr std::chrono::seconds kOpeningLimit{30};

}  // namespace

PoolCore::PoolCore(PoolOptions options, const Driver& driver, ConnectOptions target,
                   const Clock& clock, EventSink events, io::Runtime& runtime)
    : forks_(forks()),
      given_(options),
      driver_(driver),
      target_(std::move(target)),
      refusals_(target_),
      clock_(clock),
      events_(std::move(events)),
      runtime_(runtime),
      slots_(this, options),
      dice_(static_cast<Dice::result_type>(runtime.random_bits())) {}

std::shared_ptr<PoolCore> PoolCore::made_anew() const {
  auto anew = std::make_shared<PoolCore>(options(), driver_, target_, clock_, events_, runtime_);
  anew->suspended_ = suspended_.load();
  anew->closed_ = closed_.load();
  if (anew->closed_) anew->errands_.close();
  return anew;
}

PoolOptions PoolCore::options() const noexcept {
  auto options = given_;
  options.max_size = slots_.max_size();
  return options;
}

// -- A change and what follows from it --------------------------------------------------------

PoolCore::Change::Change(PoolCore& core) : core_(core), self_(core.shared_from_this()) {
  core_.slots_.mutex.lock();
}

PoolCore::Change::~Change() {
  core_.settle(*this);
  core_.slots_.mutex.unlock();
  act();
}

TimePoint PoolCore::Change::now() noexcept {
  if (!now_) now_ = core_.runtime_.now();
  return *now_;
}

void PoolCore::Change::act() {
  wakes.set_all();
  to_close.clear();
  if (!to_close_in_background.empty()) {
    core_.close_in_background(std::move(to_close_in_background));
  }
  if (look_at != kNever) {
    core_.runtime_.call_at(look_at, [known = core_.weak_from_this(), time = look_at] {
      if (const auto core = known.lock()) core->look_at(time);
    });
  }
  if (openings > 0) core_.start_openings(openings, opening_deadline);
  for (auto* slot : to_care_for) core_.care_for_slot(*slot);
  if (events.empty()) return;
  const Errands::ErrandHere telling(core_.errands_);
  // Who is told must not be gone; a lease that is out answers for that.
  if (!telling.begun() && !ends_lease) return;
  for (const auto& event : events) emit(core_.events_, event);
}

void PoolCore::settle(Change& change) {
  watch_if_needed();
  serve_queue(change);
  plan_openings(change);
}

void PoolCore::watch_if_needed() { slots_.watch(!queue_.empty() || suspended_ || closed_); }

void PoolCore::serve_queue(Change& change) {
  while (!queue_.empty() && !suspended_) {
    auto* const slot = take_idle(change);
    if (slot == nullptr) return;
    if (may_be_raced_for(change.now() - queue_.head()->since, slot->last_lease)) {
      slots_.set_status(*slot, SlotStatus::idle);
      return queue_.tell_head(change.wakes);
    }
    queue_.serve_head(*slot, change.wakes);
    watch_if_needed();
    slots_.pass_on(*slot, change.now());
  }
}

void PoolCore::plan_openings(Change& change) {
  Demand demand;
  demand.max_size = slots_.max_size();
  demand.open = slots_.open();
  demand.opening = openings_.under_way();
  demand.waiting = suspended_ ? 0 : queue_.size();
  demand.min_idle = openings_.successes() > 0 ? given_.min_idle : 0;
  demand.wished = openings_.wished();
  if (closed_ || !has_room(demand) || wanted(demand) == 0) return;  // whatever is idle
  demand.idle = slots_.idle();
  demand.in_care = slots_.in_care();
  const auto plan = openings_.plan(demand, change.now());
  if (plan.again != kNever) look_by(plan.again, change);
  if (plan.start == 0) return;
  change.openings += plan.start;
  if (given_.checkout_timeout.count() > 0) return;  // which limits it
  change.opening_deadline =
      queue_.empty() ? after(change.now(), kOpeningLimit) : queue_.latest_deadline();
}

// -- Leasing without the lock, and returning --------------------------------------------------

PoolSlot* PoolCore::take_now() noexcept {
  while (auto* const slot = slots_.take()) {
    if (slot->connection->is_open()) [[likely]]
      return slot;
    give_back_slowly(*slot, false);  // which closes it
  }
  return nullptr;
}

Lease PoolCore::lend(PoolSlot& slot, bool may_block, CallSite place) noexcept {
  slot.holder.store(may_block ? Slots::this_thread() : nullptr, std::memory_order_relaxed);
  slot.file.store(place.file, std::memory_order_relaxed);
  slot.line.store(place.line, std::memory_order_relaxed);
  slot.uses.store(slot.uses.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return Lease(slot, may_block);
}

// Not inlined: a coroutine may go on in another thread than before, and must look anew which it is.
[[gnu::noinline]] Lease PoolCore::lend_on_this_thread(PoolSlot& slot, bool may_block,
                                                      CallSite place) noexcept {
  slots_.remember(slot);
  return lend(slot, may_block, place);
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

void PoolCore::give_back(PoolSlot& slot, bool may_block) noexcept {
  if (is_clean(*slot.connection) && slot.put_back()) [[likely]]
    return;  // and it may be another's by now
  slot.core->give_back_slowly(slot, may_block);
}

void PoolCore::give_back_slowly(PoolSlot& slot, bool may_block) noexcept {
  if (forks_ != forks()) return;  // the parent's
  // Here, so that a caller who goes on finds nothing locked.
  if (may_block) roll_back(*slot.connection);
  Change change(*this);
  change.ends_lease = true;
  if (slot.leak_told != 0 && slot.leak_told == slot.uses.load(std::memory_order_relaxed)) {
    change.events.push_back({Severity::info,
                             "pool.leak_ended",
                             {{"node", target_.node},
                              {"place", fmt::format("{}:{}", slot.file.load(), slot.line.load())},
                              {"held_ms", in_ms(clock_.now() - slot.seen_at)}}});
    slot.leak_told = 0;
  }
  slot.unproven = given_.verify_idle.count() == 0;
  if (!queue_.empty()) slot.last_lease = change.now() - slot.leased_at;
  take_back(slot, change);
}

/// What becomes of a slot that was leased, or was going to be.
void PoolCore::take_back(PoolSlot& slot, Change& change) {
  if (closed_ || !slot.connection->is_open() || !slots_.is_fit(slot)) {
    close_connection(slot, change, Where::in_background);
  } else if (is_clean(*slot.connection)) {
    slots_.set_status(slot, SlotStatus::idle);
  } else {
    slots_.set_status(slot, SlotStatus::in_care);
    change.to_care_for.push_back(&slot);
  }
}

// -- Operations -------------------------------------------------------------------------------

void PoolCore::drop_connections() noexcept {
  Change change(*this);
  slots_.outdate();  // first: what is leased now must not come back unseen
  close_idle(change, Which::all);
}

void PoolCore::drop_idle() noexcept {
  Change change(*this);
  close_idle(change, Which::all);
}

void PoolCore::resize(std::size_t max_size) {
  auto options = given_;
  options.max_size = max_size;
  options.validate("node \"" + target_.node + '"');
  Change change(*this);
  slots_.resize(max_size);
  tend(clock_.now(), change);
}

void PoolCore::suspend() noexcept {
  const Change change(*this);
  suspended_ = true;
}

void PoolCore::resume() noexcept {
  const Change change(*this);
  suspended_ = false;
}

void PoolCore::close() noexcept {
  {
    Change change(*this);
    closed_ = true;
    queue_.dismiss(0, PoolWaiter::Answer::closed, nullptr, change.wakes);
    watch_if_needed();  // first: what is leased now must not come back unseen
    close_idle(change, Which::all);
    note_progress(change);
    if (slots_.open() > 0) self_ = shared_from_this();
  }
  errands_.close();
}

Task<std::size_t> PoolCore::drain(io::Call call) {
  const auto self = shared_from_this();
  close();
  while (true) {
    const auto signal = call.waiter().make_signal();
    {
      const Lock lock(slots_.mutex);
      if (slots_.open() == 0) co_return 0;
      watching_.push_back(signal);
    }
    const auto outcome = co_await call.signalled(*signal);
    if (outcome == io::Outcome::cancelled) throw_error(refusals_.cancelled("draining"));
    const Lock lock(slots_.mutex);
    if (outcome == io::Outcome::timed_out) co_return slots_.open();
  }
}

PoolStats PoolCore::stats() const {
  const Lock lock(slots_.mutex);
  return count();
}

PoolStats PoolCore::count() const {
  auto stats = slots_.count(clock_.now());
  stats.opening = openings_.under_way();
  stats.waiting = queue_.size();
  stats.timeouts = timeouts_;
  stats.opened = openings_.successes();
  stats.failed = openings_.failures();
  return stats;
}

void PoolCore::note_progress(Change& change) {
  for (auto& signal : std::exchange(watching_, {})) change.wakes.add(std::move(signal));
}

}  // namespace grant::detail
