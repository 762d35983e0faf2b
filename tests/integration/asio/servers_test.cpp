// One thread, an event loop, and real servers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_future.hpp>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "grant/asio/async_run.hpp"
#include "grant/core/error.hpp"
#include "grant/pool/pool.hpp"
#include "support/code_of.hpp"
#include "support/eventually.hpp"
#include "support/shared_server.hpp"
#include "support/soon.hpp"
#ifdef GRANT_TEST_POSTGRES
#include "grant/driver/postgres/driver.hpp"
#include "support/postgres_cluster.hpp"
#endif
#ifdef GRANT_TEST_MARIADB
#include "grant/driver/mariadb/driver.hpp"
#include "support/mariadb_cluster.hpp"
#endif

namespace grant::test {
namespace {

using namespace std::chrono_literals;
using asio::async_run;
using ::asio::use_future;
using io::Call;

struct Server {
  const char* name;
  const Driver& (*driver)();
  ServerCluster& (*cluster)();
  const char* sleep_shortly;  // 0.2 s
  const char* sleep_long;
  const char* count_long;  // sessions that run it
};

std::vector<Server> servers() {
  return {
#ifdef GRANT_TEST_POSTGRES
      {"Postgres", []() -> const Driver& { return postgres::driver(); },
       []() -> ServerCluster& { return SharedServer<PostgresCluster>::get(); },
       "select pg_sleep(0.2)", "select pg_sleep(20)",
       "select count(*) from pg_stat_activity where query = 'select pg_sleep(20)'"},
#endif
#ifdef GRANT_TEST_MARIADB
      {"Mariadb", []() -> const Driver& { return mariadb::driver(); },
       []() -> ServerCluster& { return SharedServer<MariadbCluster>::get(); }, "select sleep(0.2)",
       "select sleep(20)",
       "select count(*) from information_schema.processlist where info = 'select sleep(20)'"},
#endif
  };
}

class Awaiting : public ::testing::TestWithParam<Server> {
 protected:
  [[nodiscard]] static const Driver& driver() { return GetParam().driver(); }

  [[nodiscard]] static ConnectOptions target() {
    ConnectOptions options;
    options.url = Url::parse(GetParam().cluster().url(0));
    options.node = "primary/test";
    return options;
  }

  [[nodiscard]] static std::unique_ptr<Pool> pool(std::size_t size) {
    PoolOptions options;
    options.max_size = size;
    options.checkout_timeout = kPatience;
    return std::make_unique<Pool>(options, driver(), target(), Clock::system(), EventSink{});
  }

