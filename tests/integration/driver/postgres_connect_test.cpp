#include "integration/driver/host_names.hpp"
#include "integration/driver/postgres_fixture.hpp"
#include "support/silent_server.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

/// `text` with its first `from` replaced.
std::string with(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

std::string url_of(const SilentServer& server) {
  return "postgres://app:app-secret@127.0.0.1:" + std::to_string(server.port()) + "/app";
}

INSTANTIATE_TEST_SUITE_P(
    OfPostgres, HostNames,
    ::testing::Values(NamedServer{
        postgres::make_driver,
        [](const std::string& host) { return with(cluster().url(0), "127.0.0.1", host); },
        [] { return cluster().port(0); },
        [] { return "?sslmode=verify-full&sslrootcert=" + cluster().authority(); }}));

TEST(PostgresConnect, PinsTheSessionSettingsThatValuesDependOn) {
  const auto connection = connect_to(0);
  EXPECT_EQ(cluster().sql(0, "show timezone"), "Europe/Berlin");
  EXPECT_EQ(first(*connection, "show timezone"), "UTC");
  EXPECT_THAT(first(*connection, "show datestyle"), HasSubstr("ISO"));
  EXPECT_EQ(first(*connection, "show client_encoding"), "UTF8");
  EXPECT_EQ(first(*connection, "show application_name"), "grant");
}

TEST(PostgresConnect, PassesUrlParametersOn) {
  const auto connection =
      connect_to(cluster().url(0) + "?application_name=mine&options=-c%20work_mem%3D1MB");
  EXPECT_EQ(first(*connection, "show application_name"), "mine");
  EXPECT_EQ(first(*connection, "show work_mem"), "1MB");
}

TEST(PostgresConnect, ReachesAUnixSocket) {
  const auto connection = connect_to("postgres://app@/app?host=" + cluster().socket_directory() +
                                     "&port=" + std::to_string(cluster().port(0)));
  EXPECT_EQ(first(*connection, "select inet_server_port()"), "null");
}

TEST(PostgresConnect, RefusesUrlsThatCanNeverWork) {
  const auto error_for = [](std::string_view params) {
    return error_of([&] {
      postgres::driver().validate(Url::parse("postgres://u:hush@h/d" + std::string(params)));
    });
  };
  EXPECT_EQ(error_for("?pool_sise=3").code, Errc::configuration);
  EXPECT_EQ(error_for("?pool_sise=3").message, "postgres URL: unknown parameter \"pool_sise\"");
  EXPECT_THAT(error_for("?statement_cache_size=many").message, HasSubstr("0 to 10000"));
  EXPECT_THAT(error_for("?statement_cache_size=10001").message, HasSubstr("0 to 10000"));
  EXPECT_THAT(error_for("?connect_timeout=-1").message, HasSubstr("connect_timeout"));
  EXPECT_THAT(error_for("?client_encoding=LATIN1").message, HasSubstr("cannot be set"));
  EXPECT_THAT(error_for("?password=other").message, HasSubstr("\"password\" is given twice"));
  // The server would cut them to 63 bytes, and open another database.
  const std::string most(63, 'n');
  for (const auto& url :
       {"postgres://u:hush@h/" + most + "x", "postgres://" + most + "x:hush@h/d"}) {
    const auto error = error_of([&] { postgres::driver().validate(Url::parse(url)); });
    EXPECT_EQ(error.code, Errc::configuration);
    EXPECT_THAT(error.message, HasSubstr("no more than 63"));
  }
  postgres::driver().validate(Url::parse("postgres://" + most + ":hush@h/" + most));
  postgres::driver().validate(
      Url::parse("postgres://u:hush@h/d?sslmode=require&connect_timeout=3&statement_cache_size=0"));
}

TEST(PostgresConnect, WrongPasswordIsAConfigurationErrorThatDoesNotShowIt) {
  const auto error = connect_error(with(cluster().url(0), "app-secret", "open-sesame"));
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_EQ(error.sqlstate, "28P01");
  EXPECT_EQ(error.node, "primary/test");
  EXPECT_THAT(error.message, HasSubstr("node \"primary/test\": cannot connect: "));
  EXPECT_THAT(error.message, HasSubstr("password authentication failed for user \"app\""));
  EXPECT_THAT(error.message, Not(HasSubstr("open-sesame")));
  EXPECT_THAT(error.message, Not(HasSubstr("LOCATION")));
  EXPECT_THAT(error.message, Not(HasSubstr("28P01")));
}

TEST(PostgresConnect, MissingPasswordUserOrDatabaseIsAConfigurationError) {
  const auto at_host = "@127.0.0.1:" + std::to_string(cluster().port(0));
  EXPECT_EQ(connect_error("postgres://app" + at_host + "/app").code, Errc::configuration);
  EXPECT_EQ(connect_error("postgres://nobody:pw" + at_host + "/app").sqlstate, "28P01");
  const auto unknown = connect_error("postgres://app:app-secret" + at_host + "/nowhere");
  EXPECT_EQ(unknown.code, Errc::configuration);
  EXPECT_EQ(unknown.sqlstate, "3D000");
}

TEST(PostgresConnect, WhatTheUrlDoesNotSayIsTheEnvironments) {
  const auto without = "postgres://app@127.0.0.1:" + std::to_string(cluster().port(0)) + "/app";
  ::setenv("PGPASSWORD", "app-secret", 1);
  EXPECT_EQ(first(*connect_to(without), "select 1"), "1");
  ::setenv("PGPASSWORD", "guessed", 1);
  EXPECT_EQ(connect_error(without).sqlstate, "28P01");
  EXPECT_EQ(first(*connect_to(cluster().url(0)), "select 1"), "1");
  ::unsetenv("PGPASSWORD");
}

TEST(PostgresConnect, CertificatesOfOnesOwnNeedAWordOnVerification) {
  const auto error = error_of(
      [] { postgres::driver().validate(Url::parse("postgres://h/d?sslcert=a.pem&sslkey=b.pem")); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("\"sslmode\" is not"));
  postgres::driver().validate(
      Url::parse("postgres://h/d?sslcert=a.pem&sslkey=b.pem&sslmode=require"));
}

TEST(PostgresConnect, AnAuthorityIsThereToVerifyWith) {
  const auto url = cluster().url(0) + "?sslrootcert=";
  EXPECT_EQ(first(*connect_to(url + cluster().authority()),
                  "select ssl from pg_stat_ssl where pid = pg_backend_pid()"),
            "true");
  EXPECT_EQ(connect_error(url + "/etc/hostname").code, Errc::configuration);
}

TEST(PostgresConnect, BadParameterValuesAreConfigurationErrors) {
  EXPECT_EQ(connect_error(cluster().url(0) + "?sslmode=maybe").code, Errc::configuration);
  for (const auto* options : {"-c%20nonsense%3D1", "-c%20x", "-x", "-c%20work_mem%3Dmuch"}) {
    const auto error = connect_error(cluster().url(0) + "?options=" + options);
    EXPECT_EQ(error.code, Errc::configuration) << options << error.message;
  }
}

TEST(PostgresConnect, CertificatesAreVerified) {
  const auto verified = cluster().url(0) + "?sslmode=verify-full&sslrootcert=";
  const auto connection = connect_to(verified + cluster().authority());
  EXPECT_EQ(first(*connection, "select ssl from pg_stat_ssl where pid = pg_backend_pid()"), "true");
  EXPECT_EQ(connect_error(verified + "/nowhere.crt").code, Errc::configuration);
  EXPECT_EQ(connect_error(verified + "/etc/ssl/certs/ca-certificates.crt").code,
            Errc::configuration);
}

TEST(PostgresConnect, RefusingHostIsUnavailable) {
  const auto error = connect_error("postgres://app@127.0.0.1:1/app");
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.sqlstate, "");
  EXPECT_THAT(error.message, HasSubstr("Connection refused"));
}

TEST(PostgresConnect, UnreachableHostIsUnavailable) {
  // Reserved for ever: refused by the routing table, or silence.
  EXPECT_EQ(connect_error("postgres://app@240.0.0.1/app", 200ms).code, Errc::unavailable);
}

TEST(PostgresConnect, HungHostEndsAtTheDeadline) {
  const SilentServer server;
  const auto started = Clock::system().now();
  const auto error = connect_error(url_of(server), 150ms);
  EXPECT_LT(Clock::system().now() - started, 5s);
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message,
              ::testing::MatchesRegex("node \"primary/test\": no answer to the connection attempt "
                                      "within [0-9]+ ms"));
}

TEST(PostgresConnect, ConnectTimeoutOfTheUrlEndsTheAttemptToo) {
  const SilentServer server;
  const auto error = connect_error(url_of(server) + "?connect_timeout=1");
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("no answer to the connection attempt within"));
}

TEST(PostgresConnect, FrozenServerEndsAtTheDeadline) {
  const Hung hung(cluster(), 1);
  EXPECT_EQ(connect_error(cluster().url(1), 150ms).code, Errc::unavailable);
}

TEST(PostgresConnect, TooManyConnectionsIsUnavailable) {
  cluster().sql(0, "create role crowd login password 'pw' connection limit 1");
  const auto url = with(cluster().url(0), "app:app-secret", "crowd:pw");
  const auto only = connect_to(url);
  const auto error = connect_error(url);
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.sqlstate, "53300");
}

}  // namespace
}  // namespace grant::test
