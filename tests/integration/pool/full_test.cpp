// Servers that have no place for as many connections as the pool may open.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <ostream>
#include <thread>

#include "integration/pool/pool_on_server.hpp"
#include "support/mariadb_cluster.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What keeps the test's user from having more sessions.
struct Limit {
  const char* name;
  const char* engine;
  const char* says;      ///< The server, when it refuses one more.
  const char* sql;       ///< Lets the user {0} have {1} sessions; null: `places` are all there is.
  std::size_t places{};  ///< For plain users, some of which others take.
  void (*prepare)(ServerCluster& server) = nullptr;
  void (*undo)(ServerCluster& server) = nullptr;
};

std::ostream& operator<<(std::ostream& out, const Limit& limit) { return out << limit.name; }

const Limit kLimits[] = {
    {
        .name = "PostgresRole",
        .engine = "Postgres",
        .says = "too many connections for role",
        .sql = "alter role {} connection limit {}",
    },
    {
        .name = "PostgresServer",
        .engine = "Postgres",
        .says = "remaining connection slots are reserved",
        .sql = nullptr,
        .places = 6,  // 3 are reserved, and the overseer has one
        .prepare =
            [](ServerCluster& server) {
              server.sql(0, "alter system set max_connections = 10");
              server.stop(0);
              server.start(0);
            },
        .undo =
            [](ServerCluster& server) {
              server.sql(0, "alter system reset max_connections");
              server.stop(0);
              server.start(0);
            },
    },
    {
        .name = "MariadbAccount",  // 1226
        .engine = "Mariadb",
        .says = "exceeded the 'max_user_connections' resource",
        .sql = "alter user {}@'127.0.0.1' with max_user_connections {}",
    },
    {
        .name = "MariadbUsers",  // 1203
        .engine = "Mariadb",
        .says = "more than 'max_user_connections' active connections",
        .sql = "set global max_user_connections = {1}",
        // Where the server did not start with a limit, it takes none later.
        .prepare =
            [](ServerCluster& server) {
              server.stop(0);
              static_cast<MariadbCluster&>(server).start(0, "--max-user-connections=100");
            },
        .undo =
            [](ServerCluster& server) {
              server.stop(0);
              server.start(0);
            },
    },
    {
        .name = "MariadbServer",  // 1040
        .engine = "Mariadb",
        .says = "Too many connections",
        .sql = nullptr,
        .places = 9,  // the overseer has one
        .prepare = [](ServerCluster& server) { server.sql(0, "set global max_connections = 10"); },
        .undo = [](ServerCluster& server) { server.sql(0, "set global max_connections = 300"); },
    },
};

/// Those of the engines that are built.
std::vector<Limit> limits() {
  std::vector<Limit> all(std::begin(kLimits), std::end(kLimits));
  std::erase_if(all, [](const Limit& limit) { return find_engine(limit.engine) == nullptr; });
  return all;
}

class FullServer : public PoolOnServer, public ::testing::WithParamInterface<Limit> {
 protected:
  FullServer() : PoolOnServer(*find_engine(GetParam().engine)) {}

  void SetUp() override {
    if (GetParam().prepare != nullptr) GetParam().prepare(engine_.cluster());
    PoolOnServer::SetUp();
  }
  void TearDown() override {
    PoolOnServer::TearDown();
    others_.clear();
    overseer_.reset();
    if (GetParam().undo != nullptr) GetParam().undo(engine_.cluster());
  }

  void allow(std::size_t sessions) {
    if (GetParam().sql != nullptr) {
      oversee(fmt::format(fmt::runtime(GetParam().sql), user_, sessions));
      return;
    }
    auto other = target();
    other.url = Url::parse(engine_.cluster().url(0));
    while (others_.size() + sessions > GetParam().places) others_.pop_back();
    while (others_.size() + sessions < GetParam().places) others_.push_back(connect(other));
  }

  std::vector<std::unique_ptr<Connection>> others_;
};

