#include "grant/cluster/balancing.hpp"

#include <fmt/format.h>

#include "core/described.hpp"
#include "grant/core/error.hpp"

namespace grant {

std::string_view to_string(Strategy strategy) noexcept {
  switch (strategy) {
    case Strategy::round_robin: return "round_robin";
    case Strategy::random: return "random";
    case Strategy::least_connections: return "least_connections";
  }
  return "unknown";
}

Strategy strategy_named(std::string_view name) {
  for (const auto strategy :
       {Strategy::round_robin, Strategy::random, Strategy::least_connections}) {
    if (to_string(strategy) == name) return strategy;
  }
  throw_error(Errc::configuration,
              fmt::format("unknown strategy, {}: there are round_robin, random and "
                          "least_connections",
                          described(name)));
}

std::size_t pick(std::span<const std::size_t> candidates, const Balance& balance) {
  const auto count = candidates.size();
  if (balance.strategy == Strategy::random) return candidates[balance.random % count];

  // From the one whose turn it is, so that equally busy ones take turns as well.
  std::size_t best = candidates[balance.turn % count];
  if (balance.strategy == Strategy::least_connections) {
    for (std::size_t step = 1; step < count; ++step) {
      const auto other = candidates[(balance.turn + step) % count];
      if (balance.in_flight[other] < balance.in_flight[best]) best = other;
    }
  }
  return best;
}

}  // namespace grant
