#include "waiting_queue.hpp"

#include <algorithm>

namespace grant::detail {

TimePoint WaitingQueue::latest_deadline() const noexcept {
  auto latest = TimePoint::min();
  for (const auto* waiter : waiters_) latest = std::max(latest, waiter->deadline);
  return latest;
}

void WaitingQueue::join(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal, TimePoint now) {
  waiter.signal = std::move(signal);
  waiter.since = now;
  waiter.queued = true;
  waiters_.push_back(&waiter);
}

void WaitingQueue::stay(PoolWaiter& waiter, std::shared_ptr<io::Signal> signal) noexcept {
  waiter.signal = std::move(signal);
  waiter.told = false;
}

void WaitingQueue::leave(PoolWaiter& waiter) {
  std::erase(waiters_, &waiter);
  waiter.queued = false;
}

void WaitingQueue::tell_head(Wakes& wakes) { tell(*waiters_.front(), wakes); }

void WaitingQueue::serve_head(PoolSlot& slot, Wakes& wakes) {
  auto& head = *waiters_.front();
  waiters_.pop_front();
  head.queued = false;
  head.answer = PoolWaiter::Answer::slot;
  head.slot = &slot;
  tell(head, wakes);
}

void WaitingQueue::dismiss(std::size_t spared, PoolWaiter::Answer answer,
                           const std::shared_ptr<const ErrorInfo>& error, Wakes& wakes) {
  while (waiters_.size() > spared) {
    auto& waiter = *waiters_[spared];
    waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(spared));
    waiter.queued = false;
    waiter.answer = answer;
    waiter.error = error;
    tell(waiter, wakes);
  }
}

void WaitingQueue::tell(PoolWaiter& waiter, Wakes& wakes) {
  if (!std::exchange(waiter.told, true)) wakes.add(waiter.signal);
}

}  // namespace grant::detail
