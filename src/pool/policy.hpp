#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "grant/core/clock.hpp"
#include "grant/pool/pool_options.hpp"

// What a pool decides: functions over values, with the time and the dice passed in.
namespace grant::detail {

using Dice = std::minstd_rand;

/// Who has waited this long is served before anybody else.
inline constexpr Duration kPatience = std::chrono::milliseconds(1);

/// About what it takes to wake a thread. Where connections come back sooner, callers that are
/// running already may be quicker than those who wait; otherwise nothing would be won by that.
inline constexpr Duration kShortHold = std::chrono::microseconds(50);

/// Whether a caller that comes later may take what is idle before the first in the queue does.
[[nodiscard]] constexpr bool may_be_overtaken(Duration waited) noexcept {
  return waited < kPatience;
}

/// Whether a connection that comes back is left to whoever is quicker, or given to the first in the
/// queue, who has waited for so long.
[[nodiscard]] constexpr bool may_be_raced_for(Duration waited, Duration held) noexcept {
  return may_be_overtaken(waited) && held < kShortHold;
}

/// Whether `span` is as long as the option says; never, where that is zero. Compared in the coarser
/// unit, which cannot overflow.
[[nodiscard]] constexpr bool has_reached(Duration span, std::chrono::milliseconds limit) noexcept {
  return limit.count() > 0 && std::chrono::floor<std::chrono::milliseconds>(span) >= limit;
}

/// What a caller saw who waited until its time was over.
struct FruitlessWait {
  bool open_before = false;   ///< A connection was open when it came, ...
  bool opened_since = false;  ///< ... or one was opened while it waited, ...
  bool open_now = false;      ///< ... or is open now.
  bool suspended = false;     ///< The pool gives nothing to anybody.
};

/// Whether the wait says that the node cannot be reached, and not that there were too few
/// connections: as soon as one was open, it says nothing about the node.
[[nodiscard]] constexpr bool blames_node(const FruitlessWait& wait) noexcept {
  return !wait.open_before && !wait.opened_since && !wait.open_now && !wait.suspended;
}

/// What opening connections is up to.
struct Demand {
  std::size_t max_size{};
  std::size_t open{};
  std::size_t opening{};
  std::size_t idle{};
  std::size_t in_care{};  ///< Being checked or reset: idle soon, but nothing to wait for.
  std::size_t waiting{};
  std::size_t min_idle{};  ///< As long as it is to be kept.
  std::size_t wished{};    ///< How many are to be open in any case.
};

/// What earlier openings taught.
struct Pacing {
  static constexpr std::size_t kNoCap = std::numeric_limits<std::size_t>::max();

  std::size_t failures = 0;  ///< In a row.
  TimePoint not_before = TimePoint::min();
  TimePoint soon = TimePoint::min();  ///< The same for those who have nothing else to wait for.
  /// As many as the server let us have when it refused more. Grows by one with each that it
  /// accepts.
  std::size_t cap = kNoCap;
};

/// How many more connections are wanted, whether or not they may be opened now.
[[nodiscard]] std::size_t wanted(const Demand& demand) noexcept;

/// Whether there is room for one more connection at all, sooner or later.
[[nodiscard]] bool has_room(const Demand& demand) noexcept;

/// Before this none is to be started.
[[nodiscard]] TimePoint next_opening(const Demand& demand, const Pacing& pacing) noexcept;

/// How many openings to start now: what is wanted, within max_size and the pacing. At most 8 are
/// under way at a time, and one after a failure.
[[nodiscard]] std::size_t openings_now(const Demand& demand, const Pacing& pacing,
                                       TimePoint now) noexcept;

/// After an opening succeeded. `open` counts it.
[[nodiscard]] Pacing after_success(Pacing pacing, std::size_t open, std::size_t max_size) noexcept;

/// After one failed. The pause doubles from failure to failure, from retry_delay (at least 10 ms)
/// up to 10 s. Callers who wait while nothing is open or under way must learn soon whether the
/// server is back: for them it is retry_delay, at most 100 ms. Half of it is at random. `too_many`:
/// the server has no place for one more.
[[nodiscard]] Pacing after_failure(Pacing pacing, std::size_t open, bool too_many,
                                   std::chrono::milliseconds retry_delay, TimePoint now,
                                   Dice& dice);

/// retry_delay and up to half as much again.
[[nodiscard]] Duration pause_before_retry(std::chrono::milliseconds retry_delay, Dice& dice);

/// When a connection opened now is to be closed.
[[nodiscard]] TimePoint expiry(std::chrono::milliseconds max_lifetime, TimePoint now, Dice& dice);

/// An idle connection, as a look at the pool finds it.
struct IdleConnection {
  Duration unused{};  ///< For so long at least.
  Duration silent{};  ///< Nothing was heard from the server for so long at least.
  bool expired = false;
};

enum class Care : std::uint8_t { none, close, ping, verify_before_use };

/// What to do with each of the idle connections; `open` counts the leased ones too. The later ones
/// are closed first where there are too many.
[[nodiscard]] std::vector<Care> care_for(std::span<const IdleConnection> idle, std::size_t open,
                                         const PoolOptions& options);

/// Time between two looks at a pool: a quarter of the shortest limit, from 10 ms to 1 s.
[[nodiscard]] Duration look_interval(const PoolOptions& options) noexcept;

}  // namespace grant::detail
