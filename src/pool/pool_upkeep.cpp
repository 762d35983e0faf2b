// What a pool does behind its callers: opening, checking and closing connections.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/fork.hpp"
#include "grant/core/error.hpp"
#include "pool_core.hpp"

namespace grant::detail {
namespace {

using Answer = PoolWaiter::Answer;

/// Longest wait for the answer of a connection that is checked.
constexpr std::chrono::seconds kCheckLimit{5};

/// For an opening that no caller wants and no option limits.
constexpr std::chrono::seconds kOpeningLimit{30};

}  // namespace

/// Work that uses the driver or the sink of events, which a pool that goes waits for.
class PoolCore::Work {
 public:
  /// `loop`: closing the pool cancels it. Gives up at once when the pool is closed.
  Work(PoolCore& core, io::Loop* loop) : core_(core), loop_(loop) {
    const Lock lock(core_.mutex_);
    begun_ = !core_.closed_;
    if (!begun_) return;
    generation_ = core_.generation_;
    ++core_.working_;
    if (loop_ != nullptr) core_.loops_.push_back(loop_);
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    if (!begun_ || core_.forks_ != forks()) return;
    const Lock lock(core_.mutex_);
    std::erase(core_.loops_, loop_);
    --core_.working_;
    core_.work_ended_.notify_all();
  }

  [[nodiscard]] const PoolCore& core() const noexcept { return core_; }
  [[nodiscard]] bool begun() const noexcept { return begun_; }
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

 private:
  PoolCore& core_;
  io::Loop* const loop_;
  bool begun_ = false;
  std::uint64_t generation_ = 0;
};

/// Work that is on this thread's stack, and so cannot be waited for here: an event sink that ends
/// its pool is called by some.
class PoolCore::WorkHere {
 public:
  explicit WorkHere(PoolCore& core) : work_(core, nullptr) {}
  WorkHere(const WorkHere&) = delete;
  WorkHere& operator=(const WorkHere&) = delete;
  ~WorkHere() { innermost = outer_; }

  [[nodiscard]] bool begun() const noexcept { return work_.begun(); }

  [[nodiscard]] static std::size_t count(const PoolCore& core) noexcept {
    std::size_t count = 0;
    for (const auto* each = innermost; each != nullptr; each = each->outer_) {
      if (each->begun() && &each->work_.core() == &core) ++count;
    }
    return count;
  }

 private:
  static constinit thread_local const WorkHere* innermost;

  const Work work_;
  const WorkHere* const outer_ = std::exchange(innermost, this);
};
constinit thread_local const PoolCore::WorkHere* PoolCore::WorkHere::innermost = nullptr;

PoolCore::Later::~Later() {
  if (first_) first_->set();
  for (const auto& signal : others_) signal->set();
  to_close.clear();
  if (!to_close_in_background.empty()) {
    core_.close_in_background(std::move(to_close_in_background));
  }
  if (look_at != kNever) core_.look_by(look_at);
  if (openings > 0) core_.start_openings(openings, opening_deadline);
  for (auto* slot : to_refresh) core_.refresh(*slot);
  if (events.empty()) return;
  const WorkHere work(core_);  // who is told must not be gone, unless a lease is out
  if (!work.begun() && !lease_ends) return;
  for (const auto& event : events) emit(core_.events_, event);
}

void PoolCore::await_work() {
  const auto here = WorkHere::count(*this);
  const Lock lock(mutex_);
  while (working_ > here) work_ended_.wait(mutex_);
}

// -- Opening ----------------------------------------------------------------------------------

Demand PoolCore::demand() const {
  Demand demand;
  demand.max_size = max_size_;
  demand.open = open_;
  demand.opening = opening_;
  demand.idle = count_idle();
  demand.waiting = suspended_ ? 0 : queue_.size();
  demand.min_idle = in_use_ ? given_.min_idle : 0;
  demand.wished = wished_;
  return demand;
}

void PoolCore::plan_openings(Later& later) {
  if (closed_) return;
  const auto seen = demand();
  const auto now = runtime_.now();
  const auto count = openings_now(seen, pacing_, now);
  if (count == 0) {
    const auto next = next_opening(seen, pacing_);
    if (now < next && wanted(seen) > 0 && has_room(seen)) {
      later.look_at = std::min(later.look_at, next);
    }
    return;
  }
  opening_ += count;
  later.openings += count;
  if (given_.checkout_timeout.count() == 0) {
    later.opening_deadline = queue_.empty() ? after(now, kOpeningLimit) : TimePoint::min();
    for (const auto* waiter : queue_) {
      later.opening_deadline = std::max(later.opening_deadline, waiter->deadline);
    }
  }
}

void PoolCore::start_openings(std::size_t count, TimePoint deadline) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    try {
      runtime_.start([self = shared_from_this(), deadline](io::Loop& loop) {
        loop.spawn(self->open_one(loop, deadline));
      });
    } catch (const Error& failure) {
      not_opened(failure.info());
    } catch (const std::exception& failure) {
      not_opened(error(Errc::unavailable, fmt::format(": {}", failure.what())));
    }
  }
}

