// A tour of Grant: many databases behind plain models. `./dev demo` runs it on SQLite files,
// `./dev demo postgres` on a PostgreSQL primary with two replicas; the program is the same.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "models.hpp"
#include "support/stage.hpp"

namespace {

constexpr auto id = grant::field<&User::id>;
constexpr auto email = grant::field<&User::email>;
constexpr auto name = grant::field<&User::name>;
constexpr auto kind = grant::field<&AnalyticsEvent::kind>;
constexpr auto payload = grant::field<&AnalyticsEvent::payload>;
constexpr auto key = grant::field<&CachedResult::key>;
constexpr auto value = grant::field<&CachedResult::value>;

void chapter(std::string_view title) { fmt::print("\n== {}\n", title); }

/// Prints what was done and which node did it, and why there.
void show(std::string_view what) {
  const auto served = grant::last_served();
  fmt::print("  {:<44} {}\n", what, served ? served->summary() : "nobody");
}

// [establish]
grant::Databases databases() {
  return {
      {"primary",
       {.writer = grant::env("PRIMARY_DATABASE_URL"),
        .readers = {grant::env("PRIMARY_REPLICA_1_URL"), grant::env("PRIMARY_REPLICA_2_URL")},
        .pool = {.max_size = 25,
                 .initial_size = 5,
                 .checkout_timeout = 5s,
                 .retry_attempts = 3,
                 .retry_delay = 200ms},
        .health_check = {.interval = 30s, .timeout = 5s}}},
      {"analytics", {.url = grant::env("ANALYTICS_DATABASE_URL")}},
      {"cache", {.adapter = grant::Adapter::sqlite, .url = "sqlite:cache.db"}},
      {"orders",
       {.shards = {{"us_east", {.url = grant::env("ORDERS_US_EAST_URL")}},
                   {"us_west", {.url = grant::env("ORDERS_US_WEST_URL")}},
                   {"eu", {.url = grant::env("ORDERS_EU_URL")}}}}},
  };
}
// [establish]

void create_tables() {
  User::create_table();
  AnalyticsEvent::create_table();
  CachedResult::create_table();
  for (const auto& shard : grant::registry().shards("orders")) {
    Order::connected_to({.shard = shard}, [] { Order::create_table(); });
  }
}

void print_health() {
  for (const auto& node : grant::registry().health_status()) {
    fmt::print("  {:<22} {:<8} {:<9} {}\n", node.key, to_string(node.kind),
               node.healthy ? "healthy" : "UNHEALTHY", node.last_error);
  }
}

// [records]
void records() {
  chapter("Records: create, find, query, update, delete");
  auto ada = User::create(email = "ada@example.com", name = "Ada");
  show("create ada");
  User::create(email = "bob@example.com");
  show("create bob, who has no name");
  ada = User::find(ada.id);
  show(fmt::format("find {}", *ada.name));
  const auto named = User::where(name == "Ada" && id > 0).order(id.desc()).limit(10).all();
  show(fmt::format("{} user called Ada", named.size()));
  ada.update(name = "Ada Lovelace");
  show("update her name");
  ada.email = "lovelace@example.com";
  ada.save();
  show("save the record");
  User::find_by(email == "bob@example.com")->destroy();
  show("destroy bob");
  fmt::print("  {} user left\n", User::count());

  AnalyticsEvent::create(kind = "visit", payload = nlohmann::json{{"page", "/"}, {"ms", 12}});
  const auto event = AnalyticsEvent::first();
  show(fmt::format("an event on page {}", event->payload.parse()["page"].dump()));
  CachedResult::create(key = "answer", value = grant::Bytes{std::byte{42}});
  show(fmt::format("{} cached result", CachedResult::count()));
}
// [records]

void read_spreading(Stage& stage) {
  chapter("Reads spread over replicas; a session reads its own writes");
  stage.wait_for_replicas();
  const grant::Session visitor;  // one for each request, user or job
  visitor.run([] {
    fmt::print("  the next read: {}\n", grant::explain_route(User::where(id > 0)).summary());
    for (int i = 0; i < 4; ++i) {
      static_cast<void>(User::count());
      show("count users");
    }
    auto user = User::create(email = "grace@example.com");
    show("create grace");
    user = User::find(user.id);
    show("read her back at once");
    User::stick_to_primary(10s);
    static_cast<void>(User::count());
    show("count users, stuck to the primary for 10 s");
  });
  grant::Session().run([] {
    static_cast<void>(User::count());
    show("another session's count");
  });
}

// [contexts]
void contexts() {
  chapter("Contexts: role, database, shard, and no writes");
  const grant::Session session;
  session.run([] {
    User::connected_to({.role = grant::Role::writing}, [] {
      static_cast<void>(User::count());
      show("count in the writing role");
      User::connected_to({.role = grant::Role::reading}, [] {
        static_cast<void>(User::count());
        show("count in the reading role, nested");
      });
    });
    grant::connected_to({.database = "analytics"}, [] {
      User::create_table();
      fmt::print("  users in the analytics database: {}\n", User::count());
    });
    try {
      User::while_preventing_writes([] { User::create(email = "eve@example.com"); });
    } catch (const grant::ReadOnlyError& error) {
      fmt::print("  refused: {}\n", error.what());
    }
    try {
      grant::transaction("primary", [] {
        User::create(email = "rolled@example.com");
        static_cast<void>(User::count());
        show("count inside a transaction");
        throw std::runtime_error("changed my mind");
      });
    } catch (const std::runtime_error& error) {
      fmt::print("  rolled back ({}): exists = {}\n", error.what(),
                 User::where(email == "rolled@example.com").exists());
    }
  });
}
// [contexts]

// [shards]
void shards() {
  chapter("Shards: a record goes home to the one it came from");
  for (const auto& shard : grant::registry().shards("orders")) {
    Order::connected_to({.shard = shard}, [] {
      Order order;
      order.user_id = 1;
      order.total = 9.5;
      order.save();
      show("create an order");
    });
  }
  auto order = Order::connected_to({.shard = "eu"}, [] { return Order::first(); });
  order->paid = true;
  order->save();  // no shard is named here
  show("save the order from eu");
}
// [shards]

void health(Stage& stage) {
  chapter("Health: a replica goes away and comes back");
  auto& registry = grant::registry();
  registry.check_health_now();
  fmt::print("  system healthy: {}\n", registry.system_healthy());
  print_health();

  stage.take_replica_away();
  const grant::Session session;
  session.run([] {
    for (int i = 0; i < 4; ++i) {
      static_cast<void>(User::count());
      show("count with a replica gone");
    }
  });
  registry.check_health_now();
  fmt::print("  system healthy: {}\n", registry.system_healthy());
  print_health();
  if (auto* balancer = registry.load_balancer("primary")) {
    fmt::print("  load balancer: {} of {} replicas\n", balancer->healthy_count(), balancer->size());
  }

  stage.bring_replica_back();
  stage.wait_for_replicas();
  fmt::print("  back: system healthy: {}\n", registry.system_healthy());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Stage stage;
    chapter("Connections, from code and from grant.toml");
    grant::establish_connections(databases());
    create_tables();
    fmt::print("  from code: {} databases\n", grant::registry().databases().size());
    if (argc > 1) {
      grant::establish_connections(grant::load_config(argv[1]));
      fmt::print("  from {}: {} databases\n", argv[1], grant::registry().databases().size());
    }
    records();
    read_spreading(stage);
    contexts();
    shards();
    health(stage);
    grant::close_connections();
    return 0;
  } catch (const grant::Error& error) {
    fmt::print(stderr, "{}: {}\n", to_string(error.code()), error.what());
    return 1;
  }
}
