#include "grant/driver/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "grant/core/error.hpp"

namespace grant {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string refusal(std::string_view text) {
  try {
    static_cast<void>(Url::parse(text));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::configuration) << text;
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return {};
}

TEST(Url, TakesAServerUrlApart) {
  const auto url = Url::parse(
      "postgres://ada:s3cret@db.example.com:6432/shop?sslmode=require&application_name=a%20b");
  EXPECT_EQ(url.adapter, Adapter::postgres);
  EXPECT_EQ(url.user, "ada");
  EXPECT_EQ(url.password, "s3cret");
  EXPECT_EQ(url.host, "db.example.com");
  EXPECT_EQ(url.port, 6432);
  EXPECT_EQ(url.database, "shop");
  ASSERT_EQ(url.params.size(), 2U);
  EXPECT_EQ(url.params[0], (std::pair<std::string, std::string>("sslmode", "require")));
  EXPECT_EQ(url.params[1], (std::pair<std::string, std::string>("application_name", "a b")));
}

TEST(Url, WhatIsLeftOutIsEmpty) {
  const auto url = Url::parse("mariadb://host");
  EXPECT_EQ(url.adapter, Adapter::mariadb);
  EXPECT_EQ(url.host, "host");
  EXPECT_EQ(url.port, 0);
  EXPECT_TRUE(url.user.empty() && url.password.empty() && url.database.empty());
  EXPECT_TRUE(url.params.empty());
  EXPECT_EQ(Url::parse("postgres:///shop").host, "");
}

TEST(Url, KnowsOtherNamesOfAdapters) {
  EXPECT_EQ(Url::parse("postgresql://h/d").adapter, Adapter::postgres);
  EXPECT_EQ(Url::parse("mysql://h/d").adapter, Adapter::mariadb);
  EXPECT_EQ(Url::parse("sqlite3:a.db").adapter, Adapter::sqlite);
}

TEST(Url, TakesSchemesInUpperCase) {
  EXPECT_EQ(Url::parse("Postgres://h/d").adapter, Adapter::postgres);
  EXPECT_EQ(Url::parse("POSTGRESQL://h/d").adapter, Adapter::postgres);
  EXPECT_EQ(Url::parse("MariaDB://h/d").adapter, Adapter::mariadb);
  EXPECT_EQ(Url::parse("MySQL://H.example/D").database, "D");
  EXPECT_EQ(Url::parse("SQLite:A.db").database, "A.db");
}

TEST(Url, RefusesWhatAFileOrAShellLeftAroundIt) {
  const std::pair<std::string_view, std::string_view> bad[] = {
      {"postgres://h/d\n", "it ends with a newline: write %0A"},
      {"postgres://h/d\r\n", "it ends with a carriage return"},
      {"postgres://h/d \n", "it ends with a newline"},
      {"postgres://h/d\t", "it ends with a tab"},
      {"postgres://h/d ", "it ends with a space"},
      {" postgres://h/d", "it starts with a space"},
      {"\tpostgres://h/d", "it starts with a tab"},
      {"\npostgres://h/d", "it starts with a newline"},
      {"\xEF\xBB\xBFpostgres://h/d", "byte order mark"},
      {"\"postgres://h/d\"", "quotation mark"},
      {"postgres://h/d\ne", "as its character 15, a newline"},
      {"postgres://h/d?sslmode=require\n", "ends with a newline"},
      {"postgres://u:p\n@h/d", "newline"},
      {"postgres://h /d", "a space in the host"},
      {"postgres://u@ h/d", "a space in the host"},
      {"postgres://h/d\x7F", "control character"},
      {"sqlite:a.db\n", "ends with a newline"},
      {"sqlite:a.db ", "ends with a space"},
      {"mariadb://h/d/", "%2F"},
      {"postgres://h//d", "%2F"}};
  for (const auto& [text, mentioned] : bad)
    EXPECT_THAT(refusal(text), HasSubstr(mentioned)) << text;
  EXPECT_THAT(refusal(std::string_view("postgres://h/d\0", 15)), HasSubstr("NUL"));
  EXPECT_EQ(Url::parse("postgres://h/d%0A").database, "d\n");
  EXPECT_EQ(Url::parse("sqlite:my file.db").database, "my file.db");
}

TEST(Url, SaysWhichSchemeMayBeMeant) {
  const std::pair<std::string_view, std::string_view> bad[] = {
      {"postgre://h/d", "did you mean \"postgres\"?"},
      {"postgress://h/d", "did you mean \"postgres\"?"},
      {"mysql2://h/d", "did you mean \"mysql\"?"},
      {"maria://h/d", "did you mean \"mariadb\"?"},
      {"sqllite:a.db", "did you mean \"sqlite\"?"},
      {"oracle://h/d", "there are postgres, mariadb and sqlite"},
      {"mysql+pymysql://h/d", "after a \"+\": write \"mariadb:\""},
      {"PostgreSQL+psycopg2://h/d", "write \"postgres:\""}};
  for (const auto& [text, mentioned] : bad)
    EXPECT_THAT(refusal(text), HasSubstr(mentioned)) << text;
  EXPECT_THAT(refusal("ada+s3cret:x@h/d"), Not(HasSubstr("s3cret")));
}

TEST(Url, DecodesPercentSigns) {
  const auto url = Url::parse("postgres://a%40b:p%2Fw%3a%25@%2Fvar%2Frun/d%20b");
  EXPECT_EQ(url.user, "a@b");
  EXPECT_EQ(url.password, "p/w:%");
  EXPECT_EQ(url.host, "/var/run");
  EXPECT_EQ(url.database, "d b");
  EXPECT_EQ(Url::parse("sqlite:a%41").database, "aA");
}

TEST(Url, TakesAPasswordWithAnAtSign) {
  const auto url = Url::parse("postgres://ada:p@ss@host/d");
  EXPECT_EQ(url.password, "p@ss");
  EXPECT_EQ(url.host, "host");
}

TEST(Url, TakesIpv6Hosts) {
  EXPECT_EQ(Url::parse("postgres://[::1]/d").host, "::1");
  const auto url = Url::parse("postgres://u@[fe80::1]:5433/d");
  EXPECT_EQ(url.host, "fe80::1");
  EXPECT_EQ(url.port, 5433);
  EXPECT_EQ(Url::parse("postgres://[fe80::1%25eth0]/d").host, "fe80::1%eth0");
}

TEST(Url, TakesSqliteFiles) {
  const std::pair<std::string_view, std::string_view> files[] = {
      {"sqlite:cache.db", "cache.db"},
      {"sqlite:dir/cache.db", "dir/cache.db"},
      {"sqlite:/var/cache.db", "/var/cache.db"},
      {"sqlite:///var/cache.db", "/var/cache.db"},
      {"sqlite://dir/cache.db", "dir/cache.db"},
      {"sqlite:////var/cache.db", "//var/cache.db"},
      {"sqlite:%2F%2Fvar/cache.db", "//var/cache.db"},
      {"sqlite::memory:", ":memory:"},
      {"sqlite:with%20space.db", "with space.db"},
      {"sqlite:a.db?mode=ro", "a.db"}};
  for (const auto& [text, file] : files) EXPECT_EQ(Url::parse(text).database, file) << text;
}

TEST(Url, BadOnesAreRefusedWithThePart) {
  const std::pair<std::string_view, std::string_view> bad[] = {
      {"", "empty"},
      {"localhost", "scheme"},
      {"/var/cache.db", "scheme"},
      {"./a:b", "scheme"},
      {"oracle://h/d", "adapter"},
      {"postgres:h/d", "//"},
      {"postgres://h:port/d", "port"},
      {"postgres://h:0/d", "port"},
      {"postgres://h:65536/d", "port"},
      {"postgres://h:-1/d", "port"},
      {"postgres://h:/d", "port"},
      {"postgres://[::1/d", "]"},
      {"postgres://[::1]x/d", "]"},
      {"postgres://h/d?sslmode", "="},
      {"postgres://h/d?=1", "name"},
      {"postgres://h/d?a=1&a=2", "twice"},
      {"postgres://h/d%2", "database name"},
      {"postgres://%zz@h/d", "user"},
      {"postgres://h/%00", "NUL"},
      {"postgres://ada:12/x@h/d", "%2F"},
      {"postgres://ada:12?x=1@h/d", "%3F"},
      {"postgres://ada:p@ss/x@h/d", "%2F"},
      {"postgres://h/d?application_name=a@b", "%40"},
      {"postgres://[fe80::1%eth0]/d", "host"},
      {"sqlite:", "file"},
      {"sqlite:?mode=ro", "file"}};
  for (const auto& [text, mentioned] : bad)
    EXPECT_THAT(refusal(text), HasSubstr(mentioned)) << text;
}

TEST(Url, RefusalsNeverHoldThePassword) {
  for (const std::string_view text :
       {"postgres://ada:s3cret@h:port/d", "postgres://ada:s3cret%zz@h/d",
        "postgres://ada:s3cret@h/d?x", "postgres://ada:s3cret%@h/d", "oracle://ada:s3cret@h/d",
        "postgres://ada:s3cret/x@h/d", "postgres://ada:12/s3cret@h/d", "s3cret@h:1",
        "postgres://ada:12?s3cret=1@h/d", "postgres://ada:12/x?y=s3cret@h/d",
        "postgres://ada:s3cret?x@h/d", "//ada:s3cret@h/d", "postgres:ada:s3cret@h/d",
        "postgres://h/d?password=s3cret&password=s3cret", "postgres://h/d?password=s3cret%",
        "postgres://ada:s3cret#x@h:1:2/d"}) {
    EXPECT_THAT(refusal(text), Not(HasSubstr("s3cret"))) << text;
  }
}

TEST(Url, IsWrittenWithoutThePassword) {
  EXPECT_EQ(Url::parse("postgres://ada:s3cret@h:1/d?sslmode=require").to_string(),
            "postgres://ada:***@h:1/d?sslmode=require");
  for (const std::string name : {"password", "sslpassword", "PASSWORD", "passwd", "api_token"}) {
    EXPECT_EQ(Url::parse("postgres://h/d?" + name + "=s3cret").to_string(),
              "postgres://h/d?" + name + "=***");
  }
}

TEST(Url, IsReadAgainAsItWasWritten) {
  for (const std::string_view text :
       {"postgres://ada@h:1/d?a=b&c=%26%20%3D", "postgres://a%40b@%2Fvar%2Frun/d%2Fe",
        "postgres://[::1]:5433/d", "postgres://[a:%5Db%25]/d", "mariadb:///",
        "sqlite:/var/a%20b.db?mode=ro", "sqlite:////var/a.db",
        "sqlite::memory:", "sqlite:relative.db"}) {
    EXPECT_EQ(Url::parse(text).to_string(), text);
  }
}

TEST(Url, TakeParamTakesItOut) {
  auto url = Url::parse("sqlite:a.db?mode=ro&synchronous=off");
  EXPECT_EQ(url.take_param("mode"), "ro");
  EXPECT_EQ(url.take_param("mode"), std::nullopt);
  ASSERT_EQ(url.params.size(), 1U);
  EXPECT_EQ(url.params[0].first, "synchronous");
}

TEST(Url, EndpointIsWhatLeadsToAnotherPlace) {
  const auto endpoint = [](std::string_view text) { return Url::parse(text).endpoint(); };
  const auto here = endpoint("postgres://h:1/d");
  EXPECT_EQ(here, "h:1/d");
  for (const auto* same : {"postgres://ada:secret@h:1/d", "postgres://h:1/d?sslmode=require",
                           "postgres://h:1/d?password=secret"}) {
    EXPECT_EQ(endpoint(same), here) << same;
  }
  for (const auto* other :
       {"postgres://i:1/d", "postgres://h:2/d", "postgres://h/d", "postgres://h:1/e",
        "postgres://h:1/d?hostaddr=10.0.0.1", "postgres://h:1/d?service=x"}) {
    EXPECT_NE(endpoint(other), here) << other;
  }
  EXPECT_NE(endpoint("postgres:///?host=a"), endpoint("postgres:///?host=b"));
  EXPECT_NE(endpoint("sqlite:a.db"), endpoint("sqlite:b.db"));
}

}  // namespace
}  // namespace grant
