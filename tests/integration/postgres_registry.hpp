#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grant/cluster/cluster.hpp"
#include "grant/grant.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/hung.hpp"
#include "support/postgres_cluster.hpp"

namespace grant::test {

using namespace std::chrono_literals;

/// How long `action` takes.
template <class Action>
[[nodiscard]] Duration duration_of(const Action& action) {
  const auto began = Clock::system().now();
  action();
  return Clock::system().now() - began;
}

/// Runs `action` on a thread of its own.
template <class Action>
[[nodiscard]] auto in_background(Action action) {
  return std::async(std::launch::async, std::move(action));
}

/// The cluster that the program's tests share: a primary and two replicas, with the table of Item.
PostgresCluster& cluster();

/// The model of most tests, on the database "primary".
struct Item : Model<Item> {
  std::int64_t id{};
  std::string name{};

  static constexpr auto table =
      grant::table<Item>("items", column<&Item::id>.primary_key(), column<&Item::name>);
};
inline constexpr auto item_name = field<&Item::name>;

/// Nodes of `servers`: who writes and who reads. Nodes that are well are only probed when a test
/// says so, others soon again.
ConnectionSpec spec_of(const PostgresCluster& servers, const std::vector<int>& readers = {1, 2});

/// A registry with `spec` as "primary", once all its nodes were probed.
std::shared_ptr<Registry> connect(const ConnectionSpec& spec, EventSink events = {});

/// Whether it has replayed all that the primary had: then its lag is no more than the time that
/// asking both took.
[[nodiscard]] bool is_level(const NodeStatus& node);

/// Until all nodes are healthy, and the replicas have all that the primary has.
void wait_for_replicas(Registry& registry);

/// The state of the node called "primary/<name>".
NodeStatus status_of(const Registry& registry, const std::string& name);

/// "writer" or "reader-1": who served the calling thread's last statement.
std::string server();
RouteReason reason();

/// Reads once in a session of its own and says who served it.
std::string server_of_a_read(const std::shared_ptr<Registry>& registry);

/// How many rows with this name a node has, asked behind the library's back.
int rows_on(PostgresCluster& servers, int node, const std::string& name);

/// How many sessions of the application on `node` are in pg_sleep().
int sleepers_on(PostgresCluster& servers, int node);

/// Ends the statements of the sessions that are in pg_sleep().
void wake_sleepers(PostgresCluster& servers, int node);

/// Tests on the shared cluster: the table of Item is there and empty.
class SharedCluster : public ::testing::Test {
 protected:
  void SetUp() override;
};

// What a test does to a node of the shared cluster, undone at the end of the scope.

class Paused {
 public:
  explicit Paused(int node) : node_(node) { cluster().pause(node_); }
  ~Paused() { cluster().resume(node_); }
  Paused(const Paused&) = delete;
  Paused& operator=(const Paused&) = delete;

 private:
  int node_;
};

class Stopped {
 public:
  explicit Stopped(int node) : node_(node) { cluster().stop(node_); }
  ~Stopped() { cluster().start(node_); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  int node_;
};

class Killed {
 public:
  explicit Killed(int node) : node_(node) { cluster().kill(node_); }
  ~Killed() { cluster().start(node_); }
  Killed(const Killed&) = delete;
  Killed& operator=(const Killed&) = delete;

 private:
  int node_;
};

}  // namespace grant::test
