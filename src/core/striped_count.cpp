#include "grant/core/striped_count.hpp"

namespace grant::detail {

std::size_t next_stripe() noexcept {
  static constinit std::atomic<std::size_t> turn = 0;
  return turn.fetch_add(1, std::memory_order_relaxed) % kStripes;
}

}  // namespace grant::detail
