#include "openings.hpp"

#include <utility>

namespace grant::detail {

Openings::Plan Openings::plan(const Demand& demand, TimePoint now) noexcept {
  Plan plan;
  plan.start = openings_now(demand, pacing_, now);
  under_way_ += plan.start;
  if (plan.start == 0 && wanted(demand) > 0 && has_room(demand)) {
    const auto next = next_opening(demand, pacing_);
    if (now < next) plan.again = next;
  }
  return plan;
}

void Openings::succeeded(std::size_t open, std::size_t max_size) noexcept {
  --under_way_;
  ++successes_;
  failure_.reset();
  pacing_ = after_success(pacing_, open, max_size);
}

void Openings::failed(std::shared_ptr<const ErrorInfo> failure, bool server_is_full,
                      std::size_t open, std::chrono::milliseconds retry_delay, TimePoint now,
                      Dice& dice) {
  --under_way_;
  ++failures_;
  wished_ = 0;
  failure_ = std::move(failure);
  pacing_ = after_failure(pacing_, open, server_is_full, retry_delay, now, dice);
}

}  // namespace grant::detail
