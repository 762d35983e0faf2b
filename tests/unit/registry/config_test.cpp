#include "grant/registry/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/error_of.hpp"
#include "support/temporary_directory.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// The database "d" with these lines.
ConnectionSpec parsed(const std::string& lines) {
  return parse_config("[databases.d]\n" + lines, "test.toml").at(0).second;
}

/// What is wrong with a file.
std::string complaint_of_file(const std::string& text) {
  const auto error = test::error_of([&] { return parse_config(text, "test.toml"); });
  EXPECT_EQ(error.code, Errc::configuration);
  return error.message;
}

/// What is wrong with one line of the database "d". It is line 2.
std::string complaint(const std::string& line) {
  return complaint_of_file("[databases.d]\n" + line);
}

bool is(const UrlSource& node, const std::string& name, const std::string& url) {
  return node.name() == name && node.get() == url;
}

struct Setting {
  std::string line;
  std::function<bool(const ConnectionSpec&)> took;
};

TEST(Config, EveryKeyIsTakenIn) {
  using Spec = ConnectionSpec;
  const std::vector<Setting> settings{
      {"adapter = 'sqlite'", [](const Spec& s) { return s.adapter == Adapter::sqlite; }},
      {"adapter = 'postgresql'", [](const Spec& s) { return s.adapter == Adapter::postgres; }},
      {"url = 'sqlite:a.db'", [](const Spec& s) { return s.url.get() == "sqlite:a.db"; }},
      {"writer = 'sqlite:w.db'", [](const Spec& s) { return s.writer.get() == "sqlite:w.db"; }},
      {"readers = ['sqlite:r.db', 'sqlite:q.db']",
       [](const Spec& s) {
         return s.readers.size() == 2 && s.readers[0].get() == "sqlite:r.db" &&
                s.readers[1].get() == "sqlite:q.db";
       }},
      {"strategy = 'least_connections'",
       [](const Spec& s) { return s.routing.strategy == Strategy::least_connections; }},
      {"strategy = 'random'", [](const Spec& s) { return s.routing.strategy == Strategy::random; }},
      {"replica_lag_threshold = '250ms'",
       [](const Spec& s) { return s.routing.replica_lag_threshold == 250ms; }},
      {"replica_lag_threshold = 'none'",
       [](const Spec& s) { return !s.routing.replica_lag_threshold; }},
      {"failover_retry_attempts = 7",
       [](const Spec& s) { return s.routing.failover_retry_attempts == 7; }},
      {"failover_timeout = '2m'", [](const Spec& s) { return s.routing.failover_timeout == 2min; }},
      {"sticky_period = '0s'", [](const Spec& s) { return s.routing.sticky_period == 0s; }},
      {"on_no_replica = 'fail'",
       [](const Spec& s) { return s.routing.on_no_replica == OnNoReplica::fail; }},
      {"on_no_replica = 'primary'",
       [](const Spec& s) { return s.routing.on_no_replica == OnNoReplica::primary; }},
      {"allow_stale = true", [](const Spec& s) { return s.routing.allow_stale; }},
      {"pool.max_size = 3", [](const Spec& s) { return s.pool.max_size == 3; }},
      {"pool.initial_size = 1", [](const Spec& s) { return s.pool.initial_size == 1; }},
      {"pool.checkout_timeout = '1s'", [](const Spec& s) { return s.pool.checkout_timeout == 1s; }},
      {"pool.retry_attempts = 4", [](const Spec& s) { return s.pool.retry_attempts == 4; }},
      {"pool.retry_delay = '9ms'", [](const Spec& s) { return s.pool.retry_delay == 9ms; }},
      {"pool.min_idle = 5", [](const Spec& s) { return s.pool.min_idle == 5; }},
      {"pool.idle_timeout = '2m'", [](const Spec& s) { return s.pool.idle_timeout == 2min; }},
      {"pool.max_lifetime = '1h'", [](const Spec& s) { return s.pool.max_lifetime == 1h; }},
      {"pool.keepalive = '3m'", [](const Spec& s) { return s.pool.keepalive == 3min; }},
      {"pool.verify_idle = '0s'", [](const Spec& s) { return s.pool.verify_idle == 0s; }},
      {"pool.max_waiters = 6", [](const Spec& s) { return s.pool.max_waiters == 6; }},
      {"pool.leak_threshold = '10s'", [](const Spec& s) { return s.pool.leak_threshold == 10s; }},
      {"health_check.interval = '7s'", [](const Spec& s) { return s.health_check.interval == 7s; }},
      {"health_check.timeout = '8s'", [](const Spec& s) { return s.health_check.timeout == 8s; }},
      {"health_check.recheck_interval = '9s'",
       [](const Spec& s) { return s.health_check.recheck_interval == 9s; }},
      {"health_check.failure_threshold = 3",
       [](const Spec& s) { return s.health_check.failure_threshold == 3; }},
      {"health_check.recovery_threshold = 4",
       [](const Spec& s) { return s.health_check.recovery_threshold == 4; }},
      {"shards.eu.url = 'sqlite:eu.db'",
       [](const Spec& s) {
         return s.shards.at(0).first == "eu" && s.shards[0].second.url.get() == "sqlite:eu.db";
       }},
      {"shards.eu = { writer = 'sqlite:w.db', readers = ['sqlite:r.db'] }",
       [](const Spec& s) {
         const auto& eu = s.shards.at(0).second;
         return eu.writer.get() == "sqlite:w.db" && eu.readers.at(0).get() == "sqlite:r.db";
       }},
      {"url = { name = 'eu-1', url = 'sqlite:a.db' }",
       [](const Spec& s) { return is(s.url, "eu-1", "sqlite:a.db"); }},
      {"url = { url = 'sqlite:a.db' }", [](const Spec& s) { return is(s.url, "", "sqlite:a.db"); }},
      {"writer = { url = 'sqlite:w.db', name = 'main' }",
       [](const Spec& s) { return is(s.writer, "main", "sqlite:w.db"); }},
      {"writer.name = 'main'\nwriter.url = 'sqlite:w.db'",
       [](const Spec& s) { return is(s.writer, "main", "sqlite:w.db"); }},
      {"readers = ['sqlite:r.db', { name = 'eu-1', url = 'sqlite:q.db' }]",
       [](const Spec& s) {
         return s.readers.size() == 2 && is(s.readers[0], "", "sqlite:r.db") &&
                is(s.readers[1], "eu-1", "sqlite:q.db");
       }},
      {"[[databases.d.readers]]\nname = 'eu-1'\nurl = 'sqlite:r.db'\n"
       "[[databases.d.readers]]\nname = 'eu-2'\nurl = 'sqlite:q.db'",
       [](const Spec& s) {
         return s.readers.size() == 2 && is(s.readers[0], "eu-1", "sqlite:r.db") &&
                is(s.readers[1], "eu-2", "sqlite:q.db");
       }},
      {"shards.eu = { writer = { name = 'main', url = 'sqlite:w.db' },"
       " readers = [{ name = 'eu-1', url = 'sqlite:r.db' }] }",
       [](const Spec& s) {
         const auto& eu = s.shards.at(0).second;
         return is(eu.writer, "main", "sqlite:w.db") && is(eu.readers.at(0), "eu-1", "sqlite:r.db");
       }},
  };
  for (const auto& setting : settings) {
    EXPECT_TRUE(setting.took(parsed(setting.line))) << setting.line;
  }
}