Task<void> PoolCore::open_one(io::Loop& loop, TimePoint deadline) {
  if (given_.checkout_timeout.count() > 0) deadline = after(loop.now(), given_.checkout_timeout);
  std::unique_ptr<Connection> connection;
  ErrorInfo failure = closed_error();
  const Work work(*this, &loop);
  if (work.begun()) co_await connect(io::Call(loop, deadline), connection, failure);
  if (connection) {
    opened(std::move(connection), work.generation());
  } else {
    not_opened(std::move(failure));
  }
}

Task<void> PoolCore::connect(io::Call call, std::unique_ptr<Connection>& connection,
                             ErrorInfo& failure) {
  for (std::size_t attempt = 0;; ++attempt) {
    try {
      connection = co_await driver_.connect(call, target_);
      co_return;
    } catch (const Error& problem) {
      failure = problem.info();
    } catch (const std::exception& problem) {
      failure = error(Errc::unavailable, fmt::format(": {}", problem.what()));
    }
    if (attempt >= given_.retry_attempts || !may_retry(failure)) co_return;
    const auto pause_ends = after(call.now(), retry_pause());
    if (pause_ends >= call.deadline()) co_return;
    const auto outcome = co_await call.sleep_until(pause_ends);
    if (outcome == io::Outcome::cancelled) co_return;
  }
}

/// Where the server is full and some connections are open, waiting for those is better.
bool PoolCore::may_retry(const ErrorInfo& failure) const {
  if (failure.code != Errc::unavailable) return false;
  const Lock lock(mutex_);
  return open_ == 0 || !driver_.says_full(failure);
}

Duration PoolCore::retry_pause() {
  const Lock lock(mutex_);
  return pause_before_retry(given_.retry_delay, dice_);
}

void PoolCore::opened(std::unique_ptr<Connection> connection, std::uint64_t generation) noexcept {
  const auto now = clock_.now();
  Later later(*this);
  const Lock lock(mutex_);
  --opening_;
  ++opened_;
  in_use_ = true;
  last_failure_.reset();
  auto& slot = empty_slot();
  slot.connection = std::move(connection);
  slot.generation = generation;
  slot.expired = false;
  slot.unproven = false;
  slot.seen_owner = slot_state::idle;
  slot.seen_uses = slot.uses.load(std::memory_order_relaxed);
  slot.seen_at = slot.heard_at = now;
  slot.expires_at = expiry(given_.max_lifetime, now, dice_);
  slot.unproven = given_.verify_idle.count() == 0;
  ++open_;
  pacing_ = after_success(pacing_, open_, max_size_);
  later.look_at = std::min(later.look_at, after(runtime_.now(), look_interval(given_)));
  if (is_fit(slot)) {
    offer(slot, later);
  } else {
    empty(slot, later, false);
  }
  plan_openings(later);
  note_progress(later);
}

void PoolCore::not_opened(ErrorInfo failure) noexcept {
  Later later(*this);
  const Lock lock(mutex_);
  --opening_;
  if (!closed_) {
    ++failed_;
    pacing_ = after_failure(pacing_, open_, driver_.says_full(failure), given_.retry_delay,
                            runtime_.now(), dice_);
    wished_ = 0;
    last_failure_ = std::make_shared<const ErrorInfo>(std::move(failure));
    // Nothing comes that anybody could wait for: who can go elsewhere shall know at once. Without a
    // checkout_timeout a caller waits for an opening, and for nothing else.
    if (open_ + opening_ == 0 || given_.checkout_timeout.count() == 0) {
      answer_all(Answer::failed, last_failure_, later, opening_ + count_idle());
    }
    plan_openings(later);
  }
  note_progress(later);
}

/// Takes back what a warm-up wished, whatever ends it: its coroutine may be destroyed while it
/// waits.
class PoolCore::Wish {
 public:
  explicit Wish(PoolCore& core) noexcept : core_(core) {}
  Wish(const Wish&) = delete;
  Wish& operator=(const Wish&) = delete;
  ~Wish() {
    if (core_.forks_ != forks()) return;
    Later later(core_);
    const Lock lock(core_.mutex_);
    core_.wished_ = 0;
    core_.note_progress(later);  // others may still wish
  }

 private:
  PoolCore& core_;
};

