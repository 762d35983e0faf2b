#include "grant/registry/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <set>
#include <thread>
#include <utility>

#include "core/described.hpp"
#include "core/fork.hpp"
#include "grant/cluster/health_monitor.hpp"
#include "grant/core/duration.hpp"
#include "grant/core/error.hpp"
#include "grant/core/mutex.hpp"
#include "pool/option_fields.hpp"

namespace grant {
namespace {

using std::chrono::milliseconds;

[[noreturn]] void refuse(std::string_view where, std::string_view what) {
  throw_error(Errc::configuration, fmt::format("{}: {}", where, what));
}

std::size_t count_param(std::string_view where, std::string_view name, std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    refuse(where,
           fmt::format("URL parameter {} must be a whole number, but it is \"{}\"", name, text));
  }
  return number;
}

milliseconds duration_param(std::string_view where, std::string_view name, std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) {
    refuse(
        where,
        fmt::format("URL parameter {} must be a duration such as 250ms, 5s or 2m, but it is \"{}\"",
                    name, text));
  }
  return *duration;
}

/// The pool's options with those that the URL carries; they are taken out of the URL.
PoolOptions pool_options(PoolOptions pool, Url& url, std::string_view where) {
  for (const auto& field : detail::kPoolOptionFields) {
    const auto text = url.take_param(field.url_parameter);
    if (!text) continue;
    if (field.count != nullptr) {
      pool.*field.count = count_param(where, field.url_parameter, *text);
    } else {
      pool.*field.span = duration_param(where, field.url_parameter, *text);
    }
  }
  pool.validate(where);
  return pool;
}

/// Puts the nodes of one shard together, checking what can be checked without connecting.
class ClusterBuilder {
 public:
  ClusterBuilder(const std::string& database, const ConnectionSpec& spec,
                 const RegistryOptions& options, std::uint64_t lineage)
      : database_(database), spec_(spec), options_(options), lineage_(lineage) {}

  std::shared_ptr<Cluster> build(const std::string& shard, const ShardSpec& nodes) const {
    const auto prefix = shard == "default" ? database_ : database_ + '@' + shard;
    if (nodes.url.empty() && nodes.writer.empty() && nodes.readers.empty()) {
      refuse("database \"" + prefix + "\"", "it has no url, writer or readers");
    }
    if (!nodes.url.empty() && !nodes.writer.empty()) {
      refuse("database \"" + prefix + "\"",
             "url and writer are both given: url is for nodes that serve both roles");
    }
    std::vector<std::unique_ptr<Node>> built;
    if (!nodes.url.empty()) built.push_back(node(prefix + "/writer", Role::writing, nodes.url));
    if (!nodes.writer.empty())
      built.push_back(node(prefix + "/writer", Role::writing, nodes.writer));
    for (std::size_t i = 0; i < nodes.readers.size(); ++i) {
      built.push_back(
          node(fmt::format("{}/reader-{}", prefix, i + 1), Role::reading, nodes.readers[i]));
    }
    if (built.size() > kMaxNodes) {
      refuse("database \"" + prefix + "\"",
             fmt::format("it has {} nodes, the most is {}", built.size(), kMaxNodes));
    }
    return std::make_shared<Cluster>(database_, shard, std::move(built), spec_.routing,
                                     spec_.health_check, options_.clock, options_.events, lineage_);
  }

 private:
  std::unique_ptr<Node> node(const std::string& name, Role role, const UrlSource& source) const {
    const auto where = "node \"" + name + "\"";
    ConnectOptions target;
    target.node = name;
    // SQLite readers are copies that only their refresher may write to.
    target.access = role == Role::reading ? Effect::read : Effect::write;
    try {
      target.url = Url::parse(source.get());
      if (spec_.adapter && *spec_.adapter != target.url.adapter) {
        throw_error(Errc::configuration,
                    fmt::format("its URL is for {}, but the adapter is {}",
                                to_string(target.url.adapter), to_string(*spec_.adapter)));
      }
    } catch (const Error& error) {
      refuse(where, error.what());
    }
    const auto pool = pool_options(spec_.pool, target.url, where);
    try {
      const Driver* const driver = &find_driver(target.url.adapter);
      driver->validate(target.url);
      return std::make_unique<Node>(role, *driver, std::move(target), pool, options_.clock,
                                    options_.events);
    } catch (const Error& error) {
      refuse(where, error.what());
    }
  }

  const std::string& database_;
  const ConnectionSpec& spec_;
  const RegistryOptions& options_;
  const std::uint64_t lineage_;
};

