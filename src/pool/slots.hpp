#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "grant/core/mutex.hpp"
#include "grant/pool/pool_options.hpp"
#include "grant/pool/pool_stats.hpp"
#include "slot.hpp"

namespace grant::detail {

/// The slot that a thread had last, of some pools.
struct LastTaken {
  std::uint64_t slots = 0;
  PoolSlot* slot = nullptr;
};
inline constinit thread_local std::array<LastTaken, 8> last_taken{};

/// The connections of a pool, and who has them.
///
/// How it synchronises: taking an idle slot and putting it back need no lock, only the slot's own
/// word. Everything else happens under `mutex`, which is the lock of the whole pool. While somebody
/// watches, the first two do so too.
class Slots {
 public:
  Slots(PoolCore* owner, const PoolOptions& options) noexcept;
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;
  ~Slots();

  /// The pool's lock. Never held over I/O, callbacks or logging.
  mutable Mutex mutex;

  /// Oldest first. Slots are added under the lock, and never go.
  class Iterator {
   public:
    explicit Iterator(PoolSlot* slot) noexcept : slot_(slot) {}
    PoolSlot& operator*() const noexcept { return *slot_; }
    PoolSlot* operator->() const noexcept { return slot_; }
    Iterator& operator++() noexcept {
      slot_ = slot_->next.load(std::memory_order_acquire);
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    PoolSlot* slot_;
  };
  [[nodiscard]] Iterator begin() const noexcept {
    return Iterator(first_.load(std::memory_order_acquire));
  }
  [[nodiscard]] Iterator end() const noexcept { return Iterator(nullptr); }

  // -- Without the lock -----------------------------------------------------------------------

  /// Leases an idle slot: the one that this thread had last, or the oldest, so that those which
  /// are not needed any more stay idle. Null: there is none, or somebody watches.
  [[nodiscard]] PoolSlot* take() noexcept {
    const auto& last = last_taken[id_ % last_taken.size()];
    if (last.slots == id_ && last.slot->take()) return last.slot;
    for (auto& slot : *this) {
      if (slot.status() != SlotStatus::idle || !slot.take()) continue;
      remember(slot);
      return &slot;
    }
    return nullptr;
  }

  /// As the one that this thread had last.
  void remember(PoolSlot& slot) noexcept { last_taken[id_ % last_taken.size()] = {id_, &slot}; }

  /// Tells threads apart.
  [[nodiscard]] static const void* this_thread() noexcept { return &last_taken; }

  [[nodiscard]] std::size_t max_size() const noexcept {
    return max_size_.load(std::memory_order_relaxed);
  }

  // -- Under the lock -------------------------------------------------------------------------

  /// The one place where a slot changes under the lock, which may be any slot but one that another
  /// thread can take or put back; for that, claim() it first.
  void set_status(PoolSlot& slot, SlotStatus status) GRANT_REQUIRES(mutex);

  /// Puts a connection that was just opened into a slot, which is leased: the caller decides what
  /// becomes of it.
  PoolSlot& add(std::unique_ptr<Connection> connection, std::uint64_t generation, TimePoint now,
                TimePoint expires_at) GRANT_REQUIRES(mutex);

  /// Takes the connection out of a slot that the caller leased or cares for.
  [[nodiscard]] std::unique_ptr<Connection> remove(PoolSlot& slot) GRANT_REQUIRES(mutex);

  /// Leases a slot if it is idle.
  [[nodiscard]] bool claim(PoolSlot& slot) GRANT_REQUIRES(mutex);

  /// Leases a slot that the caller has claimed, or got back, to a borrower that waited.
  void pass_on(PoolSlot& slot, TimePoint now) GRANT_REQUIRES(mutex);

  /// Leases an idle slot; one that must be checked before use only if there is no other.
  [[nodiscard]] PoolSlot* claim_idle() GRANT_REQUIRES(mutex);

  /// From now on, or no longer, everything happens under the lock. Who begins to watch sees all
  /// that was put back before, and misses nothing that is put back later.
  void watch(bool wanted) GRANT_REQUIRES(mutex);

  /// All that are open now are to be closed, when they come back at the latest.
  void outdate() GRANT_REQUIRES(mutex);
  void resize(std::size_t max_size) GRANT_REQUIRES(mutex);

  /// Whether it may go to another borrower, and not for its age or number have to be closed.
  [[nodiscard]] bool is_fit(const PoolSlot& slot) const GRANT_REQUIRES(mutex);

  /// A look at a slot. A lease or an idle time is as old as the first look that found it: taking
  /// one reads no clock.
  static void notice(PoolSlot& slot, TimePoint now) noexcept;

  /// After a leased slot was marked as expired or as a leak: it shall not come back unseen.
  void watch_if_marked(PoolSlot& slot) GRANT_REQUIRES(mutex);

  /// A slot of the blocking thread, if that has all connections there can be; otherwise null.
  [[nodiscard]] const PoolSlot* one_of_all_held_by(const void* thread) const GRANT_REQUIRES(mutex);

  /// The slots' part of the statistics, of one moment: nobody takes or puts back one meanwhile.
  [[nodiscard]] PoolStats count(TimePoint now) const GRANT_REQUIRES(mutex);

  [[nodiscard]] std::size_t open() const GRANT_REQUIRES(mutex) { return open_; }
  [[nodiscard]] std::size_t idle() const GRANT_REQUIRES(mutex);
  [[nodiscard]] std::size_t in_care() const GRANT_REQUIRES(mutex) { return in_care_; }
  [[nodiscard]] std::uint64_t generation() const GRANT_REQUIRES(mutex) { return generation_; }

 private:
  [[nodiscard]] PoolSlot& empty_slot() GRANT_REQUIRES(mutex);
  [[nodiscard]] bool wants_attention(const PoolSlot& slot) const GRANT_REQUIRES(mutex);
  /// False: it was called already.
  static bool call_attention(PoolSlot& slot) noexcept;

  const std::uint64_t id_;  ///< Never used twice in a process.
  PoolCore* const owner_;
  const bool check_each_;  ///< Before every use.

  std::atomic<std::size_t> max_size_;  ///< Written under the lock.
  std::atomic<PoolSlot*> first_ = nullptr;

  PoolSlot* last_ GRANT_GUARDED_BY(mutex) = nullptr;
  PoolSlot* lately_idle_ GRANT_GUARDED_BY(mutex) = nullptr;
  std::size_t open_ GRANT_GUARDED_BY(mutex) = 0;
  std::size_t in_care_ GRANT_GUARDED_BY(mutex) = 0;
  std::size_t idle_ GRANT_GUARDED_BY(mutex) =
      0;  ///< While `watched_`; then nobody else changes it.
  bool watched_ GRANT_GUARDED_BY(mutex) = false;
  std::uint64_t generation_ GRANT_GUARDED_BY(mutex) = 0;
  std::uint64_t closed_ GRANT_GUARDED_BY(mutex) = 0;
};

}  // namespace grant::detail
