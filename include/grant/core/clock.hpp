#pragma once

#include <chrono>

namespace grant {

/// A point on the monotonic clock: deadlines, ages and health records are kept in it.
using TimePoint = std::chrono::steady_clock::time_point;

/// A span on that clock.
using Duration = std::chrono::steady_clock::duration;

/// UTC with microseconds, as the databases keep it.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// "No deadline". Compares later than every real point.
inline constexpr TimePoint kNever = TimePoint::max();

/// `now + span`, staying at kNever where the sum would overflow.
template <class Rep, class Period>
[[nodiscard]] constexpr TimePoint after(TimePoint now,
                                        std::chrono::duration<Rep, Period> span) noexcept {
  // Compared in the coarser unit, which cannot overflow.
  using Span = std::chrono::duration<Rep, Period>;
  const auto left = kNever - now;
  return span >= std::chrono::duration_cast<Span>(left)
             ? kNever
             : now + std::chrono::duration_cast<Duration>(span);
}

/// The same span on this clock, staying at the longest one where it would overflow: options are
/// milliseconds, of which more fit than of the clock's nanoseconds.
template <class Rep, class Period>
[[nodiscard]] constexpr Duration saturated(std::chrono::duration<Rep, Period> span) noexcept {
  using Span = std::chrono::duration<Rep, Period>;
  return span >= std::chrono::duration_cast<Span>(Duration::max())
             ? Duration::max()
             : std::chrono::duration_cast<Duration>(span);
}

/// Where time comes from. Pass it in, so that tests own the time. Thread-safe.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  [[nodiscard]] virtual TimePoint now() const noexcept = 0;
  [[nodiscard]] virtual Timestamp wall_time() const noexcept = 0;

  /// The machine's clocks. Lives as long as the process.
  [[nodiscard]] static const Clock& system() noexcept;
};

}  // namespace grant
