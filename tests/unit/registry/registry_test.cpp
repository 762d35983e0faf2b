#include "grant/registry/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <thread>

#include "grant/query/raw_sql.hpp"
#include "grant/testing/simulation.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/nodes.hpp"
#include "unit/registry/registry_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::eventually;
using test::Servers;
using test::spec;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ErrorInfo refusal(const Databases& databases) {
  return error_of([&] { return Registry(databases).clock().now(); });
}

ErrorInfo refusal_of(const ConnectionSpec& bad) { return refusal({{"shop", bad}}); }

/// What is said of the database "shop" after `change`.
std::string complaint(const std::function<void(ConnectionSpec&)>& change) {
  const Servers servers;
  auto changed = spec("writer");
  change(changed);
  const auto error = refusal_of(changed);
  EXPECT_EQ(error.code, Errc::configuration);
  return error.message;
}

std::string complaint_of_url(const std::string& url) {
  return complaint([&](ConnectionSpec& s) { s.writer = url; });
}

// -- Refusals ---------------------------------------------------------------------------------

TEST(RegistrySetUp, RefusesAnUnknownAdapter) {
  EXPECT_THAT(complaint_of_url("oracle://ada:secret@host/db"),
              AllOf(HasSubstr("node \"shop/writer\""), HasSubstr("adapter"), HasSubstr("postgres"),
                    Not(HasSubstr("secret"))));
}

TEST(RegistrySetUp, RefusesAMalformedUrlWithoutShowingItsPassword) {
  EXPECT_THAT(
      complaint_of_url("mariadb://ada:secret@host:99999/db"),
      AllOf(HasSubstr("node \"shop/writer\""), HasSubstr("port"), Not(HasSubstr("secret"))));
}

TEST(RegistrySetUp, ShowsNoNameThatIsAUrl) {
  const auto error = error_of([] {
    const Registry registry({{"postgres://app:hunter2@h/d", spec("a")}});
  });
  EXPECT_THAT(error.message, ::testing::Not(::testing::HasSubstr("hunter2")));
  EXPECT_THAT(error.message, ::testing::HasSubstr("a URL"));
}

TEST(RegistrySetUp, RefusesAUrlOfAnotherAdapter) {
  EXPECT_EQ(complaint([](ConnectionSpec& s) { s.adapter = Adapter::sqlite; }),
            "node \"shop/writer\": its URL is for mariadb, but the adapter is sqlite");
}

TEST(RegistrySetUp, NamesTheNodeAndTheComponentOfAMissingDriver) {
  EXPECT_THAT(complaint_of_url("postgres://host/db"),
              AllOf(HasSubstr("node \"shop/writer\""), HasSubstr("grant::postgres")));
}

TEST(RegistrySetUp, RefusesADatabaseWithoutNodes) {
  EXPECT_EQ(complaint([](ConnectionSpec& s) { s.writer = {}; }),
            "database \"shop\": it has no url, writer or readers");
  EXPECT_EQ(complaint([](ConnectionSpec& s) {
              s.writer = {};
              s.shards.emplace_back("eu", ShardSpec{});
            }),
            "database \"shop@eu\": it has no url, writer or readers");
}

TEST(RegistrySetUp, RefusesAUrlThatIsNull) {
  const char* const not_set = nullptr;
  EXPECT_THAT(complaint([&](ConnectionSpec& s) { s.writer = not_set; }),
              HasSubstr("node \"shop/writer\""));
  EXPECT_THAT(complaint([&](ConnectionSpec& s) { s.readers = {UrlSource(not_set)}; }),
              HasSubstr("node \"shop/reader-1\""));
}

TEST(RegistrySetUp, RefusesUrlTogetherWithWriter) {
  EXPECT_THAT(complaint([](ConnectionSpec& s) { s.url = "mariadb://other/db"; }),
              HasSubstr("database \"shop\": url and writer are both given"));
}

