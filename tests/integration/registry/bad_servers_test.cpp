#include <fmt/format.h>

#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using BadServers = SharedCluster;

/// For servers that answer: a refusal that trying again cannot change ends the wait at once.
ConnectionSpec spec_of_url(std::string url) {
  ConnectionSpec spec;
  spec.url = std::move(url);
  spec.routing.failover_timeout = kPatience;
  spec.health_check.timeout = kPatience;
  spec.health_check.recheck_interval = 50ms;
  return spec;
}

/// For servers that do not.
ConnectionSpec impatient_spec(std::string url) {
  auto spec = spec_of_url(std::move(url));
  spec.routing.failover_timeout = 300ms;
  spec.health_check.timeout = 200ms;
  return spec;
}

/// What a write and a read on such a database end with: the same, and without the password.
ErrorInfo failure_of(const ConnectionSpec& spec) {
  const auto registry = std::make_shared<Registry>(Databases{{"primary", spec}});
  return Session(registry).run([&] {
    const auto read = error_of([] { return Item::count(); });
    auto write = error_of([] { return Item::create(item_name = "no"); });
    EXPECT_EQ(read.code, write.code) << read.message;
    for (const auto& error : {read, write}) {
      EXPECT_THAT(error.message, HasSubstr("primary/writer"));
      EXPECT_THAT(error.message, Not(HasSubstr("secret")));
    }
    registry->check_health_now();
    const auto status = status_of(*registry, "writer");
    EXPECT_FALSE(status.healthy);
    EXPECT_THAT(status.last_error, Not(HasSubstr("secret")));
    return write;
  });
}

std::string url_with(const std::string& user, const std::string& password,
                     const std::string& place) {
  return fmt::format("postgres://{}:{}@{}", user, password, place);
}

TEST_F(BadServers, RefusedConnection) {
  const auto error = failure_of(impatient_spec("postgres://app:app-secret@127.0.0.1:1/app"));
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("Connection refused"));
  EXPECT_THAT(error.message, HasSubstr("nothing was executed"));
}

TEST_F(BadServers, UnreachableHost) {
  // An address that documents may use and nobody has: no route to it, or no answer.
  const auto error = failure_of(impatient_spec("postgres://app:app-secret@192.0.2.1/app"));
  EXPECT_EQ(error.code, Errc::unavailable);
}

TEST_F(BadServers, HostThatDoesNotExist) {
  const auto error =
      failure_of(impatient_spec("postgres://app:app-secret@no-such-host.invalid/app"));
  EXPECT_EQ(error.code, Errc::unavailable);
}

TEST_F(BadServers, HungHost) {
  const Hung hung(cluster(), 0);
  ErrorInfo error;
  const auto took = duration_of([&] { error = failure_of(impatient_spec(cluster().url(0))); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("no answer to the connection attempt within "));
  EXPECT_LT(took, 5s);
}

TEST_F(BadServers, WrongPassword) {
  const auto place = fmt::format("127.0.0.1:{}/app", cluster().port(0));
  const auto error = failure_of(spec_of_url(url_with("app", "wrong-secret", place)));
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_EQ(error.sqlstate, "28P01");
  EXPECT_THAT(error.message, HasSubstr("password authentication failed for user \"app\""));
}

TEST_F(BadServers, UnknownUser) {
  const auto place = fmt::format("127.0.0.1:{}/app", cluster().port(0));
  const auto error = failure_of(spec_of_url(url_with("nobody", "some-secret", place)));
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("\"nobody\""));
}

TEST_F(BadServers, UnknownDatabase) {
  const auto place = fmt::format("127.0.0.1:{}/nowhere", cluster().port(0));
  const auto error = failure_of(spec_of_url(url_with("app", "app-secret", place)));
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_EQ(error.sqlstate, "3D000");
  EXPECT_THAT(error.message, HasSubstr("database \"nowhere\" does not exist"));
}

TEST_F(BadServers, ServerWithoutTheTlsThatTheUrlDemands) {
  // A certificate of the right authority for another name.
  const auto error = failure_of(spec_of_url(fmt::format(
      "postgres://app:app-secret@127.0.0.2:{}/app?sslmode=verify-full&hostaddr=127.0.0.1"
      "&sslrootcert={}",
      cluster().port(0), cluster().authority())));
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("certificate"));
}

TEST_F(BadServers, BrokenReaderHarmsNobody) {
  auto spec = spec_of(cluster(), {1});
  spec.readers.emplace_back(
      "postgres://app:wrong-secret@127.0.0.1:" + std::to_string(cluster().port(2)) + "/app");
  spec.readers.emplace_back("postgres://app:app-secret@127.0.0.1:1/app");
  const auto registry = connect(spec);
  ASSERT_TRUE(eventually([&] {
    registry->check_health_now();
    return is_level(status_of(*registry, "reader-1"));
  }));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(server_of_a_read(registry), "reader-1");
  EXPECT_FALSE(registry->system_healthy());
  EXPECT_THAT(status_of(*registry, "reader-2").last_error, HasSubstr("password authentication"));
  EXPECT_THAT(status_of(*registry, "reader-3").last_error, HasSubstr("Connection refused"));
}

TEST_F(BadServers, UnknownNames) {
  const auto registry = connect(spec_of(cluster()));
  Session(registry).run([] {
    const auto database =
        error_of([] { connected_to({.database = "elsewhere"}, [] { return Item::count(); }); });
    EXPECT_EQ(database.code, Errc::invalid_argument);
    EXPECT_EQ(database.message, "no database \"elsewhere\"; there are: primary");
    const auto shard =
        error_of([] { connected_to({.shard = "eu"}, [] { return Item::count(); }); });
    EXPECT_EQ(shard.code, Errc::invalid_argument);
    EXPECT_EQ(shard.message, "database \"primary\" has no shard \"eu\"; it has: default");
  });
}

}  // namespace
}  // namespace grant::test
