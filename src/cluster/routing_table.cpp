#include "grant/cluster/routing_table.hpp"

#include <algorithm>
#include <utility>

namespace grant {
namespace {

bool same_server(const NodeView& a, const NodeView& b) {
  return !a.instance.empty() && a.instance == b.instance;
}

}  // namespace

PrimaryChoice choose_primary(std::span<const NodeView> nodes, const std::optional<Epoch>& least) {
  std::vector<std::size_t> claims;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].healthy || nodes[i].kind != NodeKind::primary) continue;
    if (least && nodes[i].epoch < *least) continue;
    const bool known = std::ranges::any_of(
        claims, [&](std::size_t other) { return same_server(nodes[i], nodes[other]); });
    if (!known) claims.push_back(i);
  }
  for (const auto candidate : claims) {
    const bool highest = std::ranges::all_of(claims, [&](std::size_t other) {
      return other == candidate || nodes[candidate].epoch > nodes[other].epoch;
    });
    if (highest) return {.primary = candidate, .rivals = {}};
  }
  return {.primary = std::nullopt, .rivals = std::move(claims)};
}

RoutingTable next_table(const RoutingTable& last, std::vector<NodeView> nodes) {
  RoutingTable table;
  table.version = last.version + 1;
  auto choice = choose_primary(nodes, last.epoch);
  table.primary = choice.primary;
  table.rivals = std::move(choice.rivals);
  table.epoch = choice.primary ? std::optional(nodes[*choice.primary].epoch) : last.epoch;
  table.nodes = std::move(nodes);
  return table;
}

}  // namespace grant
