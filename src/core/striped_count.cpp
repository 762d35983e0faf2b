#include "grant/core/striped_count.hpp"

namespace grant::detail {

std::size_t this_stripe() noexcept {
  static constinit std::atomic<std::size_t> turn = 0;
  thread_local const auto stripe = turn.fetch_add(1, std::memory_order_relaxed) % kStripes;
  return stripe;
}

}  // namespace grant::detail
