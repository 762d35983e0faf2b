// What a pool does behind its callers: opening, closing and caring for connections.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cleaning.hpp"
#include "core/fork.hpp"
#include "grant/core/error.hpp"
#include "pool_core.hpp"

namespace grant::detail {

// -- Opening ----------------------------------------------------------------------------------

void PoolCore::start_openings(std::size_t count, TimePoint deadline) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    try {
      runtime_.start([self = shared_from_this(), deadline](io::Loop& loop) {
        loop.spawn(self->open_one(loop, deadline));
      });
    } catch (const Error& failure) {
      not_opened(failure.info());
    } catch (const std::exception& failure) {
      not_opened(refusals_.trouble(failure.what()));
    }
  }
}

Task<void> PoolCore::open_one(io::Loop& loop, TimePoint deadline) {
  if (given_.checkout_timeout.count() > 0) deadline = after(loop.now(), given_.checkout_timeout);
  std::uint64_t generation = 0;
  {
    const Lock lock(slots_.mutex);
    generation = slots_.generation();
  }
  std::unique_ptr<Connection> connection;
  ErrorInfo failure = refusals_.closed();
  Errands::Errand errand(errands_);
  if (errand.go_on(loop)) co_await connect(io::Call(loop, deadline), connection, failure);
  if (connection) {
    opened(std::move(connection), generation);
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
      failure = refusals_.trouble(problem.what());
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
  const Lock lock(slots_.mutex);
  return slots_.open() == 0 || !driver_.says_full(failure);
}

Duration PoolCore::retry_pause() {
  const Lock lock(slots_.mutex);
  return pause_before_retry(given_.retry_delay, dice_);
}

void PoolCore::opened(std::unique_ptr<Connection> connection, std::uint64_t generation) noexcept {
  const auto now = clock_.now();
  Change change(*this);
  auto& slot =
      slots_.add(std::move(connection), generation, now, expiry(given_.max_lifetime, now, dice_));
  openings_.succeeded(slots_.open(), slots_.max_size());
  look_by(after(change.now(), look_interval(given_)), change);
  if (!closed_ && slots_.is_fit(slot)) {
    slots_.set_status(slot, SlotStatus::idle);
  } else {
    close_connection(slot, change, Where::here);
  }
  note_progress(change);
}

void PoolCore::not_opened(ErrorInfo failure) noexcept {
  Change change(*this);
  note_progress(change);
  if (closed_) return openings_.given_up();
  const bool full = driver_.says_full(failure);
  const auto told = std::make_shared<const ErrorInfo>(std::move(failure));
  openings_.failed(told, full, slots_.open(), given_.retry_delay, change.now(), dice_);
  // Nothing comes that anybody could wait for: who can go elsewhere shall know at once. Without a
  // checkout_timeout a caller waits for an opening, and for nothing else.
  if (slots_.open() + openings_.under_way() == 0 || given_.checkout_timeout.count() == 0) {
    queue_.dismiss(openings_.under_way() + slots_.idle(), PoolWaiter::Answer::failed, told,
                   change.wakes);
  }
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
    Change change(core_);
    core_.openings_.wish(0);
    core_.note_progress(change);  // others may still wish
  }

 private:
  PoolCore& core_;
};

Task<void> PoolCore::warm_up(io::Call call) {
  const auto self = shared_from_this();
  const Wish wish(*this);
  std::uint64_t failures_before = 0;
  {
    const Lock lock(slots_.mutex);
    failures_before = openings_.failures();
  }
  while (true) {
    const auto signal = call.waiter().make_signal();
    std::shared_ptr<const ErrorInfo> failure;
    {
      const Change change(*this);
      const auto wished = std::min(given_.initial_size, slots_.max_size());
      // And nothing has succeeded since.
      const bool failed = openings_.failures() != failures_before && openings_.failure();
      if (closed_ || slots_.open() >= wished) co_return;
      if (failed && openings_.under_way() == 0) {
        failure = openings_.failure();
      } else {
        watching_.push_back(signal);
        openings_.wish(failed ? 0 : wished);
      }
    }
    if (failure) throw_error(*failure);
    const auto outcome = co_await call.signalled(*signal);
    if (outcome == io::Outcome::ready) continue;
    if (outcome == io::Outcome::cancelled) throw_error(refusals_.cancelled("opening"));
    throw_error(
        refusals_.trouble("not as many connections as initial_size says could be opened in time"));
  }
}

// -- Closing ----------------------------------------------------------------------------------

/// Closes the connection of a slot that the caller leased or cares for.
void PoolCore::close_connection(PoolSlot& slot, Change& change, Where where) {
  // Closing a broken one takes no time, and a closed pool leaves nothing behind.
  const bool here = where == Where::here || closed_ || !slot.connection->is_open();
  (here ? change.to_close : change.to_close_in_background).push_back(slots_.remove(slot));
  if (!closed_ || slots_.open() > 0) return;
  note_progress(change);
  self_.reset();
}