TEST(RegistrySetUp, RefusesNodesBesideShards) {
  ShardSpec eu;
  eu.url = "mariadb://eu/db";
  EXPECT_THAT(complaint([&](ConnectionSpec& s) { s.shards.emplace_back("eu", eu); }),
              HasSubstr("database \"shop\": it has shards"));
}

TEST(RegistrySetUp, RefusesNamesThatAreThereTwice) {
  const Servers servers;
  EXPECT_EQ(refusal({{"shop", spec("a")}, {"shop", spec("b")}}).message,
            "database \"shop\": it is there twice");
  ShardSpec eu;
  eu.url = "mariadb://eu/db";
  EXPECT_EQ(complaint([&](ConnectionSpec& s) {
              s.writer = {};
              s.shards = {{"eu", eu}, {"eu", eu}};
            }),
            "database \"shop\": shard \"eu\" is there twice");
}

TEST(RegistrySetUp, RefusesNamesThatWouldBeAmbiguous) {
  const Servers servers;
  for (const std::string name : {"", "a b", "a@b", "a/b", "a.b", "\xc3\xa4"}) {
    EXPECT_THAT(refusal({{name, spec("a")}}).message,
                HasSubstr("\"" + name + "\" cannot be the name of a database"));
    ShardSpec shard;
    shard.url = "mariadb://eu/db";
    EXPECT_THAT(complaint([&](ConnectionSpec& s) {
                  s.writer = {};
                  s.shards.emplace_back(name, shard);
                }),
                HasSubstr("\"" + name + "\" cannot be the name of a shard"));
  }
}

TEST(RegistrySetUp, RefusesTwoNodesOfOneName) {
  const auto near = [](const char* host) {
    return UrlSource(std::string("mariadb://") + host + "/db").named("near");
  };
  EXPECT_EQ(complaint([&](ConnectionSpec& s) {
              s.readers = {near("a"), near("b")};
            }),
            "database \"shop\": two of its nodes are named \"near\"");
  EXPECT_EQ(complaint([&](ConnectionSpec& s) {
              s.writer = near("a");
              s.readers = {near("b")};
            }),
            "database \"shop\": two of its nodes are named \"near\"");
  EXPECT_EQ(complaint([&](ConnectionSpec& s) {
              s.writer = {};
              s.shards = {{"eu", {.url = near("a"), .writer = {}, .readers = {near("b")}}}};
            }),
            "database \"shop@eu\": two of its nodes are named \"near\"");
}

TEST(RegistrySetUp, CallsANodeInRefusalsByItsName) {
  EXPECT_EQ(complaint([](ConnectionSpec& s) {
              s.readers = {UrlSource("mariadb://r/db?colour=red").named("near")};
            }),
            "node \"shop/near\": unknown URL parameter colour");
  EXPECT_THAT(complaint([](ConnectionSpec& s) { s.readers = {UrlSource("").named("near")}; }),
              HasSubstr("node \"shop/near\": "));
}

TEST(RegistrySetUp, TakesAnyNumberOfNodes) {
  const Servers servers;
  auto many = spec("writer");
  for (int i = 0; i < 300; ++i)
    many.readers.emplace_back("mariadb://r" + std::to_string(i) + "/db");
  servers.is("writer", NodeKind::primary);
  for (int i = 0; i < 300; ++i) servers.is("r" + std::to_string(i), NodeKind::replica);
  const auto registry = std::make_shared<Registry>(Databases{{"shop", many}});
  registry->check_health_now();
  EXPECT_EQ(registry->cluster("shop")->topology().members().size(), 301U);
  std::set<std::string> served;
  const Session session(registry);
  for (int i = 0; i < 300; ++i) {
    session.run([] { sql("SELECT").on("shop").read().run(); });
    served.insert(session.last_served()->node);
  }
  EXPECT_EQ(served.size(), 300U);
}