/// For a registry made by hand; never 0, which is for those that establish_connections() makes.
std::uint64_t new_lineage() {
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

void check_name(std::string_view what, const std::string& name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (name.empty() || !plain) {
    throw_error(Errc::configuration,
                fmt::format("{} cannot be the name of a {}: letters, digits, \"_\" and \"-\" can",
                            name.find(':') == std::string::npos ? fmt::format("\"{}\"", name)
                                                                : described(name),
                            what));
  }
}

}  // namespace

class Registry::Impl {
 public:
  Impl(const Databases& databases, const RegistryOptions& options, std::uint64_t lineage)
      : clock_(options.clock) {
    for (const auto& [name, spec] : databases) add(name, spec, options, lineage);
    std::vector<std::shared_ptr<Cluster>> all;
    for (const auto& database : databases_) {
      all.insert(all.end(), database.shards.begin(), database.shards.end());
    }
    monitor_ = std::make_unique<HealthMonitor>(std::move(all));
    tell_of_files(databases, options.events);
  }

  const std::shared_ptr<Cluster>& cluster(std::string_view database, std::string_view shard) const {
    monitor_->go_on();
    const auto& found = find(database);
    const auto at = std::ranges::find(found.shards, shard,
                                      [](const auto& c) -> std::string_view { return c->shard(); });
    if (at == found.shards.end()) {
      throw_error(Errc::invalid_argument,
                  fmt::format("database \"{}\" has no shard \"{}\"; it has: {}", database, shard,
                              fmt::join(shard_names(found), ", ")));
    }
    return *at;
  }

  std::vector<std::string> databases() const {
    std::vector<std::string> names;
    for (const auto& database : databases_) names.push_back(database.name);
    return names;
  }

  std::vector<std::string> shards(std::string_view database) const {
    return shard_names(find(database));
  }

  template <class Visitor>
  void each_cluster(const Visitor& visit) const {
    for (const auto& database : databases_) {
      for (const auto& cluster : database.shards) visit(*cluster);
    }
  }

  void go_on() const { monitor_->go_on(); }
  void check_health_now() { monitor_->check_now(); }

  void close(milliseconds drain) {
    if (closed_.exchange(true)) return;
    each_cluster([](Cluster& cluster) { cluster.close(); });
    monitor_->stop();

    const auto deadline = after(Clock::system().now(), drain);
    while (leased_elsewhere() > 0 && Clock::system().now() < deadline) {
      // Leases end on other threads and tell nobody; closing is rare and may look now and then.
      std::this_thread::sleep_for(milliseconds(2));
    }
  }

  const Clock& clock() const noexcept { return clock_; }

 private:
  struct Database {
    std::string name;
    std::vector<std::shared_ptr<Cluster>> shards;
  };

  void add(const std::string& name, const ConnectionSpec& spec, const RegistryOptions& options,
           std::uint64_t lineage) {
    check_name("database", name);
    const auto where = "database \"" + name + "\"";
    if (std::ranges::find(databases_, name, &Database::name) != databases_.end()) {
      refuse(where, "it is there twice");
    }
    spec.health_check.validate(where);
    spec.routing.validate(where);
    spec.pool.validate(where);

    Database database;
    database.name = name;
    const ClusterBuilder builder(database.name, spec, options, lineage);
    ShardSpec unsharded;
    unsharded.url = spec.url;
    unsharded.writer = spec.writer;
    unsharded.readers = spec.readers;
    if (spec.shards.empty()) {
      database.shards.push_back(builder.build("default", unsharded));
    } else if (!spec.url.empty() || !spec.writer.empty() || !spec.readers.empty()) {
      refuse(where, "it has shards, so url, writer and readers belong into them");
    }
    std::set<std::string> seen;
    for (const auto& [shard, nodes] : spec.shards) {
      check_name("shard", shard);
      if (!seen.insert(shard).second) refuse(where, "shard \"" + shard + "\" is there twice");
      database.shards.push_back(builder.build(shard, nodes));
    }
    databases_.push_back(std::move(database));
  }

  const Database& find(std::string_view name) const {
    const auto found = std::ranges::find(databases_, name, &Database::name);
    if (found == databases_.end()) {
      throw_error(Errc::invalid_argument, fmt::format("no database \"{}\"; there are: {}", name,
                                                      fmt::join(databases(), ", ")));
    }
    return *found;
  }

  static std::vector<std::string> shard_names(const Database& database) {
    std::vector<std::string> names;
    for (const auto& cluster : database.shards) names.push_back(cluster->shard());
    return names;
  }