Task<void> PoolCore::warm_up(io::Call call) {
  const auto self = shared_from_this();
  const Wish wish(*this);
  std::uint64_t failed_before = 0;
  {
    const Lock lock(mutex_);
    failed_before = failed_;
  }
  while (true) {
    const auto signal = call.waiter().make_signal();
    std::shared_ptr<const ErrorInfo> failure;
    {
      Later later(*this);
      const Lock lock(mutex_);
      const auto wished = std::min<std::size_t>(given_.initial_size, max_size_);
      const bool failed = failed_ != failed_before && last_failure_;  // and nothing succeeded since
      if (closed_ || open_ >= wished) co_return;
      if (failed && opening_ == 0) {
        failure = last_failure_;
      } else {
        watching_.push_back(signal);
        wished_ = failed ? 0 : wished;
        plan_openings(later);
      }
    }
    if (failure) throw_error(*failure);
    const auto outcome = co_await call.signalled(*signal);
    if (outcome == io::Outcome::ready) continue;
    if (outcome == io::Outcome::cancelled) throw_error(cancelled_error("opening"));
    throw_error(error(Errc::unavailable,
                      ": not as many connections as initial_size says could be "
                      "opened in time"));
  }
}

// -- Closing ----------------------------------------------------------------------------------

PoolSlot& PoolCore::empty_slot() {
  for (auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    // One that is emptied under the lock; the others are somebody's.
    if (slot->owner() == slot_state::held && slot->connection == nullptr) return *slot;
  }
  auto* const slot = std::make_unique<PoolSlot>(*this).release();
  (last_ != nullptr ? last_->next : first_).store(slot, std::memory_order_release);
  last_ = slot;
  return *slot;
}

bool PoolCore::is_fit(const PoolSlot& slot) const {
  return !closed_ && slot.generation == generation_ && !slot.expired && open_ <= max_size_;
}

/// Closes the connection of a slot that the caller owns.
void PoolCore::empty(PoolSlot& slot, Later& later, bool in_background) {
  // Closing a broken one takes no time, and a closed pool leaves nothing behind.
  const bool now = !in_background || closed_ || !slot.connection->is_open();
  (now ? later.to_close : later.to_close_in_background).push_back(std::move(slot.connection));
  slot.state.store(slot_state::held, std::memory_order_release);
  --open_;
  ++closed_connections_;
  if (closed_ && open_ == 0) {
    note_progress(later);
    if (self_) later.self = std::move(self_);
  }
}

void PoolCore::empty_idle(Later& later, bool only_unproven) {
  for (auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    if (only_unproven && !slot->unproven) continue;
    if (own_idle(*slot)) empty(*slot, later, false);
  }
}

void PoolCore::close_in_background(std::vector<std::unique_ptr<Connection>> connections) noexcept {
  const auto closing =
      std::make_shared<std::vector<std::unique_ptr<Connection>>>(std::move(connections));
  auto work = std::make_shared<Work>(*this, nullptr);
  // The pool may have gone by now, and its driver goes after the last lease: which is still ending.
  if (!work->begun()) return closing->clear();
  try {
    runtime_.post([self = shared_from_this(), work, closing]() mutable {
      closing->clear();
      work.reset();  // before `self`
    });
  } catch (const Error&) {
    closing->clear();  // no thread can be had
  }
}

// -- Looking after ----------------------------------------------------------------------------

/// Whether the server still answers on an idle connection; one that does not is closed.
Task<bool> PoolCore::is_alive(Connection& connection, io::Call call) const {
  Statement statement;
  statement.sql = "SELECT 1";
  statement.effect = Effect::read;
  const auto limited = call.until(after(call.now(), kCheckLimit));
  try {
    co_await connection.execute(limited, statement);
  } catch (const Error&) {
    // An error that left the connection open came from a server that answers.
  }
  co_return connection.is_open();
}

/// Keeps a slot that the caller owns from everybody until refresh() is done with it.
void PoolCore::hold(PoolSlot& slot, Later& later) {
  slot.state.store(slot_state::held, std::memory_order_release);
  later.to_refresh.push_back(&slot);
}

void PoolCore::refresh(PoolSlot& slot) noexcept {
  try {
    auto waited_for = std::make_shared<Work>(*this, nullptr);
    if (!waited_for->begun()) return after_refresh(slot);  // which closes it
    runtime_.start([self = shared_from_this(), &slot, waited_for](io::Loop& loop) mutable {
      loop.spawn(self->refresh_on(loop, slot, std::move(waited_for)));
    });
  } catch (const std::exception&) {
    after_refresh(slot);  // no thread can be had
  }
}