TEST(RegistrySetUp, NamesAnEnvironmentVariableThatIsMissing) {
  ::unsetenv("GRANT_TEST_MISSING");
  EXPECT_EQ(complaint([](ConnectionSpec& s) { s.readers = {env("GRANT_TEST_MISSING")}; }),
            "node \"shop/reader-1\": environment variable GRANT_TEST_MISSING is not set");
}

TEST(RegistrySetUp, RefusesOptionsThatAreNotValid) {
  EXPECT_THAT(complaint([](ConnectionSpec& s) { s.pool.max_size = 0; }),
              HasSubstr("database \"shop\": pool.max_size"));
  EXPECT_THAT(complaint([](ConnectionSpec& s) { s.health_check.timeout = 0ms; }),
              HasSubstr("database \"shop\": health_check.timeout"));
  EXPECT_THAT(complaint([](ConnectionSpec& s) { s.routing.sticky_period = -1ms; }),
              HasSubstr("database \"shop\": sticky_period"));
}

TEST(RegistrySetUp, RefusesUrlParametersThatNobodyKnows) {
  EXPECT_EQ(complaint_of_url("mariadb://ada:secret@host/db?colour=red"),
            "node \"shop/writer\": unknown URL parameter colour");
}

TEST(RegistrySetUp, RefusesPoolParametersThatAreNotWhatTheyShouldBe) {
  EXPECT_EQ(complaint_of_url("mariadb://host/db?max_pool_size=many"),
            "node \"shop/writer\": URL parameter max_pool_size must be a whole number, but it is "
            "\"many\"");
  EXPECT_THAT(complaint_of_url("mariadb://host/db?initial_pool_size=-1"),
              HasSubstr("initial_pool_size must be a whole number"));
  EXPECT_THAT(complaint_of_url("mariadb://host/db?retry_attempts=2x"),
              HasSubstr("retry_attempts must be a whole number"));
  EXPECT_THAT(complaint_of_url("mariadb://host/db?checkout_timeout=5"),
              HasSubstr("checkout_timeout must be a duration"));
  EXPECT_THAT(complaint_of_url("mariadb://host/db?retry_delay=soon"),
              HasSubstr("retry_delay must be a duration"));
  EXPECT_THAT(complaint_of_url("mariadb://host/db?max_pool_size=0"),
              HasSubstr("node \"shop/writer\": pool.max_size must be at least 1"));
}

// -- What comes of a configuration ------------------------------------------------------------

TEST(Registry, UrlParametersComeBeforeThePoolsOptions) {
  Servers servers;
  auto shop = spec("");
  shop.writer =
      "mariadb://writer/db?max_pool_size=3&initial_pool_size=0&checkout_timeout=40ms"
      "&retry_attempts=6&retry_delay=2ms&min_idle=1&idle_timeout=3s&max_lifetime=4m"
      "&keepalive=5s&verify_idle=6s&max_waiters=7&leak_threshold=8s";
  shop.readers = {"mariadb://reader/db"};
  shop.pool.max_size = 9;
  const Registry registry({{"shop", shop}}, servers.options());
  const auto cluster = registry.cluster("shop");
  PoolOptions expected;
  expected.max_size = 3;
  expected.initial_size = 0;
  expected.checkout_timeout = 40ms;
  expected.retry_attempts = 6;
  expected.retry_delay = 2ms;
  expected.min_idle = 1;
  expected.idle_timeout = 3s;
  expected.max_lifetime = 4min;
  expected.keepalive = 5s;
  expected.verify_idle = 6s;
  expected.max_waiters = 7;
  expected.leak_threshold = 8s;
  EXPECT_EQ(test::node_of(*cluster, 0).pool().options(), expected);
  EXPECT_EQ(test::node_of(*cluster, 1).pool().options(), shop.pool);
}

