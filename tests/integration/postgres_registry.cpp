#include "integration/postgres_registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "support/shared_server.hpp"

namespace grant::test {
PostgresCluster& cluster() {
  auto& servers = SharedServer<PostgresCluster, 2>::get();
  static const bool prepared = [&servers] {
    const Session session(connect(spec_of(servers)));
    session.run([] { Item::create_table(); });
    return true;
  }();
  static_cast<void>(prepared);
  return servers;
}

ConnectionSpec spec_of(const PostgresCluster& servers, const std::vector<int>& readers) {
  ConnectionSpec spec;
  spec.writer = servers.url(0);
  for (const int reader : readers) spec.readers.emplace_back(servers.url(reader));
  spec.health_check.interval = 1h;
  spec.health_check.recheck_interval = 50ms;
  return spec;
}

std::shared_ptr<Registry> connect(const ConnectionSpec& spec, EventSink events) {
  RegistryOptions options;
  options.events = std::move(events);
  auto registry = std::make_shared<Registry>(Databases{{"primary", spec}}, std::move(options));
  // The second probe of a node begins when its pool has been warmed up.
  registry->check_health_now();
  registry->check_health_now();
  return registry;
}

bool is_level(const NodeStatus& node) {
  return node.lag_bytes == 0U && node.lag && *node.lag < std::chrono::milliseconds(500);
}

void wait_for_replicas(Registry& registry) {
  const auto level = [&registry] {
    registry.check_health_now();
    const auto all = registry.health_status();
    return std::ranges::all_of(all, [](const NodeStatus& node) {
      return node.healthy && (node.kind != NodeKind::replica || is_level(node));
    });
  };
  ASSERT_TRUE(eventually(level));
}

NodeStatus status_of(const Registry& registry, const std::string& name) {
  for (auto& status : registry.health_status()) {
    if (status.key == "primary/" + name) return status;
  }
  throw std::runtime_error("no node " + name);
}

std::string server() {
  const auto served = last_served();
  if (!served) return "nobody";
  return served->node.substr(served->node.find('/') + 1);
}

RouteReason reason() {
  const auto served = last_served();
  return served ? served->reason : RouteReason::no_primary;
}

std::string server_of_a_read(const std::shared_ptr<Registry>& registry) {
  const Session session(registry);
  return session.run([] {
    static_cast<void>(Item::count());
    return server();
  });
}

int rows_on(PostgresCluster& servers, int node, const std::string& name) {
  return std::stoi(
      servers.sql(node, fmt::format("select count(*) from items where name = '{}'", name)));
}

int sleepers_on(PostgresCluster& servers, int node) {
  return std::stoi(
      servers.sql(node, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"));
}

void wake_sleepers(PostgresCluster& servers, int node) {
  servers.sql(node,
              "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'");
}

void SharedCluster::SetUp() { cluster().sql(0, "truncate items"); }

}  // namespace grant::test
