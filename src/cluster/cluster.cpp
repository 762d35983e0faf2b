#include "grant/cluster/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <random>
#include <utility>

#include "core/fork.hpp"

namespace grant {
namespace {

/// Bits for Strategy::random. Choosing a node needs no more than that they look random.
std::uint64_t random_bits() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return engine();
}

/// Records whose lag depends on another node's are brought up to date whenever one of them changes.
/// `known`: the cluster's epoch, by which servers of other histories are left out.
void judge_lags(std::vector<HealthRecord>& records, const std::optional<Epoch>& known) {
  const HealthRecord* primary = nullptr;
  for (const auto& record : records) {
    if (!record.healthy || record.seen.kind != NodeKind::primary) continue;
    if (known && record.seen.epoch.history != known->history) continue;
    if (primary == nullptr || record.seen.epoch > primary->seen.epoch) primary = &record;
  }
  // All nodes are probed at the same time. A judgement by what the primary said a whole interval
  // ago would be worse than the one before, and the new answer is on its way.
  const bool wait_for_primary = primary != nullptr && primary->probing;
  for (auto& record : records) {
    if (record.seen.kind != NodeKind::replica || (wait_for_primary && record.lag)) continue;
    record = with_lag(std::move(record), primary);
  }
}

}  // namespace

void RoutingOptions::validate(std::string_view where) const {
  const auto not_negative = [where](std::string_view field, std::chrono::milliseconds value) {
    if (value.count() < 0) {
      throw_error(Errc::configuration, fmt::format("{}: {} must not be negative, but it is {} ms",
                                                   where, field, value.count()));
    }
  };
  not_negative("replica_lag_threshold",
               replica_lag_threshold.value_or(std::chrono::milliseconds(0)));
  not_negative("failover_timeout", failover_timeout);
  not_negative("sticky_period", sticky_period);
}

Cluster::Cluster(std::string database, std::string shard, std::vector<std::unique_ptr<Node>> nodes,
                 RoutingOptions routing, HealthCheckOptions health, const Clock& clock,
                 EventSink events, std::uint64_t lineage)
    : database_(std::move(database)),
      shard_(std::move(shard)),
      name_(shard_ == "default" ? database_ : database_ + '@' + shard_),
      origin_(Origin::of(database_, shard_, lineage)),
      nodes_(std::move(nodes)),
      routing_(routing),
      health_(health),
      clock_(clock),
      events_(std::move(events)),
      balancer_(*this, routing.strategy),
      records_(nodes_.size()),
      table_(std::make_shared<RoutingTable>()),
      held_(std::make_unique<detail::HeldOverForks>(mutex_)),
      renewed_(std::make_unique<detail::RenewedInChildren>(
          this, [](void* self) { static_cast<Cluster*>(self)->renew_in_child(); })) {
  const Lock lock(mutex_);
  static_cast<void>(publish_locked());
}

Cluster::~Cluster() = default;

/// Forgets what threads that are not there any more were doing.
void Cluster::renew_in_child() {
  // Neither woken nor freed: such a thread may have been in the middle of using its signal.
  static auto& left_alone = *new std::vector<std::shared_ptr<io::Signal>>;
  const Lock lock(mutex_);
  std::ranges::move(std::exchange(waiting_, {}), std::back_inserter(left_alone));
  for (auto& record : records_) record.probing = false;
  for (const auto& node : nodes_) node->forget_in_flight();
}

LoadBalancer* Cluster::load_balancer() noexcept {
  const bool has_readers =
      std::ranges::any_of(nodes_, [](const auto& node) { return node->role() == Role::reading; });
  return has_readers ? &balancer_ : nullptr;
}

std::shared_ptr<const RoutingTable> Cluster::table() const {
  const Lock lock(mutex_);
  return table_;
}

Balance Cluster::balance(std::uint64_t turn, std::span<std::uint32_t> in_flight) const {
  Balance balance;
  balance.strategy = balancer_.strategy();
  balance.turn = turn;
  if (balance.strategy == Strategy::random) balance.random = random_bits();
  if (balance.strategy == Strategy::least_connections) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) in_flight[i] = nodes_[i]->in_flight();
    balance.in_flight = in_flight;
  }
  return balance;
}