TEST(Registry, PoolUrlCanBeReadBackButForThePassword) {
  Servers servers;
  auto shop = spec("");
  shop.url = "mariadb://ada:secret@writer/db?max_pool_size=3";
  const Registry registry({{"shop", shop}}, servers.options());
  const auto url = test::node_of(*registry.cluster("shop"), 0).pool_url();
  EXPECT_THAT(url, Not(HasSubstr("secret")));
  auto again = spec("");
  again.url = url;
  const Registry second({{"shop", again}}, servers.options());
  EXPECT_EQ(test::node_of(*second.cluster("shop"), 0).pool().options(),
            test::node_of(*registry.cluster("shop"), 0).pool().options());
}

TEST(Registry, NamesNodesAfterDatabaseShardAndPlace) {
  Servers servers;
  auto orders = spec("");
  ShardSpec eu;
  eu.writer = "mariadb://eu/db";
  eu.readers = {"mariadb://eu1/db", "mariadb://eu2/db"};
  orders.shards = {{"eu", eu}};
  const Registry registry({{"shop", spec("w", {"r"})}, {"orders", orders}}, servers.options());
  std::vector<std::string> keys;
  for (const auto& node : registry.health_status()) keys.push_back(node.key);
  EXPECT_THAT(keys, ElementsAre("shop/writer", "shop/reader-1", "orders@eu/writer",
                                "orders@eu/reader-1", "orders@eu/reader-2"));
}

TEST(Registry, CallsANodeByTheNameThatTheUserGave) {
  Servers servers;
  servers.is("w", NodeKind::primary);
  servers.is("r", NodeKind::replica);
  auto shop = spec("w", {"r", "q"});
  shop.writer = shop.writer.named("main");
  shop.readers[0] = shop.readers[0].named("eu-1");
  auto orders = spec("");
  orders.shards = {{"eu", {.url = UrlSource("mariadb://eu/db").named("eu-1")}},
                   {"us", {.url = UrlSource("mariadb://us/db").named("eu-1")}}};
  const auto registry =
      std::make_shared<Registry>(Databases{{"shop", shop}, {"orders", orders}}, servers.options());
  std::vector<std::string> keys;
  for (const auto& node : registry->health_status()) keys.push_back(node.key);
  EXPECT_THAT(keys, ElementsAre("shop/main", "shop/eu-1", "shop/reader-1", "orders@eu/eu-1",
                                "orders@us/eu-1"));
  registry->check_health_now();
  EXPECT_THAT(
      servers.events.lines(),
      ::testing::Contains(::testing::StartsWith("node.healthy node=shop/eu-1 kind=replica")));
  const Session session(registry);
  session.run([] { sql("SELECT").on("shop").read().run(); });
  EXPECT_EQ(session.last_served()->node, "shop/eu-1");
}

TEST(Registry, GivesNoNodeANameThatTheUserGaveToAnother) {
  Servers servers;
  auto shop = spec("w", {"a", "b"});
  shop.readers[0] = shop.readers[0].named("writer");
  shop.readers.push_back(UrlSource("mariadb://c/db").named("reader-1"));
  const Registry registry({{"shop", shop}}, servers.options());
  std::vector<std::string> keys;
  for (const auto& node : registry.health_status()) keys.push_back(node.key);
  EXPECT_THAT(keys, ElementsAre("shop/writer-2", "shop/writer", "shop/reader-2", "shop/reader-1"));
}

TEST(Registry, KeepsTheOrderOfDatabasesAndShards) {
  Servers servers;
  ShardSpec shard;
  shard.url = "mariadb://s/db";
  auto orders = spec("");
  orders.shards = {{"us", shard}, {"eu", shard}, {"asia", shard}};
  const Registry registry({{"zebra", spec("z")}, {"orders", orders}, {"ant", spec("a")}},
                          servers.options());
  EXPECT_THAT(registry.databases(), ElementsAre("zebra", "orders", "ant"));
  EXPECT_THAT(registry.shards("orders"), ElementsAre("us", "eu", "asia"));
  EXPECT_THAT(registry.shards("ant"), ElementsAre("default"));
}

