#include "grant/registry/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "core/fork.hpp"
#include "grant/cluster/health_monitor.hpp"
#include "grant/core/error.hpp"
#include "grant/core/mutex.hpp"
#include "set_up.hpp"
#include "shares.hpp"

namespace grant {
namespace {

using detail::Generation;
using std::chrono::milliseconds;

/// For a registry made by hand; never 0, which is for the one that establish_connections() sets up.
std::uint64_t new_lineage() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

std::uint64_t new_registry_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

/// Once for each file that other users of the machine can do something with.
void tell_of_files(const Databases& databases, const EventSink& events) {
  std::set<std::string_view> told;
  for (const auto& [name, spec] : databases) {
    const auto& file = spec.file;
    if ((!file.shows_secrets && !file.can_be_changed) || !told.insert(file.name).second) continue;
    emit(events, {Severity::warning,
                  "config.exposed",
                  {{"file", file.name},
                   {"password_readable", file.shows_secrets},
                   {"writable", file.can_be_changed}}});
  }
}

/// Where events go, which a later set-up may change: nodes that stay tell the new sink.
class Sink {
 public:
  explicit Sink(EventSink sink) : sink_(std::make_shared<const EventSink>(std::move(sink))) {}

  void replace(EventSink sink) {
    auto next = std::make_shared<const EventSink>(std::move(sink));
    const Lock lock(mutex_);
    sink_.swap(next);
  }

  void operator()(const Event& event) const {
    std::shared_ptr<const EventSink> sink;
    {
      const Lock lock(mutex_);
      sink = sink_;
    }
    if (sink && *sink) (*sink)(event);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const EventSink> sink_ GRANT_GUARDED_BY(mutex_);
  const detail::HeldOverForks held_{mutex_};
};

}  // namespace

/// One mutex for who changes what is there, which may take its time, and one for what is there.
class Registry::Impl {
 public:
  /// What is there at one time. Immutable, but for the sink.
  struct State {
    const Clock& clock;
    io::Runtime& runtime;
    EventSink events;
    std::shared_ptr<Sink> sink;
    std::shared_ptr<HealthMonitor> monitor;
    std::shared_ptr<const Generation> generation;
    std::map<std::string, detail::NodeNames> names{};
    /// Taken out by a reload; statements may still be under way there.
    std::vector<std::weak_ptr<Cluster>> former_clusters{};
    std::vector<std::weak_ptr<Node>> former_nodes{};
    bool closed = false;
  };

  /// Checks, then changes. Errors: configuration.
  void set_up(const Databases& databases, const RegistryOptions& options, std::uint64_t lineage) {
    const Lock changing(*changing_mutex_);
    const auto last = state();
    const bool shares = last && !last->closed && &last->clock == &options.clock &&
                        &last->runtime == &options.runtime;
    const auto before = shares ? last : nullptr;

    // Before anything is probed: the first events are told, too.
    const auto sink = before ? before->sink : std::make_shared<Sink>(options.events);
    detail::Setting setting{
        {options.clock, [sink](const Event& event) { (*sink)(event); }, options.runtime},
        lineage,
        before ? before->generation : nullptr,
        before ? before->names : decltype(State::names)()};
    auto plan = detail::set_up(databases, setting);
    auto monitor =
        before ? before->monitor : std::make_shared<HealthMonitor>(plan.added, options.runtime);

    if (before) sink->replace(options.events);
    auto next = std::make_shared<State>(State{options.clock, options.runtime, options.events, sink,
                                              std::move(monitor), plan.generation});
    next->names = std::move(plan.names);
    std::vector<Member> members = members_of(last);
    for (auto& change : plan.changes) {
      change.cluster->change(std::move(change.members), change.options);
    }
    if (before) {
      for (const auto& cluster : plan.added) next->monitor->watch(cluster);
    }
    retire(last, std::move(members), *next);
    replace(std::move(next));
    tell_of_files(databases, options.events);
  }

  /// Errors: configuration; closed.
  void reload(const Databases& databases, std::uint64_t lineage) {
    const auto now = state();
    if (!now || now->closed) throw_error(Errc::closed, "the registry is closed");
    set_up(databases, {now->clock, now->events, now->runtime}, lineage);
  }

  /// `forget`: as if it had never been set up.
  void close(milliseconds drain, bool forget) {
    std::shared_ptr<const State> last;
    {
      const Lock changing(*changing_mutex_);
      last = state();
      if (!last || last->closed) return;
      auto closed = std::make_shared<State>(*last);
      closed->closed = true;
      replace(forget ? nullptr : std::move(closed));
    }
    const auto clusters = all_clusters(*last);
    for (const auto& cluster : clusters) cluster->close();
    const auto nodes = all_nodes(*last, clusters);
    for (const auto& node : nodes) node->close();
    last->monitor->stop();
    const auto deadline = after(io::blocking_waiter().now(), drain);
    run(wait_for_leases(io::Call(io::blocking_waiter(), deadline), nodes));
  }