TEST(Config, TakesTheNodesThatTheGuideShows) {
  for (const auto* variable : {"SHOP_URL", "SHOP_EU_1_URL", "SHOP_EU_2_URL"}) {
    ::setenv(variable, "sqlite:shop.db", 1);
  }
  const auto databases = parse_config(R"(
    # [nodes]
    [databases.shop]
    writer = { name = "main", url = "${SHOP_URL}" }
    readers = [
      { name = "eu-1", url = "${SHOP_EU_1_URL}" },
      "${SHOP_EU_2_URL}",
    ]
    # [nodes]
  )",
                                      "test.toml");
  const auto& shop = databases.at(0).second;
  EXPECT_TRUE(is(shop.writer, "main", "sqlite:shop.db"));
  EXPECT_TRUE(is(shop.readers.at(0), "eu-1", "sqlite:shop.db"));
  EXPECT_TRUE(is(shop.readers.at(1), "", "sqlite:shop.db"));
}

TEST(Config, LeavesOutMeansDefault) {
  const auto spec = parsed("url = 'sqlite:a.db'");
  EXPECT_EQ(spec.pool, PoolOptions{});
  EXPECT_EQ(spec.health_check, HealthCheckOptions{});
  EXPECT_EQ(spec.routing, RoutingOptions{});
  EXPECT_EQ(spec.adapter, std::nullopt);
  EXPECT_TRUE(spec.writer.empty());
}