TEST(Registry, ReadersAreOpenedForReading) {
  Servers servers;
  const Registry registry({{"shop", spec("w", {"r"})}}, servers.options());
  EXPECT_EQ(test::node_of(*registry.cluster("shop"), 0).target().access, Effect::write);
  EXPECT_EQ(test::node_of(*registry.cluster("shop"), 1).target().access, Effect::read);
}

TEST(Registry, AsksAUrlFunctionOnce) {
  Servers servers;
  int asked = 0;
  auto shop = spec("");
  shop.url = [&asked] {
    ++asked;
    return std::string("mariadb://writer/db");
  };
  EXPECT_EQ(asked, 0);
  const Registry registry({{"shop", shop}}, servers.options());
  EXPECT_EQ(asked, 1);
}

TEST(Registry, UnknownNamesAreAnsweredWithTheOnesThereAre) {
  Servers servers;
  ShardSpec shard;
  shard.url = "mariadb://s/db";
  auto orders = spec("");
  orders.shards = {{"us", shard}, {"eu", shard}};
  const Registry registry({{"shop", spec("w")}, {"orders", orders}}, servers.options());
  const auto database = error_of([&] { return registry.cluster("shpo"); });
  EXPECT_EQ(database.code, Errc::invalid_argument);
  EXPECT_EQ(database.message, "no database \"shpo\"; there are: shop, orders");
  const auto without = error_of([&] { return registry.cluster("orders", "asia"); });
  EXPECT_EQ(without.code, Errc::invalid_argument);
  EXPECT_EQ(without.message, "database \"orders\" has no shard \"asia\"; it has: us, eu");
  EXPECT_EQ(error_of([&] { return registry.shards("x"); }).code, Errc::invalid_argument);
  EXPECT_EQ(error_of([&] { return registry.load_balancer("x"); }).code, Errc::invalid_argument);
}

TEST(Registry, IsHealthyOnceEveryNodeAnswered) {
  Servers servers;
  servers.is("w", NodeKind::primary).connecting.shut();
  servers.is("r", NodeKind::replica);
  Registry registry({{"shop", spec("w", {"r"})}}, servers.options());
  EXPECT_FALSE(registry.system_healthy());
  servers.driver.server("w").connecting.open();
  registry.check_health_now();
  EXPECT_TRUE(registry.system_healthy());
  servers.driver.server("r").observe(std::nullopt);
  registry.check_health_now();
  EXPECT_FALSE(registry.system_healthy());
  EXPECT_EQ(registry.load_balancer("shop")->healthy_count(), 0U);
}

// -- Closing ----------------------------------------------------------------------------------

Rows select(const std::shared_ptr<Registry>& registry) {
  return Session(registry).run([] { return sql("SELECT 1").on("shop").read().run(); });
}

TEST(RegistryClose, LetsQueriesUnderWayEndAndRefusesNewOnes) {
  Servers servers;
  auto& server = servers.is("w", NodeKind::primary);
  const auto registry =
      std::make_shared<Registry>(Databases{{"shop", spec("w")}}, servers.options());
  registry->check_health_now();
  server.answering.shut();
  std::thread query([&] { EXPECT_TRUE(select(registry).empty()); });
  EXPECT_TRUE(eventually([&] { return server.answering.held() == 1; }));

  std::atomic<bool> returned = false;
  std::thread closer([&] {
    registry->close(60s);
    returned = true;
  });
  EXPECT_TRUE(eventually([&] { return registry->cluster("shop")->closed(); }));
  EXPECT_EQ(error_of([&] { return select(registry); }).code, Errc::closed);
  EXPECT_FALSE(returned);
  server.answering.open();
  query.join();
  closer.join();
  EXPECT_EQ(server.open(), 0U);
}

