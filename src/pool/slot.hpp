#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "grant/core/call_site.hpp"
#include "grant/core/clock.hpp"
#include "grant/driver/connection.hpp"

namespace grant::detail {

class PoolCore;

/// What a slot is to the pool. Every change but the two without a lock (see PoolSlot) is made by
/// Slots::set_status().
enum class SlotStatus : std::uint8_t {
  idle,     ///< Whoever comes may take its connection.
  leased,   ///< A borrower has it, or the pool decides under its lock what becomes of it.
  in_care,  ///< It is being checked or reset in the background.
  empty,    ///< It has no connection.
};

/// A place for one connection. Never moves, and lives as long as its pool's core; on cache lines of
/// its own, so that threads with a slot each do not meet.
///
/// Who takes, who returns and who waits all meet on one atomic word:
///
///     idle ---- compare-and-swap by anybody ----> leased ---- the same by its borrower ----> idle
///
/// Where its `attention` bit is set these fail, and everything about the slot happens under the
/// pool's lock. A caller that starts to wait has it set on every slot, under the lock, and looks
/// at what was there before: a slot that was idle it takes on the spot; the borrower of a leased
/// one fails to return it, takes the lock, and finds the caller in the queue. So neither can miss
/// the other.
struct alignas(64) PoolSlot {
  explicit PoolSlot(PoolCore* owner) noexcept : core(owner) {}

  [[nodiscard]] SlotStatus status() const noexcept {
    return static_cast<SlotStatus>(state_.load(std::memory_order_acquire) & kStatusMask);
  }

  /// From idle to leased. False: it is not idle, or wants attention.
  [[nodiscard]] bool take() noexcept {
    auto expected = word(SlotStatus::idle);
    return state_.compare_exchange_strong(expected, word(SlotStatus::leased),
                                          std::memory_order_acquire, std::memory_order_relaxed);
  }

  /// From leased to idle, by its borrower. False: it wants attention.
  [[nodiscard]] bool put_back() noexcept {
    holder.store(nullptr, std::memory_order_relaxed);
    auto expected = word(SlotStatus::leased);
    return state_.compare_exchange_strong(expected, word(SlotStatus::idle),
                                          std::memory_order_release, std::memory_order_relaxed);
  }

  // Written by the borrower; read by others under the pool's lock.
  std::atomic<unsigned> line = 0;
  std::atomic<const char*> file = "";
  std::atomic<const void*> holder = nullptr;  ///< The blocking thread. Null: none, or unknown.
  std::atomic<std::uint64_t> uses = 0;

  /// Used by the borrower, or by who cares for it; replaced under the pool's lock. Null: empty.
  std::unique_ptr<Connection> connection;
  PoolCore* const core;
  std::atomic<PoolSlot*> next = nullptr;  ///< The slots of a pool, oldest first.

  // Under the pool's lock.
  std::uint64_t generation = 0;  ///< Older than the pool's: to be closed.
  bool expired = false;          ///< To be closed when it comes back.
  bool unproven = false;         ///< Idle for so long that it must be checked before use.
  bool frozen = false;           ///< `attention` was set for a count only.
  std::uint64_t seen_uses = 0;   ///< What the last look found, ...
  SlotStatus seen_status = SlotStatus::empty;
  TimePoint seen_at{};   ///< ... and when a look first found it so.
  TimePoint heard_at{};  ///< When it last proved to be alive while it was idle.
  TimePoint expires_at = kNever;
  TimePoint leased_at{};        ///< Known where somebody waited then; otherwise long ago.
  Duration last_lease{};        ///< How long it took, as far as `leased_at` tells.
  std::uint64_t leak_told = 0;  ///< The use that was reported as a leak.

 private:
  friend class Slots;

  static constexpr std::uint8_t kStatusMask = 3;
  static constexpr std::uint8_t kAttention = 4;

  static constexpr std::uint8_t word(SlotStatus status) noexcept {
    return static_cast<std::uint8_t>(status);
  }

  std::atomic<std::uint8_t> state_ = word(SlotStatus::empty);
};

}  // namespace grant::detail