TEST(Config, KeepsTheOrderInWhichThingsAreWritten) {
  const auto databases = parse_config(R"(
    [databases.zebra]
    url = "sqlite:z.db"
    [databases.ant.shards]
    us.url = "sqlite:us.db"
    eu.url = "sqlite:eu.db"
    asia.url = "sqlite:asia.db"
    [databases.mouse]
    url = "sqlite:m.db"
  )",
                                      "test.toml");
  std::vector<std::string> names;
  for (const auto& database : databases) names.push_back(database.first);
  EXPECT_THAT(names, ElementsAre("zebra", "ant", "mouse"));
  std::vector<std::string> shards;
  for (const auto& shard : databases[1].second.shards) shards.push_back(shard.first);
  EXPECT_THAT(shards, ElementsAre("us", "eu", "asia"));
}

// -- Environment variables --------------------------------------------------------------------

TEST(ConfigVariables, AreReplacedAnywhereInATextAndMoreThanOnce) {
  ::setenv("GRANT_TEST_HOST", "db1", 1);
  ::setenv("GRANT_TEST_WAIT", "3s", 1);
  const auto spec = parsed(
      "url = 'mariadb://${GRANT_TEST_HOST}.${GRANT_TEST_HOST}/d'\n"
      "sticky_period = '${GRANT_TEST_WAIT}'");
  EXPECT_EQ(spec.url.get(), "mariadb://db1.db1/d");
  EXPECT_EQ(spec.routing.sticky_period, 3s);
}

TEST(ConfigVariables, AreReplacedInNamesAndUrlsOfNodes) {
  ::setenv("GRANT_TEST_REGION", "eu", 1);
  const auto spec = parsed(
      "readers = [{ name = '${GRANT_TEST_REGION}-1', url = 'mariadb://${GRANT_TEST_REGION}/d' }]");
  EXPECT_TRUE(is(spec.readers.at(0), "eu-1", "mariadb://eu/d"));
}

TEST(ConfigVariables, TwoDollarsAreOne) {
  EXPECT_EQ(parsed("url = 'mariadb://a:p$$$${x}@h/d'").url.get(), "mariadb://a:p$${x}@h/d");
}

TEST(ConfigVariables, ValuesAreNotLookedAtAgain) {
  ::setenv("GRANT_TEST_PASSWORD", "a$b${c}", 1);
  EXPECT_EQ(parsed("url = '${GRANT_TEST_PASSWORD}'").url.get(), "a$b${c}");
}

TEST(ConfigVariables, MissingOneIsNamedWithItsLine) {
  ::unsetenv("GRANT_TEST_MISSING");
  EXPECT_EQ(complaint("url = '${GRANT_TEST_MISSING}'"),
            "test.toml:2: url: environment variable GRANT_TEST_MISSING is not set");
  EXPECT_THAT(complaint("readers = [\n'a',\n'${GRANT_TEST_MISSING}']"), HasSubstr("test.toml:4:"));
}