  /// Null: it is not set up.
  [[nodiscard]] std::shared_ptr<const State> state() const {
    const Lock lock(mutex_);
    return state_;
  }

  /// The same. Errors: configuration, when it is not set up; closed, once the process ends.
  [[nodiscard]] std::shared_ptr<const State> set_up_state() const {
    auto now = state();
    if (!now) {
      if (ended_) throw_error(Errc::closed, "the process is ending, and its databases were closed");
      throw_error(Errc::configuration,
                  "no databases are set up: call grant::establish_connections() first");
    }
    now->monitor->go_on();
    return now;
  }

  /// Nothing is set up after this.
  void end() noexcept { ended_ = true; }
  [[nodiscard]] bool has_ended() const noexcept { return ended_; }

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] std::uint64_t version() const noexcept {
    return version_.load(std::memory_order_acquire);
  }

  /// Kept for as long as the registry.
  LoadBalancer* keep(const std::shared_ptr<LoadBalancer>& balancer) {
    const Lock lock(mutex_);
    if (balancer && std::ranges::find(balancers_, balancer) == balancers_.end()) {
      balancers_.push_back(balancer);
    }
    return balancer.get();
  }

 private:
  void renew_in_child() {
    // Left as it is: a thread that is not there any more may have held it.
    static_cast<void>(changing_mutex_.release());
    changing_mutex_ = std::make_unique<Mutex>();
    // The first statement finds its way anew, and so has the probes begin here.
    version_.fetch_add(1);
  }

  void replace(std::shared_ptr<const State> next) {
    {
      const Lock lock(mutex_);
      state_.swap(next);
      version_.fetch_add(1, std::memory_order_acq_rel);
    }
    detail::forget_shares(id_);
  }

  static std::vector<Member> members_of(const std::shared_ptr<const State>& state) {
    std::vector<Member> all;
    if (!state) return all;
    for (const auto& cluster : state->generation->clusters()) {
      const auto members = cluster->topology().members();
      all.insert(all.end(), members.begin(), members.end());
    }
    return all;
  }

  /// Nodes that go give their connections back as soon as nobody uses them.
  static void retire(const std::shared_ptr<const State>& last, std::vector<Member> members,
                     State& next) {
    if (!last || last->closed) return;
    next.former_clusters = last->former_clusters;
    next.former_nodes = last->former_nodes;
    std::erase_if(next.former_clusters, [](const auto& known) { return known.expired(); });
    std::erase_if(next.former_nodes, [](const auto& known) { return known.expired(); });
    const auto clusters = next.generation->clusters();
    for (const auto& cluster : last->generation->clusters()) {
      if (std::ranges::find(clusters, cluster) == clusters.end()) {
        next.former_clusters.push_back(cluster);
      }
    }
    std::vector<const Node*> stay;
    for (const auto& cluster : clusters) {
      for (const auto& member : cluster->topology().members()) stay.push_back(member.node.get());
    }
    for (const auto& member : members) {
      if (std::ranges::find(stay, member.node.get()) != stay.end()) continue;
      member.node->drop_connections();
      next.former_nodes.push_back(member.node);
    }
  }

  static std::vector<std::shared_ptr<Cluster>> all_clusters(const State& state) {
    auto all = state.generation->clusters();
    for (const auto& known : state.former_clusters) {
      if (auto cluster = known.lock()) all.push_back(std::move(cluster));
    }
    return all;
  }

  static std::vector<std::shared_ptr<Node>> all_nodes(
      const State& state, const std::vector<std::shared_ptr<Cluster>>& clusters) {
    std::vector<std::shared_ptr<Node>> all;
    for (const auto& cluster : clusters) {
      for (const auto& member : cluster->topology().members()) all.push_back(member.node);
    }
    for (const auto& known : state.former_nodes) {
      if (auto node = known.lock()) all.push_back(std::move(node));
    }
    return all;
  }

  /// Those of this thread cannot come back meanwhile.
  Task<void> wait_for_leases(io::Call call, std::vector<std::shared_ptr<Node>> nodes) {
    const auto elsewhere = [](const std::shared_ptr<Node>& node) {
      const auto stats = node->pool_stats();
      return stats.leased - stats.leased_here + stats.opening > 0;
    };
    // Leases end on other threads and tell nobody; closing is rare and may look now and then.
    constexpr milliseconds kLook{2};
    while (std::ranges::any_of(nodes, elsewhere) && call.now() < call.deadline()) {
      co_await call.sleep_until(after(call.now(), kLook));
    }
  }

