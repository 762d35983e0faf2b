#pragma once

#include <cstddef>
#include <cstdint>

#include "grant/core/clock.hpp"

namespace grant {

/// One moment of a pool: the numbers belong together.
struct PoolStats {
  std::size_t leased{};
  std::size_t
      leased_here{};   ///< Of them, those that the calling thread took by a call that blocks.
  std::size_t idle{};  ///< Those that are being checked or reset included.
  std::size_t opening{};
  std::size_t waiting{};  ///< Callers in the queue.
  /// Age of the oldest lease; zero without leases. Taking a connection reads no clock: a lease is
  /// as old as the first look that found it, and the pool looks every second or more often.
  Duration longest_held{};

  // Since the pool was made:
  std::uint64_t checkouts{};
  std::uint64_t
      timeouts{};  ///< Callers that got none in time, or were refused a place in the queue.
  std::uint64_t opened{};
  std::uint64_t failed{};  ///< Openings that failed, each with its retries.
  std::uint64_t closed{};  ///< Connections closed, for whatever reason.

  [[nodiscard]] std::size_t open() const noexcept { return leased + idle; }
};

}  // namespace grant