TEST(ConfigVariables, LoneDollarIsRefusedWithoutShowingTheText) {
  for (const std::string url : {"mariadb://a:secret$@h/d", "mariadb://a:$secret@h/d",
                                "mariadb://a:secret${NAME@h/d", "secret$"}) {
    EXPECT_THAT(complaint("url = '" + url + "'"),
                AllOf(HasSubstr("test.toml:2: url: \"$\" must start ${NAME}, or be written $$"),
                      Not(HasSubstr("secret"))));
  }
}

TEST(ConfigVariables, ValuesAreNotShownWhereTheyDoNotFit) {
  ::setenv("GRANT_TEST_PASSWORD", "hunter2", 1);
  for (const std::string key :
       {"adapter", "strategy", "sticky_period", "failover_timeout", "replica_lag_threshold",
        "on_no_replica", "pool.checkout_timeout", "pool.retry_delay", "health_check.interval"}) {
    EXPECT_THAT(complaint(key + " = '${GRANT_TEST_PASSWORD}'"),
                AllOf(HasSubstr("test.toml:2: "), HasSubstr("\"${GRANT_TEST_PASSWORD}\""),
                      Not(HasSubstr("hunter2"))));
  }
}

TEST(ConfigVariables, MayNameAChoice) {
  ::setenv("GRANT_TEST_CHOICE", "random", 1);
  EXPECT_EQ(parsed("strategy = '${GRANT_TEST_CHOICE}'").routing.strategy, Strategy::random);
  ::setenv("GRANT_TEST_CHOICE", "sqlite", 1);
  EXPECT_EQ(parsed("adapter = '${GRANT_TEST_CHOICE}'").adapter, Adapter::sqlite);
  ::setenv("GRANT_TEST_CHOICE", "fail", 1);
  EXPECT_EQ(parsed("on_no_replica = '${GRANT_TEST_CHOICE}'").routing.on_no_replica,
            OnNoReplica::fail);
}

// -- Refusals ---------------------------------------------------------------------------------

TEST(ConfigRefusals, UnknownKeyComesWithItsLineAndTheOneThatWasMeant) {
  EXPECT_EQ(complaint("\nreplica_lag_treshold = '1s'"),
            "test.toml:3: unknown key replica_lag_treshold in databases.d: did you mean "
            "replica_lag_threshold?");
  EXPECT_EQ(complaint("pool.max_sise = 1"),
            "test.toml:2: unknown key max_sise in databases.d.pool: did you mean max_size?");
  EXPECT_EQ(complaint("health_check = { intervall = '1s' }"),
            "test.toml:2: unknown key intervall in databases.d.health_check: did you mean "
            "interval?");
  EXPECT_EQ(complaint("shards.eu.ulr = 'x'"),
            "test.toml:2: unknown key ulr in databases.d.shards.eu: did you mean url?");
  EXPECT_EQ(complaint_of_file("[database.d]\nurl = 'x'"),
            "test.toml:1: unknown key database in the file: did you mean databases?");
}

TEST(ConfigRefusals, UnknownKeyThatIsLikeNoneComesWithThoseThereAre) {
  EXPECT_THAT(complaint("pool.colour_of_the_sea = 1"),
              HasSubstr("there are max_size, initial_size, checkout_timeout, retry_attempts, "
                        "retry_delay"));
}

TEST(ConfigRefusals, BadDurationsComeWithLineAndExample) {
  for (const auto& [bad, shown] :
       std::map<std::string, std::string>{{"5", "the number 5"},
                                          {"fast", "text of 4 characters"},
                                          {"-1s", "text of 3 characters"},
                                          {"5 s", "text of 3 characters"},
                                          {"1.5s", "text of 4 characters"},
                                          {"postgres://app:secret@h/d", "a URL"},
                                          {"", "empty"}}) {
    EXPECT_EQ(complaint("sticky_period = '" + bad + "'"),
              "test.toml:2: sticky_period must be a duration such as \"250ms\", \"5s\" or \"2m\", "
              "but it is " +
                  shown);
  }
  EXPECT_EQ(complaint("sticky_period = 5"), "test.toml:2: sticky_period must be text in quotes");
}