std::string name_of_limit(const ::testing::TestParamInfo<Limit>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(On, FullServer, ::testing::ValuesIn(limits()), name_of_limit);

/// Threads that take connections and ask something, until this goes.
class Load {
 public:
  Load(Pool& pool, const std::string& question, int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, &pool, question] {
        while (!stopped_) ask(pool, question);
      });
    }
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() { stop(); }

  void stop() {
    stopped_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  [[nodiscard]] std::uint64_t served() const noexcept { return served_; }

  /// What went wrong. After stop().
  [[nodiscard]] const std::vector<std::string>& errors() const noexcept { return errors_; }

 private:
  void ask(Pool& pool, const std::string& question) {
    try {
      exec(*run(pool.acquire(patient())), question, Effect::read);
      ++served_;
    } catch (const Error& error) {
      const std::lock_guard lock(mutex_);
      errors_.emplace_back(error.what());
    }
  }

  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> served_ = 0;
  std::mutex mutex_;
  std::vector<std::string> errors_;
  std::vector<std::thread> threads_;
};

TEST_P(FullServer, ServesEverybodyWithWhatItGivesAndIsNotHammered) {
  allow(3);
  const auto pool = this->pool(options(8));
  Load load(*pool, engine_.id, 12);
  EXPECT_TRUE(eventually([&] {
    const auto seen = pool->stats();
    return seen.open() == 3 && seen.opening == 0 && seen.failed > 0;
  }));
  const auto rush = driver_.attempts();
  EXPECT_LE(rush, 60U) << "at most 8 at a time, and some of them twice";
  const auto served = load.served();
  const auto began = Clock::system().now();
  EXPECT_TRUE(eventually([&] { return load.served() >= served + 10'000; }));
  const auto took = Clock::system().now() - began;
  // The pauses after failures are half of retry_delay or more, and double.
  std::uint64_t paced = 1;
  for (Duration pause = 10ms; pause < took; pause = pause * 2 + 10ms) ++paced;
  // Each may be tried twice: where the refusal itself is lost, the pool does not know that it was
  // one.
  EXPECT_LE(driver_.attempts(), rush + 2 * paced);
  EXPECT_EQ(sessions().size(), 3U);
  const auto full = pool->stats();

  allow(6);
  EXPECT_TRUE(eventually([&] { return pool->stats().open() == 6; }));
  EXPECT_EQ(sessions().size(), 6U);
  load.stop();
  EXPECT_THAT(load.errors(), IsEmpty());
  std::printf("%llu served; %llu attempts, %llu of them in vain by the time it grew\n",
              static_cast<unsigned long long>(load.served()),
              static_cast<unsigned long long>(driver_.attempts()),
              static_cast<unsigned long long>(full.failed));
}

TEST_P(FullServer, GivesAPlaceToTheSuccessorOfAConnectionThatWasLost) {
  allow(2);
  const auto pool = this->pool(options(8));
  Load load(*pool, engine_.id, 6);
  EXPECT_TRUE(eventually([&] { return pool->stats().failed > 0 && sessions().size() == 2; }));
  const auto before = sessions();
  end(before.front());
  EXPECT_TRUE(eventually([&] {
    const auto now = sessions();
    return now.size() == 2 && now != before;
  }));
  load.stop();
  EXPECT_LE(load.errors().size(), 1U) << "that of who had the connection";
}

TEST_P(FullServer, WhoGetsNoneIsToldWhyAndServedOnceThereIsAPlace) {
  allow(1);
  auto other = connect(target());
  const auto pool = this->pool(options(4));
  const auto error = error_of([&] { return run(pool->acquire(patient())); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr(GetParam().says));
  EXPECT_LE(driver_.attempts(), 2U) << "one retry";

  other.reset();
  EXPECT_TRUE(eventually([&] { return sessions().empty(); }));
  EXPECT_TRUE(eventually([&] {
    try {
      return bool(run(pool->acquire(patient())));
    } catch (const Error&) {
      return false;  // the server may have forgotten the session before it has its place back
    }
  }));
}

}  // namespace
}  // namespace grant::test
