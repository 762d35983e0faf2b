#include "grant/cluster/topology.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/fork.hpp"
#include "grant/core/error.hpp"

namespace grant {
namespace {

/// Records whose lag depends on another node's are brought up to date whenever one of them changes.
/// `epoch`: the cluster's, by which servers of other histories are left out.
template <class KnownNodes>
void judge_lags(KnownNodes& nodes, const std::optional<Epoch>& epoch) {
  const HealthRecord* primary = nullptr;
  for (const auto& [member, record, answered] : nodes) {
    if (!record.healthy || record.seen.kind != NodeKind::primary) continue;
    if (epoch && record.seen.epoch.history != epoch->history) continue;
    if (primary == nullptr || record.seen.epoch > primary->seen.epoch) primary = &record;
  }
  // All nodes are probed at the same time. A judgement by what the primary said a whole interval
  // ago would be worse than the one before, and the new answer is on its way.
  const bool wait_for_primary = primary != nullptr && primary->probing;
  for (auto& [member, record, answered] : nodes) {
    if (record.seen.kind != NodeKind::replica || (wait_for_primary && record.lag)) continue;
    record = with_lag(std::move(record), primary);
  }
}

NodeView view_of(const Member& member, const HealthRecord& record) {
  NodeView view;
  view.node = member.node;
  view.id = member.node->id();
  view.name = member.node->name();
  view.role = member.role;
  view.checked = record.checked;
  view.healthy = record.healthy;
  view.kind = record.seen.kind;
  view.epoch = record.seen.epoch;
  view.instance = record.seen.instance;
  view.lag = record.lag;
  return view;
}

/// One whose password has changed, say, is the server that it was. One whose name was given to
/// another host is not: what the old one answered says nothing of the new one's data.
bool same_server(const Member& a, const Member& b) {
  return a.node->identity() == b.node->identity() &&
         a.node->target().url.endpoint() == b.node->target().url.endpoint();
}

Event change_of(const Node& node, const HealthRecord& record, const ProbeResult& probe) {
  Event event;
  event.severity = record.healthy ? Severity::info : Severity::warning;
  event.name = record.healthy ? "node.healthy" : "node.unhealthy";
  event.fields.push_back({"node", node.name()});
  event.fields.push_back({"kind", std::string(to_string(record.seen.kind))});
  if (!record.healthy) event.fields.push_back({"error", probe.error.message});
  return event;
}

}  // namespace

Topology::Topology(std::string name, std::vector<Member> members, ClusterOptions options,
                   const Clock& clock, EventSink events)
    : name_(std::move(name)),
      clock_(clock),
      events_(std::move(events)),
      table_(std::make_shared<RoutingTable>()),
      held_(std::make_unique<detail::HeldOverForks>(mutex_)),
      renewed_(std::make_unique<detail::RenewedInChildren>(
          this, [](void* self) { static_cast<Topology*>(self)->renew_in_child(); })) {
  change(std::move(members), options);
}

Topology::~Topology() {
  probe_soon();  // who probes learns that there is nothing left to
}

/// Forgets what threads that are not there any more were doing.
void Topology::renew_in_child() {
  // Neither woken nor freed: such a thread may have been in the middle of using its signal.
  static auto& left_alone = *new std::vector<std::shared_ptr<io::Signal>>;
  const Lock lock(mutex_);
  std::ranges::move(std::exchange(waiting_, {}), std::back_inserter(left_alone));
  for (auto& known : known_) {
    known.record.probing = false;
    known.member.node->forget_in_flight();
  }
}

std::shared_ptr<const RoutingTable> Topology::table() const {
  const Lock lock(mutex_);
  return table_;
}

Task<bool> Topology::newer_table(io::Call call, std::uint64_t version) {
  while (true) {
    const auto signal = call.waiter().make_signal();
    {
      const Lock lock(mutex_);
      if (closed_) throw_error(Errc::closed, fmt::format("database \"{}\" is closed", name_));
      if (table_->version > version) co_return true;
      waiting_.push_back(signal);
    }
    const auto outcome = co_await call.signalled(*signal);
    if (outcome == io::Outcome::ready) continue;
    const Lock lock(mutex_);
    std::erase(waiting_, signal);
    if (table_->version > version) co_return true;
    if (outcome == io::Outcome::timed_out) co_return false;
    throw_error(
        Errc::cancelled,
        fmt::format(
            "database \"{}\": cancelled while it waited for a primary; nothing was executed",
            name_));
  }
}

Topology::Known* Topology::find_locked(NodeId node) {
  const auto found = std::ranges::find_if(
      known_, [node](const Known& known) { return known.member.node->id() == node; });
  return found == known_.end() ? nullptr : &*found;
}

bool Topology::begin_probe(NodeId node) {
  const Lock lock(mutex_);
  auto* const known = find_locked(node);
  if (known != nullptr) known->record.probing = true;
  return known != nullptr;
}

void Topology::record(NodeId node, const ProbeResult& probe) {
  Effects effects;
  {
    const Lock lock(mutex_);
    auto* const known = find_locked(node);
    if (known == nullptr) return;
    judge_locked(*known, probe, effects);
    publish_locked(true, effects);
    if (probe.seen) known->answered = table_->version;
  }
  act(std::move(effects));
}

std::uint64_t Topology::report_unreachable(const Node& node, const ErrorInfo& error,
                                           std::uint64_t seen) {
  ProbeResult failed;
  failed.at = clock_.now();
  failed.error = error;
  Effects effects;
  std::uint64_t version = 0;
  {
    const Lock lock(mutex_);
    auto* const known = find_locked(node.id());
    // Whoever failed before others had an answer knows less than they do.
    if (known != nullptr && known->answered <= seen) {
      const bool probing = known->record.probing;  // which this does not end
      judge_locked(*known, failed, effects);
      known->record.probing = probing;
      publish_locked(false, effects);
    }
    version = table_->version;
  }
  act(std::move(effects));
  probe_soon();
  return version;
}

void Topology::judge_locked(Known& known, const ProbeResult& probe, Effects& effects) {
  const auto before =
      std::exchange(known.record, after_probe(known.record, probe, options_.health));
  const auto& now = known.record;
  judge_lags(known_, table_->epoch);
  if (!before.checked || before.healthy != now.healthy || before.seen.kind != now.seen.kind) {
    effects.events.push_back(change_of(*known.member.node, now, probe));
  }
}

void Topology::publish_locked(bool even_so, Effects& effects) {
  std::vector<NodeView> views;
  views.reserve(known_.size());
  for (const auto& known : known_) views.push_back(view_of(known.member, known.record));
  if (!even_so && views == table_->nodes) return;
  const auto last = std::move(table_);
  auto next = next_table(*last, std::move(views));
  next.options = options_;
  table_ = std::make_shared<const RoutingTable>(std::move(next));
  version_.store(table_->version, std::memory_order_release);
  effects.woken = std::exchange(waiting_, {});
  effects.released.push_back(last);

  const auto was_foreign = [&last](NodeId id) {
    return std::ranges::any_of(last->foreign,
                               [&](std::size_t node) { return last->nodes[node].id == id; });
  };
  for (const auto node : table_->foreign) {
    const auto& stranger = table_->nodes[node];
    if (was_foreign(stranger.id)) continue;
    effects.events.insert(effects.events.begin(),
                          {Severity::error,
                           "node.foreign",
                           {{"node", stranger.name}, {"history", stranger.epoch.history}}});
  }
  if (!last->primary || !table_->primary) return;
  const auto& before = last->nodes[*last->primary];
  if (before.id != table_->nodes[*table_->primary].id) effects.superseded = before.node;
}

void Topology::act(Effects effects) const {
  for (const auto& signal : effects.woken) signal->set();
  if (effects.superseded) {
    effects.superseded->drop_connections();
    emit(events_, {Severity::warning, "node.demoted", {{"node", effects.superseded->name()}}});
  }
  for (const auto& event : effects.events) emit(events_, event);
}

Duration Topology::next_check_in() const {
  const Lock lock(mutex_);
  const auto& health = options_.health;
  // Any node may be promoted while there is no primary.
  auto soonest = saturated(table_->primary ? health.interval
                                           : std::min(health.interval, health.recheck_interval));
  std::optional<Duration> threshold;
  if (const auto& lag = options_.routing.replica_lag_threshold) threshold = saturated(*lag);
  for (const auto& known : known_) {
    soonest = std::min(soonest, grant::next_check_in(known.record, health, threshold));
  }
  return soonest;
}

Duration Topology::probe_timeout() const {
  const Lock lock(mutex_);
  return saturated(options_.health.timeout);
}

bool Topology::report_read_only(const Node& node, NodeKind hint) {
  Effects effects;
  bool demoted = false;
  {
    const Lock lock(mutex_);
    auto* const known = find_locked(node.id());
    if (known == nullptr || !table_->primary || table_->nodes[*table_->primary].id != node.id()) {
      return true;
    }
    // The server says with its replies that it is the primary: then a setting of the session, the
    // role or the database refused the write, and every other write may be welcome.
    demoted = hint != NodeKind::primary;
    if (demoted) {
      known->record.seen.kind = NodeKind::unknown;
      publish_locked(true, effects);
      effects.superseded = known->member.node;
    }
  }
  act(std::move(effects));
  probe_soon();
  return demoted;
}

void Topology::report_lost() const { probe_soon(); }

void Topology::report_promoted() {
  // Whoever keeps saying so may be wrong: a pooler in between can repeat what was.
  const auto now = clock_.now();
  const auto interval = saturated(options().health.recheck_interval);
  auto last = promotion_seen_.load(std::memory_order_relaxed);
  if (last != TimePoint::min() && now - last < interval) return;
  if (promotion_seen_.compare_exchange_strong(last, now, std::memory_order_relaxed)) probe_soon();
}

void Topology::change(std::vector<Member> members, ClusterOptions options) {
  Effects effects;
  {
    const Lock lock(mutex_);
    std::vector<Known> next;
    for (auto& member : members) {
      const auto before = std::ranges::find_if(
          known_, [&member](const Known& known) { return same_server(known.member, member); });
      Known known;
      if (before != known_.end()) known = *before;
      if (before != known_.end() && before->member.node != member.node)
        known.record.probing = false;
      known.member = std::move(member);
      next.push_back(std::move(known));
    }
    for (auto& known : known_) effects.released.push_back(std::move(known.member.node));
    known_ = std::move(next);
    options_ = options;
    judge_lags(known_, table_->epoch);
    publish_locked(true, effects);
    effects.superseded = nullptr;  // it is not demoted for having been taken out
  }
  act(std::move(effects));
  probe_soon();
}

void Topology::accept_history() {
  Effects effects;
  {
    const Lock lock(mutex_);
    auto without = *table_;
    without.epoch.reset();
    table_ = std::make_shared<const RoutingTable>(std::move(without));
    judge_lags(known_, std::nullopt);
    publish_locked(true, effects);
  }
  act(std::move(effects));
  probe_soon();
}

std::vector<Member> Topology::members() const {
  const Lock lock(mutex_);
  std::vector<Member> members;
  for (const auto& known : known_) members.push_back(known.member);
  return members;
}

ClusterOptions Topology::options() const {
  const Lock lock(mutex_);
  return options_;
}

std::vector<Topology::Known> Topology::known() const {
  const Lock lock(mutex_);
  return known_;
}

void Topology::on_probe_wanted(std::function<void()> callback) {
  probe_wanted_ = std::move(callback);
}

void Topology::probe_soon() const {
  if (probe_wanted_) probe_wanted_();
}

void Topology::close() noexcept {
  std::vector<std::shared_ptr<io::Signal>> woken;
  {
    const Lock lock(mutex_);
    closed_ = true;
    woken = std::exchange(waiting_, {});
  }
  for (const auto& signal : woken) signal->set();
}

bool Topology::closed() const {
  const Lock lock(mutex_);
  return closed_;
}

}  // namespace grant
