#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grant/cluster/load_balancer.hpp"
#include "grant/cluster/node_status.hpp"
#include "grant/core/clock.hpp"
#include "grant/core/event.hpp"
#include "grant/io/runtime.hpp"
#include "grant/registry/connection_spec.hpp"

namespace grant {

class Cluster;
class Registry;

namespace detail {

struct Generation;

/// Unlike that of any other registry of the process.
[[nodiscard]] std::uint64_t id_of(const Registry& registry) noexcept;

/// Grows with each generation.
[[nodiscard]] std::uint64_t version_of(const Registry& registry) noexcept;

/// Errors: configuration, when it is not set up; closed, once the process ends.
[[nodiscard]] std::shared_ptr<const Generation> generation_of(const Registry& registry);

/// The registry that is used where none is named, set up or not.
[[nodiscard]] Registry& global_registry() noexcept;

}  // namespace detail

struct RegistryOptions {
  /// What ages, lags and sticky periods are measured with, and the time of day of records. Must
  /// outlive the registry and all that it handed out.
  const Clock& clock = Clock::system();

  /// Receives what happens; empty: nobody does.
  EventSink events{};

  /// What pools and probes wait and work by; as long-lived as the clock.
  io::Runtime& runtime = io::system_runtime();
};

/// All databases of a program: database and shard to cluster. Thread-safe.
///
/// What it has at one time is an immutable generation; reload() makes the next one, which shares
/// the clusters and nodes that are still there. What began on a generation ends on it.
///
/// establish_connections() sets up the one that is used where none is named; more can be made by
/// hand and used through a Session.
class Registry {
 public:
  /// Checks everything that can be checked without connecting, then starts probing in the
  /// background. Does not wait for a server. Errors: configuration, naming database and field.
  explicit Registry(const Databases& databases, RegistryOptions options = {});
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// close().
  ~Registry();

  /// Takes these databases in place of those that were there, without waiting for a server or for
  /// anybody. A node that stays (by its name, or else by host, port and database) with the same
  /// URL, role and options keeps its connections, and what is known of it; one that has changed
  /// begins with new ones. Statements and transactions under way end where they began: a node that
  /// goes is chosen no more, and is there until the last of them has ended. Errors: as the
  /// constructor, and closed; then everything stays as it was.
  void reload(const Databases& databases);

  /// Errors: invalid_argument, naming the databases or shards that there are.
  [[nodiscard]] std::shared_ptr<Cluster> cluster(std::string_view database,
                                                 std::string_view shard = "default") const;

  [[nodiscard]] std::vector<std::string> databases() const;

  /// In the order of the configuration; "default" alone for an unsharded database. Errors: as
  /// cluster().
  [[nodiscard]] std::vector<std::string> shards(std::string_view database) const;

  /// True when every node of every database is healthy. Nodes that were not checked yet are not.
  [[nodiscard]] bool system_healthy() const;

  /// Every node, in the order of the configuration.
  [[nodiscard]] std::vector<NodeStatus> health_status() const;

  /// Probes every node now and returns when all have answered or failed. Blocks for at most twice
  /// the longest health_check.timeout and a little. Errors: invalid_argument on the thread that
  /// checks them, on which event sinks are called: it would wait for itself.
  void check_health_now();

  /// Null when the database has no readers. Lives as long as the registry, also where a reload took
  /// its database away: then it balances nothing. Errors: as cluster().
  [[nodiscard]] LoadBalancer* load_balancer(std::string_view database,
                                            std::string_view shard = "default") const;

  /// Refuses new work with Errc::closed, then waits until statements under way on other threads
  /// have ended, at most `drain`; what is still leased then is closed when it comes back. Blocks.
  /// Final; later calls return at once.
  void close(std::chrono::milliseconds drain = std::chrono::seconds(5));

  /// The operator's word that a database's servers were replaced by others, restored or upgraded
  /// into a new history: see Cluster::accept_history(). Errors: as cluster().
  void accept_history(std::string_view database, std::string_view shard = "default");

  /// The clock that it was set up with. Errors: configuration, where it is not set up any more.
  [[nodiscard]] const Clock& clock() const;

 private:
  friend class GlobalRegistry;
  friend std::uint64_t detail::id_of(const Registry& registry) noexcept;
  friend std::uint64_t detail::version_of(const Registry& registry) noexcept;
  friend std::shared_ptr<const detail::Generation> detail::generation_of(const Registry& registry);

  /// Of no databases yet.
  struct NotSetUp {};
  explicit Registry(NotSetUp);

  class Impl;
  std::unique_ptr<Impl> impl_;
  std::uint64_t lineage_ = 0;  // see Origin
};

/// Sets up the registry that is used where none is named. Where it is set up already, this is a
/// reload: see Registry::reload(). With another clock or runtime than before, nothing is shared
/// with what was there, which ends as it would in a reload. Errors: configuration; then all stays
/// as it was. closed, once the process ends. Thread-safe.
void establish_connections(const Databases& databases, RegistryOptions options = {});

/// Closes what establish_connections() set up, if anything: see Registry::close(). It may be set up
/// again afterwards.
void close_connections(std::chrono::milliseconds drain = std::chrono::seconds(5));

/// The registry that establish_connections() sets up; valid for as long as the process runs.
/// Errors: configuration, when it is not set up; closed, once the process ends.
[[nodiscard]] Registry& registry();

/// The same, as a pointer.
[[nodiscard]] std::shared_ptr<Registry> shared_registry();

}  // namespace grant
