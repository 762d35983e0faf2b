#pragma once

#include "grant/core/clock.hpp"
#include "grant/io/waiter.hpp"

namespace grant::driver {

/// How long something is under way, by the time of the call that it belongs to, whose waiter must
/// outlive it.
class Stopwatch {
 public:
  explicit Stopwatch(io::Call call) noexcept : Stopwatch(call, call.now()) {}

  /// Of what began at `started`.
  Stopwatch(io::Call call, TimePoint started) noexcept
      : waiter_(&call.waiter()), started_(started) {}

  [[nodiscard]] TimePoint started() const noexcept { return started_; }
  [[nodiscard]] Duration elapsed() const noexcept { return waiter_->now() - started_; }

 private:
  const io::Waiter* waiter_;
  TimePoint started_;
};

}  // namespace grant::driver