Task<void> PoolCore::refresh_on(io::Loop& loop, PoolSlot& slot, std::shared_ptr<Work> waited_for) {
  {
    const Work work(*this, &loop);
    if (work.begun()) co_await make_clean(*slot.connection, io::Call(loop));
  }
  after_refresh(slot);
  static_cast<void>(waited_for);  // until here
}

/// Undoes what a borrower has left; where there is nothing, looks whether the server still answers.
Task<void> PoolCore::make_clean(Connection& connection, io::Call call) const {
  const auto limited = call.until(after(call.now(), kCheckLimit));
  try {
    if (is_clean(connection)) co_await is_alive(connection, limited);
    if (connection.transaction_state() != TransactionState::none) {
      co_await connection.rollback(limited);
    }
    if (connection.session_changed()) co_await connection.reset(limited);
  } catch (const std::exception&) {
    // What became of it is seen in its state.
  }
}

void PoolCore::after_refresh(PoolSlot& slot) noexcept {
  Later later(*this);
  later.self = shared_from_this();
  const Lock lock(mutex_);
  if (is_clean(*slot.connection) && is_fit(slot)) {
    slot.heard_at = clock_.now();
    slot.unproven = given_.verify_idle.count() == 0;
    offer(slot, later);
  } else {
    empty(slot, later, false);
    plan_openings(later);
  }
}

/// What this look finds. A lease or an idle time is as old as the first look that found it.
void PoolCore::notice(PoolSlot& slot, TimePoint now) {
  const auto owner = slot.owner();
  const auto uses = slot.uses.load(std::memory_order_relaxed);
  if (owner == slot_state::held) return;  // being checked: as idle as it was
  if (owner == slot.seen_owner && uses == slot.seen_uses) return;
  slot.seen_owner = owner;
  slot.seen_uses = uses;
  slot.seen_at = now;
  slot.heard_at = now;
}

void PoolCore::look_by(TimePoint time) {
  {
    const Lock lock(mutex_);
    if (closed_ || time >= look_at_) return;
    look_at_ = time;
  }
  runtime_.call_at(time, [known = weak_from_this(), time] {
    if (const auto core = known.lock()) core->look_now(time);
  });
}

void PoolCore::look_now(TimePoint time) noexcept {
  const WorkHere work(*this);
  if (!work.begun()) return;
  {
    const Lock lock(mutex_);
    if (time != look_at_) return;  // another one was arranged for a sooner time
    look_at_ = kNever;
  }
  look_after();
}

void PoolCore::look_after() noexcept {
  Later later(*this);
  const Lock lock(mutex_);
  if (closed_) return;
  if (open_ > 0) {
    tend(clock_.now(), later);
    later.look_at = std::min(later.look_at, after(runtime_.now(), look_interval(given_)));
  }
  plan_openings(later);
}

void PoolCore::tend(TimePoint now, Later& later) {
  hand_over_idle(later);
  std::vector<PoolSlot*> slots;
  std::vector<IdleConnection> idle;
  for (auto* slot = first_.load(); slot != nullptr; slot = slot->next.load()) {
    if (slot->connection == nullptr) continue;
    notice(*slot, now);
    if (slot->owner() == slot_state::leased) tend_leased(*slot, now, later);
    if (slot->owner() != slot_state::idle) continue;
    slots.push_back(slot);
    idle.push_back({now - slot->seen_at, now - slot->heard_at, now >= slot->expires_at});
  }
  const auto cares = care_for(idle, open_, options());
  for (std::size_t i = 0; i < cares.size(); ++i) {
    auto& slot = *slots[i];
    if (cares[i] == Care::none || !own_idle(slot)) continue;
    switch (cares[i]) {
      case Care::none: break;
      case Care::close: empty(slot, later, true); break;
      case Care::ping: hold(slot, later); break;
      case Care::verify_before_use:
        slot.unproven = true;
        set_owner(slot, slot_state::idle);
        break;
    }
  }
  plan_openings(later);
}

void PoolCore::tend_leased(PoolSlot& slot, TimePoint now, Later& later) {
  const auto held = now - slot.seen_at;
  if (has_reached(held, given_.leak_threshold) && slot.leak_told != slot.seen_uses) {
    tell_of_leak(slot, held, later);
  }
  slot.expired = slot.expired || now >= slot.expires_at;
  if (needs_attention(slot)) {
    slot.state.fetch_or(slot_state::attention, std::memory_order_acq_rel);
  }
}

void PoolCore::tell_of_leak(PoolSlot& slot, Duration held, Later& later) {
  slot.leak_told = slot.seen_uses;
  later.events.push_back({Severity::warning,
                          "pool.leak",
                          {{"node", target_.node},
                           {"place", fmt::format("{}:{}", slot.file.load(), slot.line.load())},
                           {"held_ms", in_ms(held)}}});
}

}  // namespace grant::detail
