#include "grant/cluster/routing_table.hpp"

#include <algorithm>
#include <utility>

#include "grant/cluster/route.hpp"

namespace grant {
namespace {

bool same_server(const NodeView& a, const NodeView& b) {
  return !a.instance.empty() && a.instance == b.instance;
}

bool answers(const NodeView& node) { return node.healthy && node.kind != NodeKind::unknown; }

/// Whether the engine tells histories apart: PostgreSQL numbers its timelines from 1. MariaDB's
/// domains are no identity: a replica may have one of its own.
bool is_identity(const Epoch& epoch) { return epoch.branch != 0; }

/// The history that this cluster is known by; null: none yet, or the engine has none.
const std::string* known_history(std::span<const NodeView> nodes,
                                 const std::optional<Epoch>& least) {
  if (least) return is_identity(*least) ? &least->history : nullptr;
  const auto writer = std::ranges::find_if(
      nodes, [](const NodeView& node) { return answers(node) && node.role == Role::writing; });
  return writer != nodes.end() && is_identity(writer->epoch) ? &writer->epoch.history : nullptr;
}

/// Whether no node that answers is of another history.
bool undisputed(std::span<const NodeView> nodes, const std::string& history) {
  return std::ranges::all_of(nodes, [&history](const NodeView& node) {
    return !answers(node) || node.epoch.history == history;
  });
}

}  // namespace

PrimaryChoice choose_primary(std::span<const NodeView> nodes, const std::optional<Epoch>& least) {
  const auto* const history = known_history(nodes, least);
  // Without a history to go by, all that could speak against a claim must have had its turn.
  const bool all_heard =
      history != nullptr || least || std::ranges::all_of(nodes, &NodeView::checked);
  std::vector<std::size_t> claims;
  std::vector<std::size_t> foreign;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!answers(nodes[i])) continue;
    if (history != nullptr && nodes[i].epoch.history != *history) {
      foreign.push_back(i);
      continue;
    }
    if (nodes[i].kind != NodeKind::primary) continue;
    if (least && nodes[i].epoch < *least) continue;
    if (!all_heard && nodes[i].role == Role::reading) continue;
    const bool known = std::ranges::any_of(
        claims, [&](std::size_t other) { return same_server(nodes[i], nodes[other]); });
    if (!known) claims.push_back(i);
  }
  for (const auto candidate : claims) {
    const bool highest = std::ranges::all_of(claims, [&](std::size_t other) {
      return other == candidate || nodes[candidate].epoch > nodes[other].epoch;
    });
    const auto& epoch = nodes[candidate].epoch;
    const bool believed =
        history != nullptr || !is_identity(epoch) || undisputed(nodes, epoch.history);
    if (highest && !believed) return {.primary = std::nullopt, .rivals = {}, .foreign = foreign};
    if (highest) return {.primary = candidate, .rivals = {}, .foreign = foreign};
  }
  return {.primary = std::nullopt, .rivals = std::move(claims), .foreign = foreign};
}

RoutingTable next_table(const RoutingTable& last, std::vector<NodeView> nodes) {
  RoutingTable table;
  table.version = last.version + 1;
  auto choice = choose_primary(nodes, last.epoch);
  table.primary = choice.primary;
  table.rivals = std::move(choice.rivals);
  table.foreign = std::move(choice.foreign);
  table.epoch = choice.primary ? std::optional(nodes[*choice.primary].epoch) : last.epoch;
  table.nodes = std::move(nodes);
  // Once for each table: every read chooses among them.
  for (std::size_t i = 0; i < table.nodes.size(); ++i) {
    if (fitness(table, i, {}) == Fitness::fit) table.replicas.push_back(i);
  }
  return table;
}

}  // namespace grant