  [[nodiscard]] static bool eventually_runs_long_statements(int count) {
    return eventually([&] {
      return GetParam().cluster().sql(0, GetParam().count_long) == std::to_string(count);
    });
  }
};

std::string name_of(const ::testing::TestParamInfo<Server>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(On, Awaiting, ::testing::ValuesIn(servers()), name_of);

auto connect(const Driver& driver, ConnectOptions target) {
  return [&driver, target = std::move(target)](Call call) -> Task<std::unique_ptr<Connection>> {
    co_return co_await driver.connect(call, target);
  };
}

auto execute(Connection& connection, const char* sql) {
  return [&connection, sql](Call call) -> Task<std::string> {
    const Statement statement{sql, {}, Effect::read};
    const auto rows = co_await connection.execute(call, statement);
    co_return std::string(rows->row_count() == 1 ? "one row" : "other");
  };
}

auto execute_leased(Pool& pool, const char* sql) {
  return [&pool, sql](Call call) -> Task<std::string> {
    const auto lease = co_await pool.acquire(call);
    const Statement statement{sql, {}, Effect::read};
    const auto rows = co_await lease->execute(call, statement);
    co_return std::string(rows->row_count() == 1 ? "one row" : "other");
  };
}

TEST_P(Awaiting, TwoHundredSleepingConnectionsEndTogetherOnOneThread) {
  constexpr std::size_t kConnections = 200;
  ::asio::io_context context;
  std::vector<std::unique_ptr<Connection>> connections;
  while (connections.size() < kConnections) {
    // A server has only so much room for connections that it has not looked at yet.
    std::vector<std::future<std::unique_ptr<Connection>>> connecting;
    connecting.reserve(20);
    for (int i = 0; i < 20; ++i) {
      connecting.push_back(async_run(context.get_executor(), connect(driver(), target()),
                                     in(kPatience), use_future));
    }
    context.run();
    context.restart();
    for (auto& each : connecting) connections.push_back(each.get());
  }

  std::vector<std::future<std::string>> sleeping;
  sleeping.reserve(kConnections);
  const auto started = Clock::system().now();
  for (auto& each : connections) {
    sleeping.push_back(async_run(context.get_executor(), execute(*each, GetParam().sleep_shortly),
                                 in(kPatience), use_future));
  }
  context.run();
  const auto took = Clock::system().now() - started;
  for (auto& each : sleeping) EXPECT_EQ(each.get(), "one row");
  EXPECT_LT(took, 10s);  // one after the other: 40 s
  std::cout << kConnections << " connections slept 0.2 s each in "
            << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
}

TEST_P(Awaiting, DeadlineEndsAStatementAndFreesItsConnection) {
  ::asio::io_context context;
  const auto shared = pool(1);
  // The server may run it to its end: not the text that other tests look for.
  const auto sql = std::string(GetParam().sleep_long) + " -- late";
  auto late = async_run(context.get_executor(), execute_leased(*shared, sql.c_str()), in(300ms),
                        use_future);
  context.run();
  const auto code = code_of(std::move(late));
  // On a machine so slow that the connection was not there yet: unavailable, or pool_timeout.
  EXPECT_TRUE(code == Errc::timeout || code == Errc::unavailable || code == Errc::pool_timeout);
  EXPECT_EQ(shared->stats().leased, 0U);
  context.restart();
  auto next = async_run(context.get_executor(), execute_leased(*shared, "select 1"), in(kPatience),
                        use_future);
  context.run();
  EXPECT_EQ(next.get(), "one row");
}

TEST_P(Awaiting, CancelledStatementFreesItsConnectionForOthers) {
  ::asio::io_context context;
  const auto shared = pool(1);
  ::asio::cancellation_signal signal;
  auto cancelled =
      async_run(context.get_executor(), execute_leased(*shared, GetParam().sleep_long),
                in(kPatience), ::asio::bind_cancellation_slot(signal.slot(), use_future));
  auto next = async_run(context.get_executor(), execute_leased(*shared, "select 1"), in(kPatience),
                        use_future);
  std::thread loop([&context] { context.run(); });
  EXPECT_TRUE(eventually_runs_long_statements(1));
  EXPECT_TRUE(eventually([&] { return shared->stats().waiting == 1; }));
  EXPECT_EQ(shared->stats().leased, 1U);
  ::asio::post(context, [&signal] { signal.emit(::asio::cancellation_type::terminal); });
  loop.join();
  EXPECT_EQ(code_of(std::move(cancelled)), Errc::cancelled);
  EXPECT_EQ(next.get(), "one row");
  const auto stats = shared->stats();
  EXPECT_EQ(stats.leased, 0U);
  EXPECT_EQ(stats.idle, 1U);
  EXPECT_EQ(stats.waiting, 0U);
}

TEST_P(Awaiting, CancelledCallerLeavesTheQueueOfAPool) {
  ::asio::io_context context;
  const auto shared = pool(1);
  const Lease only = run(shared->acquire(Call(io::blocking_waiter(), in(kPatience))));
  ::asio::cancellation_signal signal;
  auto cancelled =
      async_run(context.get_executor(), execute_leased(*shared, "select 1"), in(kPatience),
                ::asio::bind_cancellation_slot(signal.slot(), use_future));
  context.poll();
  EXPECT_EQ(shared->stats().waiting, 1U);
  signal.emit(::asio::cancellation_type::total);
  context.run();
  EXPECT_EQ(code_of(std::move(cancelled)), Errc::cancelled);
  EXPECT_EQ(shared->stats().waiting, 0U);
}

TEST_P(Awaiting, ManyCallersShareAPoolOnOneThread) {
  ::asio::io_context context;
  const auto shared = pool(3);
  std::vector<std::future<std::string>> answers;
  answers.reserve(100);
  for (int i = 0; i < 100; ++i) {
    answers.push_back(async_run(context.get_executor(), execute_leased(*shared, "select 1"),
                                in(kPatience), use_future));
  }
  context.run();
  for (auto& each : answers) EXPECT_EQ(each.get(), "one row");
  EXPECT_EQ(shared->stats().leased, 0U);
  EXPECT_LE(shared->stats().idle, 3U);
}

}  // namespace
}  // namespace grant::test
