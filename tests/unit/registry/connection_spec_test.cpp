#include "grant/registry/connection_spec.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "support/error_of.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;

TEST(UrlSource, IsEmptyUntilItIsGiven) {
  EXPECT_TRUE(UrlSource().empty());
  EXPECT_FALSE(UrlSource("sqlite:a.db").empty());
}

TEST(UrlSource, TakesTextsAndFunctions) {
  EXPECT_EQ(UrlSource("sqlite:a.db").get(), "sqlite:a.db");
  EXPECT_EQ(UrlSource(std::string("sqlite:b.db")).get(), "sqlite:b.db");
  EXPECT_EQ(UrlSource([] { return "sqlite:c.db"; }).get(), "sqlite:c.db");
}

TEST(UrlSource, HasNoNameUntilItGetsOne) {
  const UrlSource plain("sqlite:a.db");
  EXPECT_EQ(plain.name(), "");
  const auto named = plain.named("eu-1");
  EXPECT_EQ(named.name(), "eu-1");
  EXPECT_EQ(named.get(), "sqlite:a.db");
  EXPECT_EQ(plain.name(), "");
  EXPECT_EQ(env("GRANT_TEST_URL").named("Eu_2").name(), "Eu_2");
}

TEST(UrlSource, RefusesNamesThatNoKeyOrEventCanHold) {
  for (const std::string bad : {"", "a b", "a/b", "a@b", "a.b", "a:b", "a=b", "a\nb", "\xc3\xa4"}) {
    const auto error = test::error_of([&] { return UrlSource("sqlite:a.db").named(bad).name(); });
    EXPECT_EQ(error.code, Errc::configuration) << bad;
    EXPECT_EQ(
        error.message,
        "the name of a node is made of letters, digits, \"_\" and \"-\", but it is " +
            (bad.empty() ? "empty" : "text of " + std::to_string(bad.size()) + " characters"));
  }
}

TEST(Env, IsTheVariablesValueWhenItIsAskedFor) {
  const auto source = env("GRANT_TEST_URL");
  ::setenv("GRANT_TEST_URL", "sqlite:late.db", 1);
  EXPECT_EQ(source.get(), "sqlite:late.db");
}

TEST(Env, NamesAVariableThatIsNotSetOrEmpty) {
  ::unsetenv("GRANT_TEST_URL");
  const auto missing = test::error_of([] { return env("GRANT_TEST_URL").get(); });
  EXPECT_EQ(missing.code, Errc::configuration);
  EXPECT_EQ(missing.message, "environment variable GRANT_TEST_URL is not set");
  ::setenv("GRANT_TEST_URL", "", 1);
  EXPECT_EQ(test::error_of([] { return env("GRANT_TEST_URL").get(); }).message,
            "environment variable GRANT_TEST_URL is empty");
}

TEST(ConnectionSpec, HasTheDefaultsThatAreDocumented) {
  const ConnectionSpec spec;
  EXPECT_EQ(spec.pool.max_size, 25U);
  EXPECT_EQ(spec.pool.initial_size, 2U);
  EXPECT_EQ(spec.pool.checkout_timeout, 5s);
  EXPECT_EQ(spec.pool.retry_attempts, 1U);
  EXPECT_EQ(spec.pool.retry_delay, 200ms);
  EXPECT_EQ(spec.health_check.interval, 30s);
  EXPECT_EQ(spec.health_check.timeout, 5s);
  EXPECT_EQ(spec.routing.sticky_period, 2s);
}

}  // namespace
}  // namespace grant
