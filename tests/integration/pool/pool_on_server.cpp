#include "integration/pool/pool_on_server.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "grant/core/codec.hpp"
#include "support/shared_server.hpp"
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

template <class... Values>
std::string filled(const char* form, const Values&... values) {
  return fmt::format(fmt::runtime(form), values...);
}

std::string new_user() {
  static int count = 0;
  return fmt::format("pool{}", ++count);
}

}  // namespace

const std::vector<Engine>& engines() {
  static const std::vector<Engine> all{
#ifdef GRANT_TEST_POSTGRES
      {
          .name = "Postgres",
          .driver = []() -> const Driver& { return postgres::driver(); },
          .cluster = []() -> ServerCluster& { return SharedServer<PostgresCluster>::get(); },
          .make_overseer = "create role overseer superuser login password 'overseer-secret';"
                           "create table pooled (id bigint primary key);"
                           "grant all on pooled to public",
          .make_user = "create role {} login password 'pool-secret'",
          .id = "select pg_backend_pid()::bigint",
          .sessions = "select pid::bigint from pg_stat_activity where usename = '{}' order by 1",
          .end = "select pg_terminate_backend({})",
          .end_when_idle = "alter role {1} set idle_session_timeout = '{0}s'",
          .sleep = "select pg_sleep(300)",
          .sleepers = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' "
                      "and usename = '{}'",
      },
#endif
#ifdef GRANT_TEST_MARIADB
      {
          .name = "Mariadb",
          .driver = []() -> const Driver& { return mariadb::driver(); },
          .cluster = []() -> ServerCluster& { return SharedServer<MariadbCluster>::get(); },
          .make_overseer = "create user overseer@'127.0.0.1' identified by 'overseer-secret';"
                           "grant all on *.* to overseer@'127.0.0.1' with grant option;"
                           "create table pooled (id bigint primary key)",
          .make_user = "create user {0}@'127.0.0.1' identified by 'pool-secret';"
                       "grant all on app.* to {0}@'127.0.0.1'",
          .id = "select cast(connection_id() as signed)",
          .sessions = "select cast(id as signed) from information_schema.processlist "
                      "where user = '{}' order by 1",
          .end = "kill {}",
          .end_when_idle = "set global wait_timeout = {0}",
          .sleep = "select sleep(300)",
          .sleepers = "select count(*) from information_schema.processlist "
                      "where info = 'select sleep(300)' and user = '{}'",
      },
#endif
  };
  return all;
}

const Engine* find_engine(std::string_view name) {
  const auto found = std::ranges::find(engines(), name, &Engine::name);
  return found == engines().end() ? nullptr : &*found;
}

io::Call patient() {
  return io::Call(io::blocking_waiter(), after(Clock::system().now(), kPatience));
}

std::unique_ptr<Result> exec(Connection& connection, const std::string& sql, Effect effect) {
  return run(connection.execute(patient(), Statement{sql, {}, effect}));
}

std::int64_t number(Connection& connection, const std::string& sql) {
  return Codec<std::int64_t>::decode(exec(connection, sql, Effect::read)->cell(0, 0));
}

void PoolOnServer::SetUp() {
  auto& cluster = engine_.cluster();
  const auto overseers = target("overseer", "overseer-secret");
  try {
    overseer_ = connect(overseers);
  } catch (const Error&) {
    cluster.sql(0, engine_.make_overseer);
    overseer_ = connect(overseers);
  }
  user_ = new_user();
  cluster.sql(0, filled(engine_.make_user, user_));
  oversee("truncate table pooled");
}

void PoolOnServer::TearDown() {
  if (!overseer_) return;  // no server could be had
  EXPECT_TRUE(eventually([&] { return sessions().empty(); })) << "a test leaves nothing behind";
}

PoolOptions PoolOnServer::options(std::size_t max_size) {
  PoolOptions options;
  options.max_size = max_size;
  options.checkout_timeout = kPatience;
  options.retry_delay = 20ms;
  options.idle_timeout = 0ms;
  options.max_lifetime = 0ms;
  options.verify_idle = 24h;
  return options;
}

std::unique_ptr<Pool> PoolOnServer::pool(const PoolOptions& options, const Clock& clock) const {
  return std::make_unique<Pool>(options, driver_, target(), clock, EventSink{});
}

ConnectOptions PoolOnServer::target(const std::string& user, const std::string& password) const {
  auto url = Url::parse(engine_.cluster().url(0));
  url.user = user;
  url.password = password;
  ConnectOptions options;
  options.url = url;
  options.node = "primary/test";
  return options;
}

std::unique_ptr<Connection> PoolOnServer::connect(const ConnectOptions& target) const {
  return run(engine_.driver().connect(patient(), target));
}

SessionId PoolOnServer::id_of(Connection& connection) const {
  return number(connection, engine_.id);
}

std::vector<SessionId> PoolOnServer::sessions() const {
  const auto found = oversee(filled(engine_.sessions, user_));
  std::vector<SessionId> ids;
  for (std::size_t i = 0; i < found->row_count(); ++i) {
    ids.push_back(Codec<SessionId>::decode(found->cell(i, 0)));
  }
  return ids;
}

bool PoolOnServer::has(SessionId session) const {
  const auto all = sessions();
  return std::ranges::find(all, session) != all.end();
}

std::int64_t PoolOnServer::sleepers() const {
  return number(*overseer_, filled(engine_.sleepers, user_));
}

void PoolOnServer::end(SessionId session) const {
  oversee(filled(engine_.end, session));
  EXPECT_TRUE(eventually([&] { return !has(session); }));
}

void PoolOnServer::end_new_sessions_when_idle_for(std::chrono::seconds limit) const {
  oversee(filled(engine_.end_when_idle, limit.count(), user_));
}

std::int64_t PoolOnServer::rows() const {
  return number(*overseer_, "select count(*) from pooled");
}

std::unique_ptr<Result> PoolOnServer::oversee(const std::string& sql) const {
  return exec(*overseer_, sql);
}

}  // namespace grant::test