TEST(RegistryClose, WaitsNoLongerThanDrain) {
  Servers servers;
  auto& server = servers.is("w", NodeKind::primary);
  const auto registry =
      std::make_shared<Registry>(Databases{{"shop", spec("w")}}, servers.options());
  registry->check_health_now();
  auto lease = run(test::node_of(*registry->cluster("shop"), 0).pool().acquire(test::blocking()));
  registry->close(5ms);
  EXPECT_EQ(server.open(), 1U);
  lease = {};
  EXPECT_EQ(server.open(), 0U);
}

TEST(RegistryClose, MayBeRepeated) {
  Servers servers;
  servers.is("w", NodeKind::primary);
  Registry registry({{"shop", spec("w")}}, servers.options());
  registry.close();
  registry.close();
  registry.check_health_now();
}

TEST(RegistryClose, EndsTheProbesWhileSomebodyWaitsForThem) {
  Servers servers;
  auto& server = servers.is("w", NodeKind::primary);
  auto shop = spec("w");
  // So long that the events are over in any case, should closing not end them.
  shop.health_check.timeout = 10s;
  const auto registry = std::make_shared<Registry>(Databases{{"shop", shop}}, servers.options());
  registry->check_health_now();
  server.observe(std::nullopt);
  server.probing.shut();
  std::thread checks([&] { registry->check_health_now(); });
  EXPECT_TRUE(eventually([&] { return server.probing.held() == 1; }));
  registry->close();
  EXPECT_EQ(server.probing.held(), 0U);
  const auto events = servers.events.lines();
  server.probing.open();
  checks.join();
  EXPECT_EQ(servers.events.lines(), events);
}

TEST(RegistryClose, EndsWhileANodeHangs) {
  Servers servers;
  servers.is("w", NodeKind::primary).connecting.shut();
  const auto began = Clock::system().now();
  {
    const Registry registry({{"shop", spec("w")}}, servers.options());
    EXPECT_TRUE(eventually([&] { return servers.driver.server("w").connecting.held() == 1; }));
  }
  EXPECT_LT(Clock::system().now() - began, 20s);
}

// -- The one that is used where none is named -------------------------------------------------

TEST(GlobalRegistry, IsMissingUntilItIsSetUp) {
  close_connections();
  EXPECT_EQ(error_of([] { return shared_registry(); }).code, Errc::configuration);
  const auto error = error_of([] { return &registry(); });
  EXPECT_THAT(error.message, HasSubstr("grant::establish_connections()"));
}

TEST(GlobalRegistry, IsTheSameOneHoweverOftenItIsSetUp) {
  Servers servers;
  establish_connections({{"first", spec("w")}}, servers.options());
  auto& first = registry();
  establish_connections({{"second", spec("w")}}, servers.options());
  EXPECT_EQ(&registry(), &first);
  EXPECT_EQ(shared_registry().get(), &first);
  EXPECT_THAT(first.databases(), ElementsAre("second"));
  close_connections();
  EXPECT_THROW(static_cast<void>(registry()), ConfigurationError);
  EXPECT_THROW(static_cast<void>(first.databases()), ConfigurationError);
  establish_connections({{"third", spec("w")}}, servers.options());
  EXPECT_THAT(first.databases(), ElementsAre("third"));
  close_connections();
}

/// Has no thread for anything.
class Exhausted final : public io::Runtime {
 public:
  [[nodiscard]] TimePoint now() const noexcept override { return TimePoint{}; }
  [[nodiscard]] std::uint64_t random_bits() noexcept override { return 0; }
  void start(std::function<void(io::Loop& loop)> /*begin*/) override { refuse(); }
  void post(std::function<void()> /*work*/) override { refuse(); }
  void call_at(TimePoint /*time*/, std::function<void()> /*function*/) override {}

 private:
  [[noreturn]] static void refuse() { throw_error(Errc::unavailable, "no thread is left"); }
};

