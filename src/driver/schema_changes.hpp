#pragma once

#include <atomic>
#include <cstdint>

#include "grant/core/clock.hpp"

namespace grant::driver {

/// What running a statement may have done to the tables that other statements name.
enum class SchemaEffect : std::uint8_t {
  none,
  session,   ///< Names mean something else on its own session: a search path, temporary tables.
  everyone,  ///< Tables, types or functions are others than before.
};

/// Whether what the server said of a statement at `described` still holds at `now`.
///   - `changed`: when a schema was last changed, as far as this process knows;
///   - `lifetime`: for how long it is believed of the schema that nobody else changes it; 0: for
///     ever.
/// What was said soon after a change may come from a replica that had not heard of it: it is asked
/// for once more when some seconds have passed. Pure.
[[nodiscard]] bool is_believed(TimePoint described, TimePoint now, TimePoint changed,
                               Duration lifetime) noexcept;

/// When this process last changed a schema on a server of one engine. Thread-safe.
class SchemaChanges {
 public:
  void note(TimePoint at) noexcept;

  /// TimePoint::min() before the first.
  [[nodiscard]] TimePoint last() const noexcept {
    return TimePoint(TimePoint::duration(last_.load(std::memory_order_acquire)));
  }

 private:
  std::atomic<TimePoint::rep> last_{TimePoint::min().time_since_epoch().count()};
};

}  // namespace grant::driver
