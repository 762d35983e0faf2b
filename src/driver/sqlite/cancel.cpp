#include "connection.hpp"

namespace grant::sqlite {

bool SqliteConnection::is_cancelled() const noexcept { return *activity_ == Activity::cancelled; }

/// Whether the operation under way was cancelled; what cleans up after it is not.
bool SqliteConnection::take_cancellation() noexcept {
  auto cancelled = Activity::cancelled;
  return activity_->compare_exchange_strong(cancelled, Activity::running);
}

std::shared_ptr<Canceller> SqliteConnection::canceller() {
  if (!open_) return nullptr;
  return std::make_shared<SqliteCanceller>(activity_);
}

}  // namespace grant::sqlite
