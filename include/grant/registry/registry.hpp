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
#include "grant/registry/connection_spec.hpp"

namespace grant {

class Cluster;

struct RegistryOptions {
  /// Must outlive the registry and all that it handed out.
  const Clock& clock = Clock::system();

  /// Receives what happens; empty: nobody does.
  EventSink events{};
};

/// All databases of a program: database and shard to cluster. Thread-safe.
///
/// establish_connections() makes the one that is used where none is named; more can be made by hand
/// and used through a Session.
class Registry {
 public:
  /// Checks everything that can be checked without connecting, then starts probing in the
  /// background. Does not wait for a server. Errors: configuration, naming database and field.
  explicit Registry(const Databases& databases, RegistryOptions options = {});
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// close().
  ~Registry();

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

  /// Null when the database has no readers. Lives as long as the registry. Errors: as cluster().
  [[nodiscard]] LoadBalancer* load_balancer(std::string_view database,
                                            std::string_view shard = "default") const;

  /// Refuses new work with Errc::closed, then waits until statements under way on other threads
  /// have ended, at most `drain`; what is still leased then is closed when it comes back. Blocks.
  /// Final; later calls return at once.
  void close(std::chrono::milliseconds drain = std::chrono::seconds(5));

  /// The operator's word that a database's servers were replaced by others, restored or upgraded
  /// into a new history: see Cluster::accept_history(). Errors: as cluster().
  void accept_history(std::string_view database, std::string_view shard = "default");

  [[nodiscard]] const Clock& clock() const noexcept;

 private:
  friend void establish_connections(const Databases& databases, RegistryOptions options);

  Registry(const Databases& databases, const RegistryOptions& options, std::uint64_t lineage);

  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Sets up the registry that is used where none is named; one that was there before is closed.
/// Errors: configuration; then the one before stays. closed, once the process ends. Thread-safe.
void establish_connections(const Databases& databases, RegistryOptions options = {});

/// Closes the registry that establish_connections() made, if any: see Registry::close().
void close_connections(std::chrono::milliseconds drain = std::chrono::seconds(5));

/// The registry that establish_connections() made; valid until it is replaced or closed. Errors:
/// configuration, when it was not called; closed, once the process ends.
[[nodiscard]] Registry& registry();

/// The same, kept alive by the pointer.
[[nodiscard]] std::shared_ptr<Registry> shared_registry();

}  // namespace grant