Route Cluster::route(const RoutingTable& table, const RouteRequest& request) {
  std::array<std::uint32_t, kMaxNodes> in_flight;
  // A read that can only go to the primary takes no turn: one that alternates with others would
  // send all of those to the same replica.
  const bool balanced =
      request.effect == Effect::read && request.role == Role::reading && !request.sticky;
  const auto turn = balancer_.turn_.fetch_add(balanced ? 1 : 0, std::memory_order_relaxed);
  return grant::route(table, request, balance(turn, in_flight));
}

RouteExplanation Cluster::explain(const RouteRequest& request) const {
  std::array<std::uint32_t, kMaxNodes> in_flight;
  const auto turn = balancer_.turn_.load(std::memory_order_relaxed);
  return grant::explain(*table(), request, balance(turn, in_flight));
}

std::vector<NodeStatus> Cluster::status() const {
  std::vector<HealthRecord> records;
  {
    const Lock lock(mutex_);
    records = records_;
  }
  const auto now = clock_.now();
  std::vector<NodeStatus> all;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto& record = records[i];
    NodeStatus status;
    status.key = nodes_[i]->name();
    status.database = database_;
    status.shard = shard_;
    status.role = nodes_[i]->role();
    status.kind = record.seen.kind;
    status.version = record.seen.version;
    status.healthy = record.healthy;
    status.lag = record.lag;
    status.lag_bytes = record.lag_bytes;
    status.unreplayed_bytes = record.seen.unreplayed_bytes;
    if (record.checked) status.last_check = now - record.checked_at;
    if (!record.healthy) status.last_error = record.error.message;
    status.pool = nodes_[i]->pool_stats();
    status.writing = nodes_[i]->writing_stats();
    all.push_back(std::move(status));
  }
  return all;
}

void Cluster::begin_probe(std::size_t node) {
  const Lock lock(mutex_);
  records_[node].probing = true;
}

HealthRecord Cluster::health_record(std::size_t node) const {
  const Lock lock(mutex_);
  return records_[node];
}

std::uint64_t Cluster::record(std::size_t node, const ProbeResult& probe) {
  std::uint64_t version = 0;
  std::vector<std::size_t> strangers;
  std::optional<std::size_t> superseded;
  bool changed = false;
  bool healthy = false;
  auto kind = NodeKind::unknown;
  std::vector<std::shared_ptr<io::Signal>> woken;
  {
    const Lock lock(mutex_);
    const auto before = records_[node];
    records_[node] = after_probe(before, probe, health_);
    judge_lags(records_, table_->epoch);
    healthy = records_[node].healthy;
    kind = records_[node].seen.kind;
    changed = !before.checked || before.healthy != healthy || before.seen.kind != kind;
    const auto primary = table_->primary;
    strangers = publish_locked();
    if (table_->primary && primary != table_->primary) superseded = primary;
    version = table_->version;
    woken = take_waiting_locked();
  }
  for (const auto& signal : woken) signal->set();
  if (superseded) demote(*superseded);
  for (const auto stranger : strangers) {
    emit(events_, {Severity::error,
                   "node.foreign",
                   {{"node", nodes_[stranger]->name()},
                    {"history", health_record(stranger).seen.epoch.history}}});
  }
  if (!changed) return version;
  Event event;
  event.severity = healthy ? Severity::info : Severity::warning;
  event.name = healthy ? "node.healthy" : "node.unhealthy";
  event.fields.push_back({"node", nodes_[node]->name()});
  event.fields.push_back({"kind", std::string(to_string(kind))});
  if (!healthy) event.fields.push_back({"error", probe.error.message});
  emit(events_, event);
  return version;
}

Duration Cluster::next_check_in() const {
  const Lock lock(mutex_);
  // Any node may be promoted while there is no primary.
  auto soonest = saturated(table_->primary ? health_.interval
                                           : std::min(health_.interval, health_.recheck_interval));
  std::optional<Duration> threshold;
  if (routing_.replica_lag_threshold) threshold = saturated(*routing_.replica_lag_threshold);
  for (const auto& record : records_) {
    soonest = std::min(soonest, grant::next_check_in(record, health_, threshold));
  }
  return soonest;
}

