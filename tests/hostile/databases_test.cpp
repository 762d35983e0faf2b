// A database behind a bad server, and the ones beside it, which are well.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>

#include "grant/grant.hpp"
#include "hostile/hostile_server.hpp"
#include "support/error_of.hpp"

namespace grant::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeout = 300ms;  // of a probe, and of a wait for a connection, of the bad one

/// How much longer a busy machine may make things.
constexpr auto kLate = 4s;

struct Bad {
  std::string engine;
  std::string arguments;  ///< Of server.py, behind the engine.
  std::string params;     ///< Of the URL.
};

std::ostream& operator<<(std::ostream& out, const Bad& bad) {
  return out << bad.engine << ' ' << bad.arguments << ' ' << bad.params;
}

ConnectionSpec spec_of(const std::string& engine, int port, const std::string& params,
                       std::chrono::milliseconds timeout) {
  ConnectionSpec spec;
  spec.url = fmt::format("{}://app:hush@127.0.0.1:{}/app{}", engine, port, params);
  spec.pool.checkout_timeout = timeout;
  spec.pool.max_size = 20;
  spec.routing.failover_timeout = timeout;
  spec.health_check.timeout = timeout;
  spec.health_check.interval = 100ms;
  spec.health_check.recheck_interval = 100ms;
  return spec;
}

bool is_healthy(const Registry& registry, std::string_view database) {
  const auto nodes = registry.health_status();
  return std::ranges::all_of(nodes, [&](const NodeStatus& node) {
    return !node.key.starts_with(database) || node.healthy;
  });
}

std::int64_t ask(const std::string& database) {
  return sql("select 1 as one").on(database).read().run()[0].get<std::int64_t>("one");
}

std::size_t threads() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}));
}

template <class Action>
Duration duration_of(const Action& action) {
  const auto started = Clock::system().now();
  action();
  return Clock::system().now() - started;
}

class OneBadServer : public ::testing::TestWithParam<Bad> {};

TEST_P(OneBadServer, KeepsNobodyFromTheOthers) {
  const auto& [engine, arguments, params] = GetParam();
  HostileServer bad(engine + ' ' + arguments);
  HostileServer good(engine + " polite");
  const auto registry =
      std::make_shared<Registry>(Databases{{"bad", spec_of(engine, bad.port(), params, kTimeout)},
                                           {"good", spec_of(engine, good.port(), "", kLate)}});
  EXPECT_LT(duration_of([&] { registry->check_health_now(); }), 2 * kTimeout + kLate);
  EXPECT_FALSE(is_healthy(*registry, "bad"));
  EXPECT_TRUE(is_healthy(*registry, "good"));
  Session(registry).run([&] {
    EXPECT_EQ(ask("good"), 1);
    for (int i = 0; i < 2; ++i) {
      ErrorInfo error;
      const auto took = duration_of([&] { error = error_of([] { ask("bad"); }); });
      EXPECT_LT(took, 2 * kTimeout + kLate) << error.message;
      EXPECT_EQ(ask("good"), 1);
    }
  });
  const auto before = threads();
  for (int i = 0; i < 2; ++i) {
    EXPECT_LT(duration_of([&] { registry->check_health_now(); }), 2 * kTimeout + kLate);
  }
  EXPECT_LE(threads(), before + 4);
  EXPECT_TRUE(is_healthy(*registry, "good"));
  EXPECT_LT(duration_of([&] { registry->close(100ms); }), kLate);
}

#ifdef GRANT_TEST_MARIADB
INSTANTIATE_TEST_SUITE_P(Mariadb, OneBadServer,
                         ::testing::Values(Bad{"mariadb", "silent", ""},
                                           Bad{"mariadb", "silent-in-tls", "?ssl-mode=required"},
                                           Bad{"mariadb", "endless-greeting", ""},
                                           Bad{"mariadb", "rows-without-end", ""},
                                           Bad{"mariadb", "hang-after-login", ""},
                                           Bad{"mariadb", "asks-in-clear dialog", ""}));
#endif
#ifdef GRANT_TEST_POSTGRES
INSTANTIATE_TEST_SUITE_P(Postgres, OneBadServer,
                         ::testing::Values(Bad{"postgres", "silent", ""},
                                           Bad{"postgres", "silent-in-tls", "?sslmode=require"},
                                           Bad{"postgres", "scram-in-tls 20000000",
                                               "?sslmode=require"},
                                           Bad{"postgres", "endless-greeting", ""},
                                           Bad{"postgres", "rows-without-end", ""},
                                           Bad{"postgres", "errors-without-end", ""},
                                           Bad{"postgres", "hang-after-login", ""}));
#endif

}  // namespace
}  // namespace grant::test
