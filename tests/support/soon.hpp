#pragma once

#include "grant/core/clock.hpp"

namespace grant::test {

/// A deadline, by the machine's clock.
[[nodiscard]] inline TimePoint in(Duration span) { return after(Clock::system().now(), span); }

}  // namespace grant::test