  /// Connections that are waited for. Those of this thread cannot come back meanwhile.
  std::size_t leased_elsewhere() const {
    std::size_t count = 0;
    each_cluster([&count](Cluster& cluster) {
      for (std::size_t i = 0; i < cluster.size(); ++i) {
        const auto stats = cluster.node(i).pool_stats();
        count += stats.leased - stats.leased_here + stats.opening;
      }
    });
    return count;
  }

  const Clock& clock_;
  std::vector<Database> databases_;  // constant after construction

  std::unique_ptr<HealthMonitor> monitor_;  // never null after construction; stopped once closed
  std::atomic<bool> closed_ = false;
};

Registry::Registry(const Databases& databases, RegistryOptions options)
    : Registry(databases, options, new_lineage()) {}

Registry::Registry(const Databases& databases, const RegistryOptions& options,
                   std::uint64_t lineage)
    : impl_(std::make_unique<Impl>(databases, options, lineage)) {}

Registry::~Registry() { close(); }

std::shared_ptr<Cluster> Registry::cluster(std::string_view database,
                                           std::string_view shard) const {
  return impl_->cluster(database, shard);
}

std::vector<std::string> Registry::databases() const { return impl_->databases(); }

std::vector<std::string> Registry::shards(std::string_view database) const {
  return impl_->shards(database);
}

bool Registry::system_healthy() const {
  return std::ranges::all_of(health_status(), &NodeStatus::healthy);
}

std::vector<NodeStatus> Registry::health_status() const {
  impl_->go_on();
  std::vector<NodeStatus> all;
  impl_->each_cluster([&all](const Cluster& cluster) {
    for (auto& status : cluster.status()) all.push_back(std::move(status));
  });
  return all;
}

void Registry::check_health_now() { impl_->check_health_now(); }

LoadBalancer* Registry::load_balancer(std::string_view database, std::string_view shard) const {
  return impl_->cluster(database, shard)->load_balancer();
}

void Registry::close(milliseconds drain) { impl_->close(drain); }

void Registry::accept_history(std::string_view database, std::string_view shard) {
  impl_->cluster(database, shard)->accept_history();
}

const Clock& Registry::clock() const noexcept { return impl_->clock(); }

namespace {

/// The registry that is used where none is named. Never destroyed, because other static objects may
/// ask for it while the process ends.
class GlobalRegistry {
 public:
  /// Errors: closed, once the process ends.
  std::shared_ptr<Registry> replace(std::shared_ptr<Registry> next) {
    const Lock lock(mutex_);
    if (ended_ && next) fail_ended();
    return std::exchange(current_, std::move(next));
  }

  /// Errors: closed, once the process ends.
  std::shared_ptr<Registry> get() {
    const Lock lock(mutex_);
    if (ended_) fail_ended();
    return current_;
  }

  std::shared_ptr<Registry> end() {
    const Lock lock(mutex_);
    ended_ = true;
    return std::exchange(current_, nullptr);
  }

 private:
  [[noreturn]] static void fail_ended() {
    throw_error(Errc::closed, "the process is ending, and its databases were closed");
  }

  Mutex mutex_;
  std::shared_ptr<Registry> current_ GRANT_GUARDED_BY(mutex_);
  bool ended_ GRANT_GUARDED_BY(mutex_) = false;
  const detail::HeldOverForks held_{mutex_};
};

GlobalRegistry& global_registry() {
  static auto& global = *new GlobalRegistry;
  return global;
}

/// Closes what is open when the process ends.
struct CloseAtExit {
  CloseAtExit() = default;
  CloseAtExit(const CloseAtExit&) = delete;
  CloseAtExit& operator=(const CloseAtExit&) = delete;
  ~CloseAtExit() {
    if (const auto last = global_registry().end()) last->close();
  }
};

}  // namespace

void establish_connections(const Databases& databases, RegistryOptions options) {
  // Exit handlers run in reverse order: static objects made after this may use the databases to
  // their end.
  static const CloseAtExit close_at_exit;
  std::shared_ptr<Registry> next(new Registry(databases, options, 0));
  const auto before = global_registry().replace(std::move(next));
  if (before) before->close();
}

void close_connections(milliseconds drain) {
  if (const auto before = global_registry().replace(nullptr)) before->close(drain);
}

std::shared_ptr<Registry> shared_registry() {
  auto current = global_registry().get();
  if (!current) {
    throw_error(Errc::configuration,
                "no databases are set up: call grant::establish_connections() first");
  }
  return current;
}

Registry& registry() { return *shared_registry(); }

}  // namespace grant