TEST(ConfigRefusals, ShowNothingThatMayBeASecret) {
  const std::string url = "postgres://app:secret@h/d";
  for (const auto& text : std::vector<std::string>{
           "url = '${DB_URL:-" + url + "}'", "url = '${" + url + "}'", "'" + url + "' = 1",
           "adapter = '" + url + "'", "strategy = '" + url + "'", "on_no_replica = '" + url + "'",
           "pool.max_size = '" + url + "'", "replica_lag_threshold = '" + url + "'",
           "sticky_period = '" + url + "'", "readers = '" + url + "'", "url = " + url,
           "url = '" + url, "[databases.d.'" + url + "']",
           "url = { name = '" + url + "', url = 'x' }", "url = { '" + url + "' = 1 }",
           "url = { url = '" + url + "', nam = 1 }",
           "readers = [{ url = '" + url + "', name = 1 }]",
           "secretsecretsecretsecretsecretsecretsecretsecret = 1"}) {
    const auto said = complaint(text);
    EXPECT_NE(said, "") << text;
    EXPECT_THAT(said, Not(HasSubstr("secret"))) << text;
  }
}

TEST(ConfigRefusals, BadTablesOfNodesComeWithTheirLineAndKey) {
  EXPECT_EQ(complaint("url = { nmae = 'eu-1', url = 'sqlite:a.db' }"),
            "test.toml:2: unknown key nmae in databases.d.url: did you mean name?");
  EXPECT_EQ(complaint("readers = [\n{ name = 'eu-1', weight = 1, url = 'sqlite:a.db' }]"),
            "test.toml:3: unknown key weight in databases.d.readers: there are name, url");
  EXPECT_EQ(complaint("shards.eu.writer = { nam = 'eu-1' }"),
            "test.toml:2: unknown key nam in databases.d.shards.eu.writer: did you mean name?");
  EXPECT_EQ(complaint("writer = { name = 'main' }"),
            "test.toml:2: writer is a table without a url");
  EXPECT_EQ(complaint("readers = [\n'sqlite:a.db',\n{ name = 'eu-1' }]"),
            "test.toml:4: readers is a table without a url");
  EXPECT_EQ(complaint("writer = { name = 5, url = 'sqlite:a.db' }"),
            "test.toml:2: writer.name must be text in quotes");
  EXPECT_EQ(complaint("writer = { name = 'main', url = 5 }"),
            "test.toml:2: writer.url must be text in quotes");
  ::unsetenv("GRANT_TEST_MISSING");
  EXPECT_EQ(complaint("readers = [{ url = '${GRANT_TEST_MISSING}' }]"),
            "test.toml:2: readers.url: environment variable GRANT_TEST_MISSING is not set");
}

TEST(ConfigRefusals, BadNamesOfNodesComeWithTheirLineAndWhatTheyLookLike) {
  ::setenv("GRANT_TEST_PASSWORD", "hunter2!", 1);
  ::setenv("GRANT_TEST_EMPTY", "", 1);
  for (const auto& [bad, shown] :
       std::map<std::string, std::string>{{"", "empty"},
                                          {"a/b", "text of 3 characters"},
                                          {"a b", "text of 3 characters"},
                                          {"postgres://app:secret@h/d", "a URL"},
                                          {"${GRANT_TEST_EMPTY}", "\"${GRANT_TEST_EMPTY}\""},
                                          {"${GRANT_TEST_PASSWORD}", "\"${GRANT_TEST_PASSWORD}\""},
                                          {"x${GRANT_TEST_PASSWORD}", "text of 23 characters"}}) {
    EXPECT_EQ(complaint("readers = [\n{ url = 'sqlite:a.db', name = '" + bad + "' }]"),
              "test.toml:3: readers.name: the name of a node is made of letters, digits, \"_\" and "
              "\"-\", but it is " +
                  shown);
  }
}