  const std::uint64_t id_ = new_registry_id();
  std::atomic<std::uint64_t> version_ = 0;  // grows with each state
  std::atomic<bool> ended_ = false;
  // Held by who makes a state out of the last one, which takes too long to hold up a fork: a child
  // has another one.
  std::unique_ptr<Mutex> changing_mutex_ = std::make_unique<Mutex>();

  mutable Mutex mutex_;
  std::shared_ptr<const State> state_ GRANT_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<LoadBalancer>> balancers_ GRANT_GUARDED_BY(mutex_);
  const detail::HeldOverForks held_{mutex_};
  const detail::RenewedInChildren renewed_{
      this, [](void* self) { static_cast<Impl*>(self)->renew_in_child(); }};
};

Registry::Registry(NotSetUp /*unused*/) : impl_(std::make_unique<Impl>()) {}

Registry::Registry(const Databases& databases, RegistryOptions options) : Registry(NotSetUp()) {
  lineage_ = new_lineage();
  impl_->set_up(databases, options, lineage_);
}

Registry::~Registry() { close(); }

void Registry::reload(const Databases& databases) { impl_->reload(databases, lineage_); }

std::shared_ptr<Cluster> Registry::cluster(std::string_view database,
                                           std::string_view shard) const {
  return impl_->set_up_state()->generation->cluster(database, shard);
}

std::vector<std::string> Registry::databases() const {
  return impl_->set_up_state()->generation->names();
}

std::vector<std::string> Registry::shards(std::string_view database) const {
  const auto state = impl_->set_up_state();
  return Generation::shard_names(state->generation->database(database));
}

bool Registry::system_healthy() const {
  return std::ranges::all_of(health_status(), &NodeStatus::healthy);
}

std::vector<NodeStatus> Registry::health_status() const {
  std::vector<NodeStatus> all;
  for (const auto& cluster : impl_->set_up_state()->generation->clusters()) {
    for (auto& status : cluster->status()) all.push_back(std::move(status));
  }
  return all;
}

void Registry::check_health_now() { impl_->set_up_state()->monitor->check_now(); }

LoadBalancer* Registry::load_balancer(std::string_view database, std::string_view shard) const {
  return impl_->keep(cluster(database, shard)->load_balancer());
}

void Registry::close(milliseconds drain) { impl_->close(drain, false); }

void Registry::accept_history(std::string_view database, std::string_view shard) {
  cluster(database, shard)->accept_history();
}

const Clock& Registry::clock() const { return impl_->set_up_state()->clock; }

std::uint64_t detail::id_of(const Registry& registry) noexcept { return registry.impl_->id(); }

std::uint64_t detail::version_of(const Registry& registry) noexcept {
  return registry.impl_->version();
}

std::shared_ptr<const Generation> detail::generation_of(const Registry& registry) {
  return registry.impl_->set_up_state()->generation;
}

/// The registry that is used where none is named. Never destroyed, because other static objects may
/// ask for it while the process ends.
class GlobalRegistry {
 public:
  static Registry& get() {
    static auto& registry = *new Registry(Registry::NotSetUp());
    return registry;
  }

  /// Errors: configuration; closed, once the process ends.
  static void set_up(const Databases& databases, const RegistryOptions& options) {
    auto& impl = *get().impl_;
    if (impl.has_ended()) static_cast<void>(impl.set_up_state());
    impl.set_up(databases, options, 0);
  }

  static void close(milliseconds drain) { get().impl_->close(drain, true); }

  static void end() {
    get().impl_->end();
    close(std::chrono::seconds(5));
  }

  static void expect_set_up() { static_cast<void>(get().impl_->set_up_state()); }
};

Registry& detail::global_registry() noexcept { return GlobalRegistry::get(); }

namespace {

/// Closes what is open when the process ends.
struct CloseAtExit {
  CloseAtExit() = default;
  CloseAtExit(const CloseAtExit&) = delete;
  CloseAtExit& operator=(const CloseAtExit&) = delete;
  ~CloseAtExit() { GlobalRegistry::end(); }
};

}  // namespace

void establish_connections(const Databases& databases, RegistryOptions options) {
  // Exit handlers run in reverse order: static objects made after this may use the databases to
  // their end.
  static const CloseAtExit close_at_exit;
  GlobalRegistry::set_up(databases, options);
}

void close_connections(milliseconds drain) { GlobalRegistry::close(drain); }

Registry& registry() {
  GlobalRegistry::expect_set_up();
  return GlobalRegistry::get();
}

std::shared_ptr<Registry> shared_registry() {
  return {std::shared_ptr<Registry>(), &registry()};  // which is never destroyed
}

}  // namespace grant