void PoolCore::close_idle(Change& change, Which which) {
  for (auto& slot : slots_) {
    if (which == Which::unproven && !slot.unproven) continue;
    if (slots_.claim(slot)) close_connection(slot, change, Where::here);
  }
}

void PoolCore::close_in_background(std::vector<std::unique_ptr<Connection>> connections) noexcept {
  const auto closing =
      std::make_shared<std::vector<std::unique_ptr<Connection>>>(std::move(connections));
  auto errand = std::make_shared<Errands::Errand>(errands_);
  // The pool may have gone by now, and its driver goes after the last lease: which is still ending.
  if (!errand->begun()) return closing->clear();
  try {
    runtime_.post([self = shared_from_this(), errand, closing]() mutable {
      closing->clear();
      errand.reset();  // before `self`
    });
  } catch (const Error&) {
    closing->clear();  // no thread can be had
  }
}

// -- Caring for what is open ------------------------------------------------------------------

/// Cleans a slot that is in care, in the background.
void PoolCore::care_for_slot(PoolSlot& slot) noexcept {
  try {
    auto errand = std::make_shared<Errands::Errand>(errands_);
    if (!errand->begun()) return after_care(slot);  // which closes it
    // Not shared with this call: it must end before its loop does.
    runtime_.start(
        [self = shared_from_this(), &slot, errand = std::move(errand)](io::Loop& loop) mutable {
          loop.spawn(self->clean_slot(loop, slot, std::move(errand)));
        });
  } catch (const std::exception&) {
    after_care(slot);  // no thread can be had
  }
}

Task<void> PoolCore::clean_slot(io::Loop& loop, PoolSlot& slot,
                                std::shared_ptr<Errands::Errand> errand) {
  if (errand->go_on(loop)) co_await clean(*slot.connection, io::Call(loop));
  after_care(slot);
}

void PoolCore::after_care(PoolSlot& slot) noexcept {
  Change change(*this);
  if (!closed_ && slots_.is_fit(slot) && is_clean(*slot.connection)) {
    slot.heard_at = clock_.now();
    slot.unproven = given_.verify_idle.count() == 0;
    slot.last_lease = Duration::max();  // long ago
    slots_.set_status(slot, SlotStatus::idle);
  } else {
    close_connection(slot, change, Where::here);
  }
}

/// Arranges a look. One at a time is: where it shall be sooner, the other one comes to nothing.
void PoolCore::look_by(TimePoint time, Change& change) {
  if (closed_ || time >= look_at_) return;
  look_at_ = change.look_at = time;
}

void PoolCore::look_at(TimePoint time) noexcept {
  const Errands::ErrandHere here(errands_);
  if (!here.begun()) return;
  {
    const Lock lock(slots_.mutex);
    if (time != look_at_) return;
    look_at_ = kNever;
  }
  look_after();
}

void PoolCore::look_after() noexcept {
  Change change(*this);
  if (closed_ || slots_.open() == 0) return;
  tend(clock_.now(), change);
  look_by(after(change.now(), look_interval(given_)), change);
}

void PoolCore::tend(TimePoint now, Change& change) {
  std::vector<PoolSlot*> slots;
  std::vector<IdleConnection> idle;
  for (auto& slot : slots_) {
    const auto status = slot.status();
    if (status == SlotStatus::empty) continue;
    Slots::notice(slot, now);
    if (status == SlotStatus::leased) tend_leased(slot, now, change);
    if (status != SlotStatus::idle) continue;
    slots.push_back(&slot);
    idle.push_back({now - slot.seen_at, now - slot.heard_at, now >= slot.expires_at});
  }
  const auto cares = care_for(idle, slots_.open(), options());
  for (std::size_t i = 0; i < cares.size(); ++i) {
    auto& slot = *slots[i];
    if (cares[i] == Care::none || !slots_.claim(slot)) continue;
    switch (cares[i]) {
      case Care::none: break;
      case Care::close: close_connection(slot, change, Where::in_background); break;
      case Care::ping:
        slots_.set_status(slot, SlotStatus::in_care);
        change.to_care_for.push_back(&slot);
        break;
      case Care::verify_before_use:
        slot.unproven = true;
        slots_.set_status(slot, SlotStatus::idle);
        break;
    }
  }
}

void PoolCore::tend_leased(PoolSlot& slot, TimePoint now, Change& change) {
  const auto held = now - slot.seen_at;
  if (has_reached(held, given_.leak_threshold) && slot.leak_told != slot.seen_uses) {
    slot.leak_told = slot.seen_uses;
    change.events.push_back({Severity::warning,
                             "pool.leak",
                             {{"node", target_.node},
                              {"place", fmt::format("{}:{}", slot.file.load(), slot.line.load())},
                              {"held_ms", in_ms(held)}}});
  }
  slot.expired = slot.expired || now >= slot.expires_at;
  slots_.watch_if_marked(slot);
}

}  // namespace grant::detail
