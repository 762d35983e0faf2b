#include "policy.hpp"

#include <algorithm>

namespace grant::detail {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostOpenings = 8;
constexpr milliseconds kSoon{100};
constexpr milliseconds kShortestPause{10};
constexpr milliseconds kLongestPause{10'000};

std::size_t more_than(std::size_t need, std::size_t have) { return need > have ? need - have : 0; }

/// `span` times something from `least` to `most`.
Duration spread(Duration span, double least, double most, Dice& dice) {
  const double factor = std::uniform_real_distribution<double>(least, most)(dice);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(span) * factor);
}

milliseconds doubled(milliseconds span, std::size_t times) {
  while (times-- > 0 && span < kLongestPause) span *= 2;
  return std::min(span, kLongestPause);
}

}  // namespace

std::size_t wanted(const Demand& demand) noexcept {
  const auto min_idle = std::min(demand.min_idle, demand.max_size);
  return std::max(
      {more_than(demand.waiting, demand.idle + demand.opening),
       more_than(demand.waiting + min_idle, demand.idle + demand.in_care + demand.opening),
       more_than(demand.wished, demand.open + demand.opening)});
}

bool has_room(const Demand& demand) noexcept {
  return demand.open + demand.opening < demand.max_size;
}

TimePoint next_opening(const Demand& demand, const Pacing& pacing) noexcept {
  const bool asked_for = demand.waiting > 0 || demand.wished > 0;
  const bool none = demand.open + demand.opening == 0;
  return asked_for && none ? std::min(pacing.soon, pacing.not_before) : pacing.not_before;
}

std::size_t openings_now(const Demand& demand, const Pacing& pacing, TimePoint now) noexcept {
  if (now < next_opening(demand, pacing)) return 0;
  const bool careful = pacing.failures > 0 || pacing.cap != Pacing::kNoCap;
  // One above the cap: only trying tells whether the server has a place again.
  const std::size_t limit =
      pacing.cap == Pacing::kNoCap ? demand.max_size : std::min(demand.max_size, pacing.cap + 1);
  return std::min({wanted(demand), more_than(limit, demand.open + demand.opening),
                   more_than(careful ? 1 : kMostOpenings, demand.opening)});
}

Pacing after_success(Pacing pacing, std::size_t open, std::size_t max_size) noexcept {
  pacing.failures = 0;
  pacing.not_before = pacing.soon = TimePoint::min();
  if (pacing.cap != Pacing::kNoCap) {
    pacing.cap = std::max(pacing.cap, open);
    if (pacing.cap >= max_size) pacing.cap = Pacing::kNoCap;
  }
  return pacing;
}

Pacing after_failure(Pacing pacing, std::size_t open, bool too_many, milliseconds retry_delay,
                     TimePoint now, Dice& dice) {
  ++pacing.failures;
  if (too_many) pacing.cap = std::max<std::size_t>(open, 1);
  const auto pause =
      doubled(std::clamp(retry_delay, kShortestPause, kLongestPause), pacing.failures - 1);
  pacing.not_before = after(now, spread(pause, 0.5, 1, dice));
  pacing.soon = after(now, spread(std::min(retry_delay, kSoon), 0.5, 1, dice));
  return pacing;
}

Duration pause_before_retry(milliseconds retry_delay, Dice& dice) {
  return spread(std::min<milliseconds>(retry_delay, std::chrono::hours(24)), 1, 1.5, dice);
}

TimePoint expiry(milliseconds max_lifetime, TimePoint now, Dice& dice) {
  if (max_lifetime.count() == 0) return kNever;
  const auto end = after(now, max_lifetime);
  return end == kNever ? kNever : end - spread(end - now, 0, 0.1, dice);
}

std::vector<Care> care_for(std::span<const IdleConnection> idle, std::size_t open,
                           const PoolOptions& options) {
  std::vector<Care> cares(idle.size(), Care::none);
  std::size_t left = idle.size();
  std::size_t surplus = more_than(open, options.max_size);
  for (std::size_t i = idle.size(); i-- > 0;) {
    if (!idle[i].expired && surplus == 0) continue;
    cares[i] = Care::close;
    --left;
    surplus -= std::min<std::size_t>(surplus, 1);
  }
  for (std::size_t i = idle.size(); i-- > 0;) {
    if (cares[i] == Care::close) continue;
    if (has_reached(idle[i].unused, options.idle_timeout) && left > options.min_idle) {
      cares[i] = Care::close;
      --left;
    } else if (has_reached(idle[i].silent, options.keepalive)) {
      cares[i] = Care::ping;
    } else if (has_reached(idle[i].silent, options.verify_idle)) {
      cares[i] = Care::verify_before_use;
    }
  }
  return cares;
}

Duration look_interval(const PoolOptions& options) noexcept {
  milliseconds shortest = std::chrono::seconds(4);
  for (const auto limit : {options.idle_timeout, options.max_lifetime, options.keepalive,
                           options.verify_idle, options.leak_threshold}) {
    if (limit.count() > 0 && limit < shortest) shortest = limit;
  }
  return std::max<Duration>(Duration(shortest) / 4, milliseconds(10));
}

}  // namespace grant::detail
