#include "grant/cluster/cluster.hpp"

#include <algorithm>
#include <utility>

namespace grant {

Cluster::Cluster(std::string database, std::string shard, std::vector<Member> members,
                 ClusterOptions options, const Clock& clock, EventSink events,
                 std::uint64_t lineage, io::Runtime& runtime)
    : database_(std::move(database)),
      shard_(std::move(shard)),
      name_(shard_ == "default" ? database_ : database_ + '@' + shard_),
      origin_(Origin::of(database_, shard_, lineage)),
      every_shard_(Origin::of(database_, "*", lineage)),
      adapter_(members.front().node->driver().adapter()),
      runtime_(runtime),
      topology_(
          std::make_shared<Topology>(name_, std::move(members), options, clock, std::move(events))),
      balancer_(std::make_shared<LoadBalancer>(topology_, options.routing.strategy, runtime)) {}

std::shared_ptr<LoadBalancer> Cluster::load_balancer() const {
  const bool has_readers = std::ranges::any_of(
      topology_->members(), [](const Member& member) { return member.role == Role::reading; });
  return has_readers ? balancer_ : nullptr;
}

std::vector<NodeStatus> Cluster::status() const {
  const auto now = clock().now();
  std::vector<NodeStatus> all;
  for (const auto& known : topology_->known()) {
    const auto& [node, role] = known.member;
    const auto& record = known.record;
    NodeStatus status;
    status.key = node->name();
    status.database = database_;
    status.shard = shard_;
    status.role = role;
    status.kind = record.seen.kind;
    status.version = record.seen.version;
    status.healthy = record.healthy;
    status.lag = record.lag;
    status.lag_bytes = record.lag_bytes;
    status.unreplayed_bytes = record.seen.unreplayed_bytes;
    if (record.checked) status.last_check = now - record.checked_at;
    if (!record.healthy) status.last_error = record.error.message;
    status.pool = node->pool_stats();
    status.writing = node->writing_stats();
    all.push_back(std::move(status));
  }
  return all;
}

RouteExplanation Cluster::explain(const RouteRequest& request) const {
  return balancer_->explain(*topology_->table(), request);
}

void Cluster::change(std::vector<Member> members, ClusterOptions options) {
  // One that was set by hand stays, as long as the options say nothing new.
  const auto before = topology_->options().routing.strategy;
  if (options.routing.strategy != before) balancer_->set_strategy(options.routing.strategy);
  topology_->change(std::move(members), options);
}

void Cluster::close() noexcept {
  topology_->close();
  for (const auto& member : topology_->members()) member.node->close();
}

}  // namespace grant
