#include "slots.hpp"

#include <algorithm>
#include <utility>

namespace grant::detail {
namespace {

std::uint64_t new_id() {
  static std::atomic<std::uint64_t> count = 0;
  return ++count;
}

}  // namespace

Slots::Slots(PoolCore* owner, const PoolOptions& options) noexcept
    : id_(new_id()),
      owner_(owner),
      check_each_(options.verify_idle.count() == 0),
      max_size_(options.max_size) {}

Slots::~Slots() {
  for (auto* slot = first_.load(); slot != nullptr;) {
    const std::unique_ptr<PoolSlot> owned(slot);
    slot = slot->next.load();
  }
}

void Slots::set_status(PoolSlot& slot, SlotStatus status) {
  // Leaving the old one.
  switch (slot.status()) {
    case SlotStatus::idle: --idle_; break;
    case SlotStatus::leased: slot.holder.store(nullptr, std::memory_order_relaxed); break;
    case SlotStatus::in_care: --in_care_; break;
    case SlotStatus::empty: ++open_; break;
  }
  // Entering the new one.
  switch (status) {
    case SlotStatus::idle:
      ++idle_;
      lately_idle_ = &slot;
      break;
    case SlotStatus::leased: break;
    case SlotStatus::in_care: ++in_care_; break;
    case SlotStatus::empty:
      --open_;
      ++closed_;
      break;
  }
  const auto attention = wants_attention(slot) ? PoolSlot::kAttention : std::uint8_t{0};
  slot.state_.store(static_cast<std::uint8_t>(PoolSlot::word(status) | attention),
                    std::memory_order_release);
}

PoolSlot& Slots::empty_slot() {
  for (auto& slot : *this) {
    if (slot.status() == SlotStatus::empty) return slot;
  }
  auto* const slot = std::make_unique<PoolSlot>(owner_).release();
  (last_ != nullptr ? last_->next : first_).store(slot, std::memory_order_release);
  last_ = slot;
  return *slot;
}

PoolSlot& Slots::add(std::unique_ptr<Connection> connection, std::uint64_t generation,
                     TimePoint now, TimePoint expires_at) {
  auto& slot = empty_slot();
  slot.connection = std::move(connection);
  slot.generation = generation;
  slot.expired = false;
  slot.unproven = check_each_;
  set_status(slot, SlotStatus::leased);
  // Nobody has leased it yet, as looks see it.
  slot.seen_status = SlotStatus::idle;
  slot.seen_uses = slot.uses.load(std::memory_order_relaxed);
  slot.seen_at = slot.heard_at = now;
  slot.expires_at = expires_at;
  slot.last_lease = Duration::max();
  return slot;
}

std::unique_ptr<Connection> Slots::remove(PoolSlot& slot) {
  auto connection = std::move(slot.connection);
  set_status(slot, SlotStatus::empty);
  return connection;
}

bool Slots::claim(PoolSlot& slot) {
  if (slot.take()) return true;
  constexpr auto wanted = PoolSlot::word(SlotStatus::idle) | PoolSlot::kAttention;
  if (slot.state_.load(std::memory_order_acquire) != wanted) return false;
  set_status(slot, SlotStatus::leased);  // nobody else can
  return true;
}

void Slots::pass_on(PoolSlot& slot, TimePoint now) {
  set_status(slot, SlotStatus::leased);
  slot.leased_at = now;
  slot.seen_status = SlotStatus::empty;  // a lease of its own, as looks see it
}

PoolSlot* Slots::claim_idle() {
  if (watched_) {
    if (idle_ == 0) return nullptr;
    if (lately_idle_ != nullptr && !lately_idle_->unproven && claim(*lately_idle_)) {
      return lately_idle_;
    }
  }
  PoolSlot* unproven = nullptr;
  for (auto& slot : *this) {
    if (slot.status() != SlotStatus::idle) continue;
    if (!slot.unproven) {
      if (claim(slot)) return &slot;
    } else if (unproven == nullptr) {
      unproven = &slot;
    }
  }
  return unproven != nullptr && claim(*unproven) ? unproven : nullptr;
}

void Slots::watch(bool wanted) {
  if (std::exchange(watched_, wanted) == wanted || !wanted) return;
  // From here on only set_status() changes who is idle.
  idle_ = 0;
  for (auto& slot : *this) {
    call_attention(slot);
    if (slot.status() == SlotStatus::idle) ++idle_;
  }
}

void Slots::outdate() {
  ++generation_;
  for (auto& slot : *this) call_attention(slot);
}

void Slots::resize(std::size_t max_size) {
  max_size_ = max_size;
  if (open_ <= max_size) return;
  for (auto& slot : *this) call_attention(slot);
}

bool Slots::is_fit(const PoolSlot& slot) const {
  return slot.generation == generation_ && !slot.expired && open_ <= max_size_;
}

bool Slots::wants_attention(const PoolSlot& slot) const {
  const auto use = slot.uses.load(std::memory_order_relaxed);
  const bool is_leak = slot.leak_told != 0 && slot.leak_told == use;
  return watched_ || check_each_ || slot.unproven || is_leak || !is_fit(slot);
}

bool Slots::call_attention(PoolSlot& slot) noexcept {
  if ((slot.state_.load(std::memory_order_relaxed) & PoolSlot::kAttention) != 0) return false;
  const auto before = slot.state_.fetch_or(PoolSlot::kAttention, std::memory_order_acq_rel);
  return (before & PoolSlot::kAttention) == 0;
}

void Slots::watch_if_marked(PoolSlot& slot) {
  if (wants_attention(slot)) call_attention(slot);
}

void Slots::notice(PoolSlot& slot, TimePoint now) noexcept {
  const auto status = slot.status();
  const auto uses = slot.uses.load(std::memory_order_relaxed);
  if (status == SlotStatus::in_care) return;  // as idle as it was
  if (status == slot.seen_status && uses == slot.seen_uses) return;
  slot.seen_status = status;
  slot.seen_uses = uses;
  slot.seen_at = slot.heard_at = now;
}

const PoolSlot* Slots::one_of_all_held_by(const void* thread) const {
  const PoolSlot* one = nullptr;
  if (open_ < max_size_) return nullptr;
  for (const auto& slot : *this) {
    if (slot.status() == SlotStatus::empty) continue;
    if (slot.status() != SlotStatus::leased || slot.holder.load() != thread) return nullptr;
    if (one == nullptr) one = &slot;
  }
  return one;
}

std::size_t Slots::idle() const {
  if (watched_) return idle_;
  std::size_t count = 0;
  for (const auto& slot : *this) count += slot.status() == SlotStatus::idle ? 1 : 0;
  return count;
}

PoolStats Slots::count(TimePoint now) const {
  PoolStats stats;
  stats.closed = closed_;
  for (auto& slot : *this) slot.frozen = call_attention(slot);
  for (auto& slot : *this) {
    stats.checkouts += slot.uses.load(std::memory_order_relaxed);
    const auto status = slot.status();
    if (status == SlotStatus::empty) continue;
    notice(slot, now);
    if (status != SlotStatus::leased) {
      ++stats.idle;
      continue;
    }
    ++stats.leased;
    if (slot.holder.load(std::memory_order_relaxed) == this_thread()) ++stats.leased_here;
    stats.longest_held = std::max(stats.longest_held, now - slot.seen_at);
  }
  for (auto& slot : *this) {
    if (slot.frozen) slot.state_.fetch_and(PoolSlot::kStatusMask, std::memory_order_release);
  }
  return stats;
}

}  // namespace grant::detail
