// What servers that lie, stall, flood or ask for secrets get, and what a caller is told of them.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <fstream>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "grant/driver/connection.hpp"
#include "grant/driver/driver.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"
#include "hostile/hostile_server.hpp"
#include "support/error_of.hpp"
#include "support/sanitizers.hpp"
#ifdef GRANT_TEST_MARIADB
#include "grant/driver/mariadb/driver.hpp"
#endif
#ifdef GRANT_TEST_POSTGRES
#include "grant/driver/postgres/driver.hpp"
#endif

namespace grant::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kPassword = "hush-hush";

/// How long a call may take, and how much longer a busy machine may make it.
constexpr auto kDeadline = 1s;
constexpr auto kLate = 4s;

struct Scenario {
  std::string engine;
  std::string arguments;  ///< Of server.py, behind the engine.
  std::string params{};   ///< Of the URL.
  Errc code{};
  std::string_view says{};  ///< A part of the error.
};

std::ostream& operator<<(std::ostream& out, const Scenario& scenario) {
  return out << scenario.engine << ' ' << scenario.arguments << ' ' << scenario.params;
}

const Driver& driver_of(const Scenario& scenario) {
#ifdef GRANT_TEST_MARIADB
  if (scenario.engine == "mariadb") return mariadb::driver();
#endif
#ifdef GRANT_TEST_POSTGRES
  if (scenario.engine == "postgres") return postgres::driver();
#endif
  throw std::runtime_error("no such engine");
}

std::unique_ptr<Connection> connect_to(const Scenario& scenario, const HostileServer& server,
                                       io::Call call) {
  ConnectOptions options;
  options.url = Url::parse(fmt::format("{}://app:{}@127.0.0.1:{}/app{}", scenario.engine, kPassword,
                                       server.port(), scenario.params));
  options.node = "hostile";
  return run(driver_of(scenario).connect(call, std::move(options)));
}

Statement select_one() {
  Statement statement;
  statement.sql = "SELECT 1 AS one";
  statement.effect = Effect::read;
  return statement;
}

io::Call limited() {
  return io::Call(io::blocking_waiter(), after(Clock::system().now(), kDeadline));
}

// AddressSanitizer keeps for a while what was freed.
std::size_t peak_memory_in_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) / 1024;
  }
  return 0;
}

class Hostile : public ::testing::TestWithParam<Scenario> {
 protected:
  /// What `action` ends with. It is in time, takes no memory to speak of, and gives nothing away.
  template <class Action>
  ErrorInfo outcome_of(const Action& action) {
    [[maybe_unused]] const auto memory = peak_memory_in_mb();
    const auto started = Clock::system().now();
    auto error = error_of(action);
    EXPECT_LT(Clock::system().now() - started, kDeadline + kLate);
    if (kMemoryIsPlain) {
      EXPECT_LT(peak_memory_in_mb() - memory, 100U);
    }
    EXPECT_THAT(error.message, Not(HasSubstr(std::string(kPassword))));
    EXPECT_THAT(error.message, HasSubstr("hostile"));
    EXPECT_EQ(error.code, GetParam().code) << error.message;
    EXPECT_THAT(error.message, HasSubstr(std::string(GetParam().says)));
    return error;
  }
};

/// The password is neither given nor proven, and no statement is sent.
using GetsNothing = Hostile;

TEST_P(GetsNothing, OfThePassword) {
  HostileServer server(GetParam().engine + ' ' + GetParam().arguments);
  outcome_of([&] { return connect_to(GetParam(), server, limited()); });
  const auto said = server.stop();
  EXPECT_THAT(said, HasSubstr("connected"));
  for (const auto* secret : {"password", "proof", "statement"}) {
    EXPECT_THAT(said, Not(HasSubstr(secret)));
  }
}

/// The password itself stays here; a proof of it may go.
using GetsAProof = Hostile;

TEST_P(GetsAProof, AndNotThePassword) {
  HostileServer server(GetParam().engine + ' ' + GetParam().arguments);
  outcome_of([&] { return connect_to(GetParam(), server, limited()); });
  EXPECT_THAT(server.stop(), Not(HasSubstr("password")));
}

/// A session begins, and ends with this error, whatever is asked on it first.
using Misbehaves = Hostile;

TEST_P(Misbehaves, ToAStatement) {
  HostileServer server(GetParam().engine + ' ' + GetParam().arguments);
  auto connection = connect_to(GetParam(), server, limited());
  outcome_of([&] { return run(connection->execute(limited(), select_one())); });
}

