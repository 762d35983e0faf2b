#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "grant/driver/canceller.hpp"

namespace grant::sqlite {

/// What a connection does.
enum class Activity : std::uint8_t {
  idle,
  running,
  cancelled,  ///< Running, and to end soon.
};

/// Leaves a note that the connection finds: the handler that looks at deadlines looks at it too.
/// So, unlike after sqlite3_interrupt(), waiting for a lock ends as well, and a late request hits
/// nothing.
class SqliteCanceller final : public Canceller {
 public:
  explicit SqliteCanceller(std::shared_ptr<std::atomic<Activity>> activity) noexcept
      : activity_(std::move(activity)) {}

  Task<void> cancel(io::Call /*call*/) override {
    auto running = Activity::running;
    activity_->compare_exchange_strong(running, Activity::cancelled);
    co_return;
  }

 private:
  const std::shared_ptr<std::atomic<Activity>> activity_;
};

}  // namespace grant::sqlite
