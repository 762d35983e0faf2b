#include "grant/core/clock.hpp"

namespace grant {
namespace {

class SystemClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
  Timestamp wall_time() const noexcept override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace

const Clock& Clock::system() noexcept {
  // Never destroyed: threads may ask for the time while the process ends.
  static const auto& clock = *new SystemClock;
  return clock;
}

}  // namespace grant