std::vector<std::size_t> Cluster::publish_locked() {
  std::vector<NodeView> views;
  views.reserve(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto& record = records_[i];
    NodeView view;
    view.name = nodes_[i]->name();
    view.role = nodes_[i]->role();
    view.checked = record.checked;
    view.healthy = record.healthy;
    view.kind = record.seen.kind;
    view.epoch = record.seen.epoch;
    view.instance = record.seen.instance;
    view.lag = record.lag;
    views.push_back(std::move(view));
  }
  const auto last = std::move(table_);
  table_ = std::make_shared<const RoutingTable>(next_table(*last, std::move(views)));
  std::vector<std::size_t> strangers;
  std::ranges::set_difference(table_->foreign, last->foreign, std::back_inserter(strangers));
  return strangers;
}

void Cluster::accept_history() {
  std::vector<std::shared_ptr<io::Signal>> woken;
  {
    const Lock lock(mutex_);
    auto without = *table_;
    without.epoch.reset();
    table_ = std::make_shared<const RoutingTable>(std::move(without));
    judge_lags(records_, std::nullopt);
    static_cast<void>(publish_locked());
    woken = take_waiting_locked();
  }
  for (const auto& signal : woken) signal->set();
  probe_soon();
}

std::vector<std::shared_ptr<io::Signal>> Cluster::take_waiting_locked() {
  return std::exchange(waiting_, {});
}

std::uint64_t Cluster::report_unreachable(std::size_t node, const ErrorInfo& error) {
  ProbeResult failed;
  failed.at = clock_.now();
  failed.error = error;
  const auto version = record(node, failed);
  probe_soon();
  return version;
}

void Cluster::demote(std::size_t node) {
  nodes_[node]->drop_connections();
  emit(events_, {Severity::warning, "node.demoted", {{"node", nodes_[node]->name()}}});
}

bool Cluster::report_read_only(std::size_t node, NodeKind hint) {
  std::vector<std::shared_ptr<io::Signal>> woken;
  bool demoted = false;
  {
    const Lock lock(mutex_);
    if (table_->primary != node) return true;
    // The server says with its replies that it is the primary: then a setting of the session, the
    // role or the database refused the write, and every other write may be welcome.
    demoted = hint != NodeKind::primary;
    if (demoted) {
      records_[node].seen.kind = NodeKind::unknown;
      static_cast<void>(publish_locked());
      woken = take_waiting_locked();
    }
  }
  for (const auto& signal : woken) signal->set();
  if (demoted) demote(node);
  probe_soon();
  return demoted;
}

std::uint64_t Cluster::report_lost() const {
  // Before the probes: whatever they end with is in a later table.
  const auto version = table()->version;
  probe_soon();
  return version;
}

void Cluster::report_promoted() {
  // Whoever keeps saying so may be wrong: a pooler in between can repeat what was.
  const auto now = clock_.now();
  auto last = promotion_seen_.load(std::memory_order_relaxed);
  if (last != TimePoint::min() && now - last < saturated(health_.recheck_interval)) return;
  if (promotion_seen_.compare_exchange_strong(last, now, std::memory_order_relaxed)) probe_soon();
}

void Cluster::on_probe_wanted(std::function<void()> callback) {
  probe_wanted_ = std::move(callback);
}

void Cluster::probe_soon() const {
  if (probe_wanted_) probe_wanted_();
}

Task<bool> Cluster::newer_table(io::Call call, std::uint64_t version) {
  while (true) {
    const auto signal = call.waiter().make_signal();
    {
      const Lock lock(mutex_);
      if (closed_) throw_error(Errc::closed, fmt::format("database \"{}\" is closed", name_));
      if (table_->version > version) co_return true;
      waiting_.push_back(signal);
    }
    const auto outcome = co_await call.signalled(*signal);
    if (outcome != io::Outcome::ready) {
      const Lock lock(mutex_);
      std::erase(waiting_, signal);
      if (table_->version > version) co_return true;
      if (outcome == io::Outcome::timed_out) co_return false;
      throw_error(
          Errc::cancelled,
          fmt::format("database \"{}\": cancelled while it waited for a primary; nothing was "
                      "executed",
                      name_));
    }
  }
}

void Cluster::close() noexcept {
  std::vector<std::shared_ptr<io::Signal>> woken;
  {
    const Lock lock(mutex_);
    closed_ = true;
    woken = take_waiting_locked();
  }
  for (const auto& signal : woken) signal->set();
  for (const auto& node : nodes_) node->close();
}

bool Cluster::closed() const {
  const Lock lock(mutex_);
  return closed_;
}

}  // namespace grant
