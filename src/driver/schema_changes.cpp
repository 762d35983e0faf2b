#include "driver/schema_changes.hpp"

namespace grant::driver {
namespace {

// A replica that is further behind is left to the lifetime.
constexpr auto kSettling = std::chrono::seconds(10);

}  // namespace

bool is_believed(TimePoint described, TimePoint now, TimePoint changed,
                 Duration lifetime) noexcept {
  if (described <= changed) return false;
  // Written so that nothing overflows where nothing was ever changed.
  const bool soon_after = described - kSettling < changed;
  if (soon_after && now - kSettling >= changed) return false;
  return lifetime == Duration::zero() || now - described < lifetime;
}

void SchemaChanges::note(TimePoint at) noexcept {
  const auto count = at.time_since_epoch().count();
  auto known = last_.load(std::memory_order_relaxed);
  while (known < count && !last_.compare_exchange_weak(known, count, std::memory_order_release,
                                                       std::memory_order_relaxed)) {
  }
}

}  // namespace grant::driver
