#pragma once

#include <cstddef>

#include "grant/core/clock.hpp"

namespace grant {

/// One moment of a pool: the numbers belong together.
struct PoolStats {
  std::size_t leased{};
  std::size_t idle{};
  std::size_t opening{};
  std::size_t waiting{};    ///< Callers in the queue.
  Duration longest_held{};  ///< Age of the oldest lease; zero without leases.

  [[nodiscard]] std::size_t open() const noexcept { return leased + idle; }
};

}  // namespace grant
