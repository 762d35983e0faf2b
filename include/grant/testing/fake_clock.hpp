#pragma once

#include <atomic>
#include <chrono>

#include "grant/core/clock.hpp"

namespace grant::testing {

/// A clock that stands still until it is told to move. Both of its times start at a fixed point.
/// Waits of Grant that sleep for real do not follow it. Thread-safe.
class FakeClock final : public Clock {
 public:
  /// Moves both times on by `span`, which may not be negative.
  void advance(Duration span) noexcept { elapsed_.fetch_add(span.count()); }

  /// Moves only wall_time(), as setting a machine's clock does; a negative `span` sets it back.
  void step_wall_time(Duration span) noexcept { step_.fetch_add(span.count()); }

  [[nodiscard]] TimePoint now() const noexcept override {
    return kStart + Duration(elapsed_.load());
  }

  [[nodiscard]] Timestamp wall_time() const noexcept override {
    const Duration since(elapsed_.load() + step_.load());
    return kWallStart + std::chrono::floor<std::chrono::microseconds>(since);
  }

 private:
  // Far from zero, so that "an hour ago" is a point in time as well.
  static constexpr TimePoint kStart{std::chrono::hours(24)};
  static constexpr Timestamp kWallStart =
      std::chrono::sys_days(std::chrono::year(2026) / std::chrono::January / 1);

  std::atomic<Duration::rep> elapsed_ = 0;
  std::atomic<Duration::rep> step_ = 0;
};

}  // namespace grant::testing