TEST(ConfigRefusals, KeysOfManyPartsEndNothing) {
  std::string key = "a";
  for (int i = 0; i < 50'000; ++i) key += ".a";
  EXPECT_THAT(complaint(key + " = 1"), HasSubstr("test.toml:2: a key of more than 100 parts"));
  EXPECT_THAT(complaint("[" + key + "]"), HasSubstr("a key of more than 100 parts"));
}

TEST(ConfigRefusals, WhatIsNoFileIsNotRead) {
  const test::TemporaryDirectory directory;
  const auto pipe = (directory.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const auto& path : {pipe, directory.path().string()}) {
    const auto error = test::error_of([&] { return load_config(path); });
    EXPECT_EQ(error.code, Errc::configuration);
    EXPECT_EQ(error.message, path + ": is no file");
  }
}

TEST(ConfigRefusals, NamesThatAreUrlsAreNotShown) {
  const std::string url = "postgres://app:hunter2@h/d";
  for (const auto& text :
       {"[databases.'" + url + "']\nulr = 1", "[databases.d.shards.'" + url + "']\nulr = 1",
        "[databases.d]\n'" + url + "' = 1"}) {
    EXPECT_THAT(complaint_of_file(text), AllOf(HasSubstr("a URL"), Not(HasSubstr("hunter2"))));
  }
}

TEST(ConfigRefusals, BadNumbersComeWithTheirLine) {
  for (const std::string bad : {"-1", "1.5", "'3'", "true"}) {
    EXPECT_EQ(complaint("pool.max_size = " + bad),
              "test.toml:2: max_size must be a whole number, zero or more");
  }
}

TEST(ConfigRefusals, BadTypesComeWithTheirLine) {
  EXPECT_EQ(complaint("allow_stale = 'yes'"), "test.toml:2: allow_stale must be true or false");
  const std::string or_table =
      " must be text in quotes, or a table { name = \"...\", url = \"...\" }";
  EXPECT_EQ(complaint("url = 5"), "test.toml:2: url" + or_table);
  EXPECT_EQ(complaint("writer = ['sqlite:a.db']"), "test.toml:2: writer" + or_table);
  EXPECT_EQ(complaint("readers = 'one'"),
            "test.toml:2: readers must be a list of nodes: URLs, or tables of a name and a url");
  EXPECT_EQ(complaint("readers = { name = 'eu-1', url = 'sqlite:a.db' }"),
            "test.toml:2: readers must be a list of nodes: URLs, or tables of a name and a url");
  EXPECT_EQ(complaint("readers = [5]"), "test.toml:2: readers" + or_table);
  EXPECT_EQ(complaint("pool = 5"), "test.toml:2: pool must be a table");
  EXPECT_EQ(complaint("shards = 'eu'"), "test.toml:2: shards must be a table");
  EXPECT_EQ(complaint_of_file("databases = 5"), "test.toml:1: databases must be a table");
}

TEST(ConfigRefusals, BadChoicesComeWithThoseThereAre) {
  EXPECT_THAT(complaint("strategy = 'fastest'"),
              AllOf(HasSubstr("test.toml:2: strategy:"), HasSubstr("round_robin")));
  EXPECT_THAT(complaint("adapter = 'oracle'"),
              AllOf(HasSubstr("test.toml:2: adapter:"), HasSubstr("postgres")));
  EXPECT_THAT(complaint("on_no_replica = 'wait'"),
              HasSubstr("test.toml:2: on_no_replica must be \"primary\" or \"fail\""));
}

TEST(ConfigRefusals, InvalidOptionsComeWithTheirLine) {
  EXPECT_THAT(complaint("pool = { max_size = 0 }"),
              AllOf(HasSubstr("test.toml:2:"), HasSubstr("pool.max_size must be at least 1")));
  EXPECT_THAT(complaint("health_check = { interval = '0s' }"),
              AllOf(HasSubstr("test.toml:2:"), HasSubstr("interval must be more than zero")));
}

TEST(ConfigRefusals, SyntaxErrorsComeWithTheirLine) {
  EXPECT_THAT(complaint("url = 'sqlite:a.db"), HasSubstr("test.toml:2:"));
  EXPECT_THAT(complaint("url 'sqlite:a.db'"), HasSubstr("test.toml:2:"));
  EXPECT_THAT(complaint_of_file("[databases.d]\nurl = 'a'\nurl = 'b'"), HasSubstr("test.toml:3:"));
}

TEST(ConfigRefusals, FileWithoutDatabasesIsRefused) {
  EXPECT_EQ(complaint_of_file(""), "test.toml: there is no [databases.NAME] table");
  EXPECT_EQ(complaint_of_file("[databases]"), "test.toml: there is no [databases.NAME] table");
}

TEST(ConfigRefusals, NeverShowAPassword) {
  for (const std::string rest :
       {"pool.max_size = -1", "colour = 1", "sticky_period = 'x'", "readers = 1", "url2 = ''"}) {
    EXPECT_THAT(complaint("url = 'mariadb://ada:secret@h/d'\n" + rest), Not(HasSubstr("secret")));
  }
}

// -- Files ------------------------------------------------------------------------------------

TEST(LoadConfig, ReadsAFileAndNamesItInComplaints) {
  const test::TemporaryDirectory directory;
  const auto file = (directory.path() / "grant.toml").string();
  std::ofstream(file) << "[databases.d]\nurl = 'sqlite:a.db'\n";
  EXPECT_EQ(load_config(file).at(0).second.url.get(), "sqlite:a.db");
  std::ofstream(file) << "[databases.d]\nulr = 'sqlite:a.db'\n";
  EXPECT_THAT(test::error_of([&] { return load_config(file); }).message,
              HasSubstr(file + ":2: unknown key ulr"));
}

TEST(LoadConfig, SeesWhoElseCanReadPasswordsOrChangeTheFile) {
  const test::TemporaryDirectory directory;
  const auto file = (directory.path() / "grant.toml").string();
  ::setenv("GRANT_TEST_SECRET", "hush", 1);
  const auto seen = [&](const std::string& url, ::mode_t mode) {
    std::ofstream(file) << "[databases.d]\nwriter = '" << url << "'\nreaders = ['" << url << "']\n";
    EXPECT_EQ(::chmod(file.c_str(), mode), 0);
    return load_config(file).at(0).second.file;
  };
  for (const auto* url : {"postgres://app:hush@h/d", "postgres://h/d?sslpassword=hush",
                          "postgres://app:x${GRANT_TEST_SECRET}@h/d"}) {
    EXPECT_TRUE(seen(url, 0644).shows_secrets) << url;
    EXPECT_FALSE(seen(url, 0640).shows_secrets) << url;
  }
  std::ofstream(file) << "[databases.d]\nurl = { name = 'a', url = 'postgres://app:hush@h/d' }\n";
  EXPECT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_TRUE(load_config(file).at(0).second.file.shows_secrets);
  for (const auto* url :
       {"postgres://app:${GRANT_TEST_SECRET}@h/d", "postgres://app@h/d", "sqlite:a.db"}) {
    EXPECT_FALSE(seen(url, 0644).shows_secrets) << url;
  }
  EXPECT_FALSE(seen("postgres://app:hush@h/d", 0660).can_be_changed);
  EXPECT_TRUE(seen("postgres://app@h/d", 0602).can_be_changed);
  EXPECT_EQ(seen("sqlite:a.db", 0600).name, file);
}

TEST(LoadConfig, RefusesAFileThatCannotBeRead) {
  const test::TemporaryDirectory directory;
  const auto file = (directory.path() / "missing.toml").string();
  const auto error = test::error_of([&] { return load_config(file); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_EQ(error.message, file + ": cannot be read");
}

}  // namespace
}  // namespace grant