TEST(GlobalRegistry, StaysWhereThereIsNoThreadForTheNextOne) {
  Servers servers;
  servers.is("w", NodeKind::primary);
  establish_connections({{"first", spec("w")}}, servers.options());
  Exhausted runtime;
  bool told = false;
  const RegistryOptions options{servers.clock, [&told](const Event&) { told = true; }, runtime};
  const auto error = error_of([&] { establish_connections({{"second", spec("v")}}, options); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(registry().databases(), ElementsAre("first"));
  servers.is("w", NodeKind::replica);
  registry().check_health_now();
  EXPECT_THAT(servers.events.lines(),
              ::testing::Contains("node.healthy node=first/writer kind=replica"));
  EXPECT_FALSE(told);
  close_connections();
}

TEST(GlobalRegistry, SaysThatItIsNotSetUpAnyMore) {
  Servers servers;
  establish_connections({{"first", spec("w")}}, servers.options());
  const auto& kept = registry();
  EXPECT_EQ(&kept.clock(), &servers.clock);
  close_connections();
  EXPECT_THROW(static_cast<void>(kept.clock()), ConfigurationError);
  EXPECT_THROW(static_cast<void>(kept.databases()), ConfigurationError);
  EXPECT_THROW(static_cast<void>(kept.health_status()), ConfigurationError);
  EXPECT_THROW(static_cast<void>(kept.cluster("first")), ConfigurationError);
}

TEST(GlobalRegistry, StaysWhenTheNextOneIsRefused) {
  Servers servers;
  establish_connections({{"first", spec("w")}}, servers.options());
  EXPECT_THROW(establish_connections({{"bad name", spec("w")}}), ConfigurationError);
  EXPECT_THAT(registry().databases(), ElementsAre("first"));
  EXPECT_FALSE(registry().cluster("first")->closed());
  close_connections();
}

TEST(RegistryTest, TellsOnceOfAFileThatOthersCanReadOrWrite) {
  Servers servers;
  auto one = spec("a");
  one.file = {.name = "grant.toml", .shows_secrets = true};
  auto two = spec("b");
  two.file = one.file;
  auto safe = spec("c");
  safe.file = {.name = "other.toml"};
  const Registry registry({{"one", one}, {"two", two}, {"safe", safe}}, servers.options());
  const auto events = servers.events.lines();
  EXPECT_EQ(
      std::ranges::count_if(events, [](const auto& line) { return line.starts_with("config."); }),
      1);
  EXPECT_THAT(events, ::testing::Contains("config.exposed file=grant.toml password_readable=true "
                                          "writable=false"));
}

/// Work in the background goes on for a while, in simulated time, before whoever starts it does.
class Hasty final : public io::Runtime {
 public:
  [[nodiscard]] const Clock& clock() const noexcept { return simulation_.clock(); }
  [[nodiscard]] TimePoint now() const noexcept override { return simulation_.now(); }
  [[nodiscard]] std::uint64_t random_bits() noexcept override { return simulation_.random_bits(); }
  void start(std::function<void(io::Loop& loop)> begin) override {
    simulation_.start(std::move(begin));
    simulation_.run_for(1s);
  }
  void post(std::function<void()> work) override { simulation_.post(std::move(work)); }
  void call_at(TimePoint time, std::function<void()> function) override {
    simulation_.call_at(time, std::move(function));
  }
  void run_out() { simulation_.run_for(1s); }

 private:
  testing::Simulation simulation_{1};
};

TEST(RegistryTest, TellsOfWhatTheProbesSeeBeforeItIsMade) {
  Servers servers;
  servers.is("w", NodeKind::primary);
  Hasty runtime;
  const RegistryOptions options{runtime.clock(), servers.options().events, runtime};
  auto registry = std::make_unique<Registry>(Databases{{"shop", spec("w")}}, options);
  EXPECT_THAT(servers.events.lines(),
              ::testing::Contains(::testing::StartsWith("node.healthy node=shop/writer")));
  for (const auto& node : registry->health_status()) EXPECT_TRUE(node.healthy);
  registry->close(0ms);
  runtime.run_out();  // the probes end
}

}  // namespace
}  // namespace grant
