#include "grant/cluster/route.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

namespace grant {
namespace {

bool tried(const RouteRequest& request, const NodeView& node) {
  return std::ranges::find(request.tried, node.id) != request.tried.end();
}

/// A replica that does not know its branch is taken at its history's word.
bool same_epoch(const Epoch& replica, const Epoch& cluster) {
  return replica.history == cluster.history &&
         (replica.branch == 0 || cluster.branch == 0 || replica.branch == cluster.branch);
}

/// By its lag alone.
Fitness fitness_by_lag(const NodeView& node, const RouteRequest& request) {
  if (!request.lag_threshold) return Fitness::fit;
  if (!node.lag) return Fitness::lag_unknown;
  return *node.lag > *request.lag_threshold ? Fitness::lag_too_high : Fitness::fit;
}

Route to_primary(const RoutingTable& table, const RouteRequest& request, RouteReason reason) {
  if (!table.rivals.empty()) return {std::nullopt, RouteReason::rival_primaries};
  if (!table.primary || tried(request, table.nodes[*table.primary])) {
    return {std::nullopt, RouteReason::no_primary};
  }
  return {table.primary, reason};
}

bool is_foreign(const RoutingTable& table, std::size_t node) {
  return std::ranges::find(table.foreign, node) != table.foreign.end();
}

std::optional<std::size_t> least_stale(const RoutingTable& table, const RouteRequest& request) {
  std::optional<std::size_t> best;
  const auto lag = [&table](std::size_t node) {
    return table.nodes[node].lag.value_or(Duration::max());
  };
  for (std::size_t i = 0; i < table.nodes.size(); ++i) {
    const auto& node = table.nodes[i];
    if (!node.healthy || node.kind != NodeKind::replica || tried(request, node)) continue;
    if (is_foreign(table, i)) continue;
    if (!best || lag(i) < lag(*best)) best = i;
  }
  return best;
}

std::string verdict(const RoutingTable& table, std::size_t node, const RouteRequest& request) {
  const auto found = fitness(table, node, request);
  if (found == Fitness::not_a_replica)
    return fmt::format("is {}", to_string(table.nodes[node].kind));
  if (found == Fitness::lag_too_high) {
    const auto in_ms = [](Duration d) {
      return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
    };
    return fmt::format("lag {} ms is over {} ms", in_ms(*table.nodes[node].lag),
                       in_ms(*request.lag_threshold));
  }
  return std::string(to_string(found));
}

}  // namespace

std::string_view to_string(RouteReason reason) noexcept {
  switch (reason) {
    case RouteReason::transaction: return "in a transaction";
    case RouteReason::write: return "write";
    case RouteReason::writing_role: return "writing role";
    case RouteReason::sticky: return "sticky after a write";
    case RouteReason::replica: return "replica";
    case RouteReason::no_reader: return "no reader is configured";
    case RouteReason::no_fit_replica: return "no replica is fit";
    case RouteReason::stale_replica: return "stale replica";
    case RouteReason::no_primary: return "no primary is known";
    case RouteReason::rival_primaries: return "several nodes claim to be the primary";
    case RouteReason::no_replica: return "no replica is fit and the primary is not wanted";
  }
  return "unknown";
}

std::string_view to_string(Fitness fitness) noexcept {
  switch (fitness) {
    case Fitness::fit: return "fit";
    case Fitness::tried: return "failed this statement already";
    case Fitness::unhealthy: return "unhealthy";
    case Fitness::not_a_replica: return "not a replica";
    case Fitness::other_epoch: return "follows another history";
    case Fitness::lag_unknown: return "lag unknown";
    case Fitness::lag_too_high: return "lag too high";
  }
  return "unknown";
}

Fitness fitness(const RoutingTable& table, std::size_t node, const RouteRequest& request) {
  const auto& view = table.nodes[node];
  if (tried(request, view)) return Fitness::tried;
  if (!view.healthy) return Fitness::unhealthy;
  if (is_foreign(table, node)) return Fitness::other_epoch;
  if (view.kind != NodeKind::replica) return Fitness::not_a_replica;
  if (table.epoch && !same_epoch(view.epoch, *table.epoch)) return Fitness::other_epoch;
  return fitness_by_lag(view, request);
}

Route route(const RoutingTable& table, const RouteRequest& request, const Balance& balance) {
  if (request.effect == Effect::write) return to_primary(table, request, RouteReason::write);
  if (request.role == Role::writing) return to_primary(table, request, RouteReason::writing_role);
  if (request.sticky) return to_primary(table, request, RouteReason::sticky);

  std::span<const std::size_t> fit = table.replicas;
  if (request.lag_threshold || !request.tried.empty()) {
    // Kept, so that however many nodes there are, it is allocated once for each thread.
    thread_local std::vector<std::size_t> left;
    left.clear();
    for (const auto node : fit) {
      const auto& view = table.nodes[node];
      if (!tried(request, view) && fitness_by_lag(view, request) == Fitness::fit) {
        left.push_back(node);
      }
    }
    fit = left;
  }
  if (!fit.empty()) return {pick(fit, balance), RouteReason::replica};

  const bool has_readers = std::ranges::any_of(
      table.nodes, [](const NodeView& node) { return node.role == Role::reading; });
  if (has_readers && request.on_no_replica == OnNoReplica::fail) {
    return {std::nullopt, RouteReason::no_replica};
  }
  const auto fallback = to_primary(
      table, request, has_readers ? RouteReason::no_fit_replica : RouteReason::no_reader);
  if (!fallback.node && request.allow_stale) {
    if (const auto stale = least_stale(table, request)) return {stale, RouteReason::stale_replica};
  }
  return fallback;
}

RouteExplanation explain(const RoutingTable& table, const RouteRequest& request,
                         const Balance& balance) {
  const auto decision = route(table, request, balance);
  RouteExplanation explanation;
  explanation.reason = decision.reason;
  if (decision.node) explanation.node = table.nodes[*decision.node].name;
  for (std::size_t i = 0; i < table.nodes.size(); ++i) {
    RouteExplanation::Candidate candidate;
    candidate.node = table.nodes[i].name;
    candidate.chosen = decision.node == i;
    candidate.verdict = verdict(table, i, request);
    explanation.candidates.push_back(std::move(candidate));
  }
  return explanation;
}

std::string RouteExplanation::summary() const {
  return fmt::format("{} ({})", node.value_or("nowhere"), to_string(reason));
}

}  // namespace grant
