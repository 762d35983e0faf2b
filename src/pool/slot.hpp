#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "grant/core/call_site.hpp"
#include "grant/core/clock.hpp"
#include "grant/driver/connection.hpp"

namespace grant::detail {

class PoolCore;

/// Who owns a slot. One atomic word, on which who takes, who returns and who waits all meet.
///
///     idle ---- compare-and-swap by anybody ----> leased ---- the same by its holder ----> idle
///
/// With `attention` set these fail, and everything about the slot happens under the pool's lock.
/// A caller that starts to wait sets it on every slot, under the lock, and looks at what was there
/// before: a slot that was idle it takes on the spot; the holder of a leased one fails to return
/// it, takes the lock, and finds the caller in the queue. So neither can miss the other.
///
/// The bit is taken away by whoever next changes the slot under the lock when nobody needs it.
namespace slot_state {
inline constexpr std::uint8_t idle = 0;
inline constexpr std::uint8_t leased = 1;
inline constexpr std::uint8_t held = 2;  ///< By the pool: without a connection, or being checked.
inline constexpr std::uint8_t attention = 4;
inline constexpr std::uint8_t owner_mask = 3;
}  // namespace slot_state

/// A place for one connection. Never moves, and lives as long as its pool's core; on cache lines of
/// its own, so that threads with a slot each do not meet.
struct alignas(64) PoolSlot {
  explicit PoolSlot(PoolCore& owner) noexcept : core(owner) {}

  std::atomic<std::uint8_t> state = slot_state::held;

  // Written by whoever holds the lease; read by others under the pool's lock.
  std::atomic<unsigned> line = 0;
  std::atomic<const char*> file = "";
  std::atomic<const void*> holder = nullptr;  ///< The blocking thread. Null: not leased, unknown.
  std::atomic<std::uint64_t> uses = 0;

  std::unique_ptr<Connection> connection;  ///< Of whoever owns the slot. Null: nothing is open.
  PoolCore& core;
  std::atomic<PoolSlot*> next = nullptr;  ///< The slots of a pool, oldest first.

  // Under the pool's lock.
  std::uint64_t generation = 0;  ///< Older than the pool's: to be closed.
  bool expired = false;          ///< To be closed when it comes back.
  bool unproven = false;         ///< Idle for so long that it must be checked before use.
  bool frozen = false;           ///< `attention` was set for a count only.
  std::uint64_t seen_uses = 0;   ///< What the last look found, ...
  std::uint8_t seen_owner = slot_state::held;
  TimePoint seen_at{};   ///< ... and when a look first found it so.
  TimePoint heard_at{};  ///< When it last proved to be alive while it was idle.
  TimePoint expires_at = kNever;
  TimePoint taken_at{};         ///< By the machine's clock, if it was while somebody waited.
  std::uint64_t leak_told = 0;  ///< The use that was reported as a leak.

  [[nodiscard]] bool take() noexcept {
    auto expected = slot_state::idle;
    return state.compare_exchange_strong(expected, slot_state::leased, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }

  /// False: attention is wanted.
  [[nodiscard]] bool put_back() noexcept {
    holder.store(nullptr, std::memory_order_relaxed);
    auto expected = slot_state::leased;
    return state.compare_exchange_strong(expected, slot_state::idle, std::memory_order_release,
                                         std::memory_order_relaxed);
  }

  [[nodiscard]] std::uint8_t owner() const noexcept {
    return state.load(std::memory_order_acquire) & slot_state::owner_mask;
  }
};

}  // namespace grant::detail