TEST_P(Misbehaves, ToAProbe) {
  HostileServer server(GetParam().engine + ' ' + GetParam().arguments);
  auto connection = connect_to(GetParam(), server, limited());
  outcome_of([&] { return run(connection->probe(limited())); });
}

/// More of an answer comes than anybody can hold: a statement gets as much as max_result_size, a
/// command of Grant's own far less.
using Floods = Hostile;

TEST_P(Floods, AStatement) {
  HostileServer server(GetParam().engine + ' ' + GetParam().arguments);
  auto connection = connect_to(GetParam(), server, limited());
  outcome_of([&] { return run(connection->execute(limited(), select_one())); });
}

TEST_P(Floods, AProbe) {
  HostileServer server(GetParam().engine + ' ' + GetParam().arguments);
  auto connection = connect_to(GetParam(), server, limited());
  const auto error = error_of([&] { return run(connection->probe(limited())); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("more than asked for"));
}

/// A stream of what never ends goes on for as long as somebody wants it.
TEST_P(Floods, NoStream) {
  HostileServer server(GetParam().engine + ' ' + GetParam().arguments);
  auto connection = connect_to(GetParam(), server, limited());
  [[maybe_unused]] const auto memory = peak_memory_in_mb();
  const auto rows = run(connection->stream(limited(), select_one(), {.chunk_rows = 100}));
  for (int chunks = 0; chunks < 100; ++chunks) {
    const auto* chunk = run(rows->next(limited()));
    ASSERT_NE(chunk, nullptr);
    ASSERT_EQ(chunk->row_count(), 100U);
  }
  if (kMemoryIsPlain) {
    EXPECT_LT(peak_memory_in_mb() - memory, 100U);
  }
}

/// What is read of an answer is there, or the answer is refused.
using Lies = Hostile;

TEST_P(Lies, ToAProbe) {
  HostileServer server(GetParam().engine + ' ' + GetParam().arguments);
  auto connection = connect_to(GetParam(), server, limited());
  outcome_of([&] { return run(connection->probe(limited())); });
}

TEST_P(Lies, ToAStatementAsToWhateverIsAskedNext) {
  HostileServer server(GetParam().engine + ' ' + GetParam().arguments);
  auto connection = connect_to(GetParam(), server, limited());
  Statement statement;
  statement.sql = "SELECT 1 AS one, $1 AS two";
  const std::array params{ValueView::integer(2)};
  statement.params = params;
  statement.effect = Effect::read;
  for (int i = 0; i < 3 && connection->is_open(); ++i) {
    try {
      const auto rows = run(connection->execute(limited(), statement));
      for (std::size_t row = 0; row < rows->row_count(); ++row) {
        for (std::size_t column = 0; column < rows->column_count(); ++column) {
          static_cast<void>(rows->cell(row, column));
        }
      }
    } catch (const Error& error) {
      EXPECT_NE(error.what(), std::string());
    }
  }
}

/// Rows come faster than they are read, and without a limit of their size.
TEST(HostileServers, HoldNobodyBeyondTheDeadline) {
  for (const Scenario& scenario : {
#ifdef GRANT_TEST_MARIADB
           Scenario{"mariadb", "rows-without-end", "?max_result_size=0"},
#endif
#ifdef GRANT_TEST_POSTGRES
           Scenario{"postgres", "rows-without-end", "?max_result_size=0"},
#endif
       }) {
    HostileServer server(scenario.engine + ' ' + scenario.arguments);
    auto connection = connect_to(scenario, server, limited());
    const auto started = Clock::system().now();
    const io::Call call(io::blocking_waiter(), after(started, 500ms));
    const auto error = error_of([&] { return run(connection->execute(call, select_one())); });
    EXPECT_EQ(error.code, Errc::timeout) << error.message;
    EXPECT_LT(Clock::system().now() - started, 500ms + kLate);
  }
}

#ifdef GRANT_TEST_POSTGRES
/// What a client library computes in one piece keeps a thread, and no caller; and one thread for
/// each server. It is still there when the process ends.
TEST(HostileServers, KeepOneThreadAndNobodyElse) {
  const Scenario scenario{"postgres", "scram-in-tls 20000000", "?sslmode=require"};
  HostileServer server(scenario.engine + ' ' + scenario.arguments);
  const auto started = Clock::system().now();
  const auto first = error_of([&] { return connect_to(scenario, server, limited()); });
  const auto took = Clock::system().now() - started;
  EXPECT_EQ(first.code, Errc::unavailable) << first.message;
  EXPECT_GE(took, kDeadline);
  EXPECT_LT(took, kDeadline + kLate);
  const auto again = Clock::system().now();
  const auto second = error_of([&] { return connect_to(scenario, server, limited()); });
  EXPECT_EQ(second.code, Errc::unavailable) << second.message;
  EXPECT_THAT(second.message, HasSubstr("not tried"));
  EXPECT_LT(Clock::system().now() - again, kDeadline);
}
#endif

/// Where the password goes because the user says so, it does.
TEST(HostileServers, GetThePasswordWhereTheUserSaysSo) {
  for (const Scenario& scenario : {
#ifdef GRANT_TEST_MARIADB
           Scenario{"mariadb", "asks-in-clear mysql_clear_password", "?clear_password=always"},
           Scenario{"mariadb", "clear-inside-tls mysql_clear_password",
                    "?ssl-mode=required&clear_password=encrypted"},
#endif
#ifdef GRANT_TEST_POSTGRES
           Scenario{"postgres", "asks-in-clear", "?clear_password=always"},
#endif
       }) {
    HostileServer server(scenario.engine + ' ' + scenario.arguments);
    try {
      static_cast<void>(connect_to(scenario, server, limited()));
    } catch (const Error&) {
      // What comes of it does not matter.
    }
    EXPECT_THAT(server.stop(), HasSubstr("password " + std::string(kPassword)))
        << ::testing::PrintToString(scenario);
  }
}

#ifdef GRANT_TEST_MARIADB
INSTANTIATE_TEST_SUITE_P(
    Mariadb, GetsNothing,
    ::testing::Values(
        Scenario{"mariadb", "no-tls", "?ssl-mode=required", Errc::configuration, "TLS"},
        Scenario{"mariadb", "no-tls", "?ssl-mode=verify_full", Errc::configuration, "TLS"},
        Scenario{"mariadb", "asks-in-clear mysql_clear_password", "?ssl-mode=required",
                 Errc::configuration, "TLS"},
        Scenario{"mariadb", "asks-in-clear-first mysql_clear_password", "?ssl-mode=required",
                 Errc::configuration, "TLS"},
        Scenario{"mariadb", "asks-in-clear-first caching_sha2_password", "?ssl-mode=required",
                 Errc::configuration, "TLS"},
        Scenario{"mariadb", "asks-in-clear-first mysql_clear_password", "", Errc::configuration},
        Scenario{"mariadb", "asks-in-clear-first caching_sha2_password", "", Errc::configuration},
        Scenario{"mariadb", "asks-in-clear-first caching_sha2_password", "?ssl-mode=disabled",
                 Errc::configuration},
        Scenario{"mariadb", "asks-in-clear-first sha256_password", "", Errc::configuration},
        Scenario{"mariadb", "asks-in-clear-first dialog", "", Errc::configuration},
        Scenario{"mariadb", "asks-in-clear-first dialog", "?clear_password=always",
                 Errc::configuration},
        Scenario{"mariadb", "clear-inside-tls", "?ssl-mode=verify_full", Errc::configuration},
        Scenario{"mariadb", "silent", "", Errc::unavailable, "no answer"},
        Scenario{"mariadb", "half-a-greeting", "", Errc::unavailable, "no answer"},
        Scenario{"mariadb", "garbage", "", Errc::unavailable, "no MariaDB server"},
        Scenario{"mariadb", "http", "", Errc::unavailable, "no MariaDB server"},
        Scenario{"mariadb", "endless-greeting", "", Errc::unavailable},
        Scenario{"mariadb", "closes-at-once", "", Errc::unavailable}));
INSTANTIATE_TEST_SUITE_P(
    Mariadb, GetsAProof,
    ::testing::Values(
        Scenario{"mariadb", "asks-in-clear mysql_clear_password", "", Errc::configuration},
        Scenario{"mariadb", "asks-in-clear dialog", "", Errc::configuration},
        Scenario{"mariadb", "asks-in-clear dialog", "?clear_password=always", Errc::configuration},
        Scenario{"mariadb", "asks-in-clear caching_sha2_password", "?ssl-mode=disabled",
                 Errc::configuration},
        Scenario{"mariadb", "asks-in-clear sha256_password", "?ssl-mode=disabled",
                 Errc::configuration},
        Scenario{"mariadb", "asks-in-clear mysql_old_password", "", Errc::configuration},
        Scenario{"mariadb", "clear-inside-tls mysql_clear_password", "?ssl-mode=required",
                 Errc::configuration},
        Scenario{"mariadb", "other-charset", "", Errc::configuration, "character_set_client"},
        Scenario{"mariadb", "closes-after-login", "", Errc::unavailable}));
INSTANTIATE_TEST_SUITE_P(Mariadb, Misbehaves,
                         ::testing::Values(Scenario{"mariadb", "hang-after-login", "",
                                                    Errc::timeout},
                                           Scenario{"mariadb", "huge-length", "", Errc::timeout},
                                           Scenario{"mariadb", "slow-rows", "", Errc::timeout}));
INSTANTIATE_TEST_SUITE_P(Mariadb, Floods,
                         ::testing::Values(Scenario{"mariadb", "rows-without-end",
                                                    "?max_result_size=20", Errc::invalid_argument,
                                                    "20 MiB (max_result_size)"}));
INSTANTIATE_TEST_SUITE_P(
    Mariadb, Lies,
    ::testing::Values(Scenario{"mariadb", "no-rows", "", Errc::unavailable, "0 rows"},
                      Scenario{"mariadb", "other-columns", "", Errc::unavailable, "1 columns"},
                      Scenario{"mariadb", "no-columns", "", Errc::unavailable},
                      Scenario{"mariadb", "broken-row", "", Errc::unavailable}));
#endif

#ifdef GRANT_TEST_POSTGRES
INSTANTIATE_TEST_SUITE_P(
    Postgres, GetsNothing,
    ::testing::Values(
        Scenario{"postgres", "asks-in-clear", "", Errc::configuration, "clear_password"},
        Scenario{"postgres", "asks-in-clear", "?clear_password=encrypted", Errc::configuration},
        Scenario{"postgres", "asks-in-clear", "?sslmode=disable", Errc::configuration,
                 "clear_password"},
        Scenario{"postgres", "greeting-in-pieces clear", "", Errc::configuration, "clear_password"},
        Scenario{"postgres", "asks-in-clear", "?sslmode=require", Errc::configuration, "SSL"},
        Scenario{"postgres", "no-tls", "?sslmode=require", Errc::configuration, "SSL"},
        Scenario{"postgres", "clear-inside-tls", "?sslmode=verify-full&sslrootcert=/etc/hostname",
                 Errc::configuration},
        Scenario{"postgres", "scram 2000000000", "", Errc::unavailable, "1000000"},
        Scenario{"postgres", "silent", "", Errc::unavailable, "no answer"},
        Scenario{"postgres", "half-a-greeting", "", Errc::unavailable, "no answer"},
        Scenario{"postgres", "garbage", "", Errc::unavailable},
        Scenario{"postgres", "http", "", Errc::unavailable},
        Scenario{"postgres", "endless-greeting", "", Errc::unavailable},
        Scenario{"postgres", "endless-greeting", "?sslmode=disable", Errc::unavailable},
        Scenario{"postgres", "closes-at-once", "", Errc::unavailable}));
INSTANTIATE_TEST_SUITE_P(
    Postgres, Misbehaves,
    ::testing::Values(Scenario{"postgres", "hang-after-login", "", Errc::timeout},
                      Scenario{"postgres", "errors-without-end", "", Errc::unavailable,
                               "more answers"},
                      Scenario{"postgres", "notices-without-end", "", Errc::timeout},
                      Scenario{"postgres", "slow-rows", "", Errc::timeout},
                      Scenario{"postgres", "huge-length", "", Errc::timeout},
                      Scenario{"postgres", "broken-row", "", Errc::unavailable}));
INSTANTIATE_TEST_SUITE_P(Postgres, Floods,
                         ::testing::Values(Scenario{"postgres", "rows-without-end",
                                                    "?max_result_size=20", Errc::invalid_argument,
                                                    "20 MiB (max_result_size)"}));
INSTANTIATE_TEST_SUITE_P(
    Postgres, Lies,
    ::testing::Values(Scenario{"postgres", "no-rows", "", Errc::unavailable, "0 rows"},
                      Scenario{"postgres", "other-columns", "", Errc::unavailable, "1 columns"},
                      Scenario{"postgres", "no-columns", "", Errc::unavailable, "0 columns"},
                      Scenario{"postgres", "empty-error", "", Errc::invalid_argument}));
#endif

}  // namespace
}  // namespace grant::test
