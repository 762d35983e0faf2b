// One file or one database in memory, used by many threads.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <future>
#include <numeric>
#include <thread>

#include "grant/cluster/cluster.hpp"
#include "grant/grant.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/nodes.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace grant::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Another process that holds the file's write lock while this lives.
class LockingProcess {
 public:
  explicit LockingProcess(const std::string& url) {
    std::array<int, 2> to{};
    std::array<int, 2> from{};
    if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe2 failed");
    }
    // A program of its own: SQLite must not be carried across a fork, and may be at work on another
    // thread just now.
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      ::execl(GRANT_LOCK_SQLITE, GRANT_LOCK_SQLITE, url.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    input_ = to[1];
    char byte = 0;
    if (::read(from[0], &byte, 1) != 1) ADD_FAILURE() << "the other process took no lock";
    ::close(from[0]);
  }
  LockingProcess(const LockingProcess&) = delete;
  LockingProcess& operator=(const LockingProcess&) = delete;
  ~LockingProcess() {
    ::close(input_);
    ::waitpid(process_, nullptr, 0);
  }

 private:
  pid_t process_ = -1;
  int input_ = -1;
};

class SqlitePools : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory_.path() / name).string();
  }
  [[nodiscard]] std::string url(const std::string& params = {}) const {
    return "sqlite:" + path("app.db") + (params.empty() ? "" : '?' + params);
  }

  static ConnectionSpec spec(const std::string& url) {
    ConnectionSpec spec;
    spec.url = url;
    spec.health_check.interval = 1h;
    spec.health_check.recheck_interval = 1h;
    spec.routing.failover_timeout = 0ms;
    spec.routing.failover_retry_attempts = 0;
    spec.pool.checkout_timeout = 60s;
    return spec;
  }

  static std::shared_ptr<Registry> open(const ConnectionSpec& spec) {
    return std::make_shared<Registry>(Databases{{"primary", spec}});
  }

  /// With the table `entries`.
  static std::shared_ptr<Registry> open_with_table(const ConnectionSpec& spec) {
    auto registry = open(spec);
    Session(registry).run([] {
      sql("CREATE TABLE entries (id INTEGER PRIMARY KEY, writer INTEGER NOT NULL)").run();
    });
    return registry;
  }

  static void add(std::int64_t writer = 0) {
    sql("INSERT INTO entries (writer) VALUES ($1)", writer).run();
  }

  static std::int64_t count() {
    return sql("SELECT count(*) AS n FROM entries").read().run()[0].get<std::int64_t>("n");
  }

  static NodeStatus status(const std::shared_ptr<Registry>& registry) {
    return registry->health_status()[0];
  }

  /// `function` on a thread of its own, in a session of its own.
  template <class Function>
  static auto elsewhere(const std::shared_ptr<Registry>& registry, Function function) {
    return std::async(std::launch::async,
                      [registry, function] { return Session(registry).run(function); });
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(SqlitePools, ManyWritersAndReadersNeverFindTheFileBusy) {
  static constexpr int kWriters = 6;
  static constexpr int kReaders = 3;
  static constexpr int kWrites = 40;
  auto few = spec(url());
  few.pool.max_size = kReaders;
  const auto registry = open_with_table(few);

  std::vector<std::future<void>> writers;
  writers.reserve(kWriters);
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.push_back(elsewhere(registry, [writer] {
      for (int i = 0; i < kWrites; i += 2) {
        add(writer);
        transaction("primary", [&] {
          static_cast<void>(count());
          add(writer);
        });
      }
    }));
  }
  std::atomic<bool> stop = false;
  std::vector<std::future<void>> readers;
  readers.reserve(kReaders);
  for (int reader = 0; reader < kReaders; ++reader) {
    readers.push_back(elsewhere(registry, [&stop] {
      for (std::int64_t seen = 0; !stop;) {
        const auto now = count();
        EXPECT_GE(now, seen);
        seen = now;
      }
    }));
  }
  for (auto& writer : writers) EXPECT_NO_THROW(writer.get());
  stop = true;
  for (auto& reader : readers) EXPECT_NO_THROW(reader.get());
  Session(registry).run([] {
    EXPECT_EQ(count(), kWriters * kWrites);
    const auto per_writer =
        sql("SELECT count(*) AS n FROM entries GROUP BY writer ORDER BY writer").read().run();
    ASSERT_EQ(per_writer.size(), static_cast<std::size_t>(kWriters));
    for (const auto row : per_writer) EXPECT_EQ(row.get<std::int64_t>("n"), kWrites);
  });
}

TEST_F(SqlitePools, WritersAreServedInTheOrderInWhichTheyCame) {
  constexpr std::size_t kWriters = 8;
  const auto registry = open_with_table(spec(url()));
  std::vector<std::future<void>> writers;
  Session(registry).run([&] {
    transaction("primary", [&] {
      add(-1);
      for (std::size_t i = 0; i < kWriters; ++i) {
        writers.push_back(elsewhere(registry, [i] { add(static_cast<std::int64_t>(i)); }));
        ASSERT_TRUE(eventually([&] { return status(registry).writing->waiting == i + 1; }));
      }
    });
  });
  for (auto& writer : writers) writer.get();
  Session(registry).run([] {
    std::vector<std::int64_t> order;
    for (const auto row : sql("SELECT writer FROM entries ORDER BY id").read().run()) {
      order.push_back(row.get<std::int64_t>("writer"));
    }
    std::vector<std::int64_t> expected(kWriters + 1);
    std::iota(expected.begin(), expected.end(), -1);
    EXPECT_EQ(order, expected);
  });
}

TEST_F(SqlitePools, ReadsDoNotWaitForAnOpenWriteTransaction) {
  const auto registry = open_with_table(spec(url()));
  Session(registry).run([&] {
    transaction("primary", [&] {
      add();
      EXPECT_EQ(count(), 1);  // its own write
      auto read = elsewhere(registry, [] { return count(); });
      auto in_transaction = elsewhere(registry, [] {
        TransactionSpec reading;
        reading.effect = Effect::read;
        return transaction(reading, [] { return count(); });
      });
      ASSERT_EQ(read.wait_for(30s), std::future_status::ready);
      ASSERT_EQ(in_transaction.wait_for(30s), std::future_status::ready);
      EXPECT_EQ(read.get(), 0);
      EXPECT_EQ(in_transaction.get(), 0);
    });
    EXPECT_EQ(count(), 1);
  });
}

TEST_F(SqlitePools, WriteMarkedAsAReadIsRefusedAndTheNodeStaysThePrimary) {
  const auto registry = open_with_table(spec(url()));
  Session(registry).run([] {
    const auto error =
        error_of([] { return sql("INSERT INTO entries (writer) VALUES (1)").read().run(); });
    EXPECT_EQ(error.code, Errc::read_only);
    EXPECT_THAT(error.message, HasSubstr("marked as a read"));
    EXPECT_EQ(error_of([] { return sql("CREATE TABLE t (id INTEGER)").read().run(); }).code,
              Errc::read_only);
    EXPECT_EQ(count(), 0);
    add();
    TransactionSpec reading;
    reading.effect = Effect::read;
    transaction(reading, [] { EXPECT_EQ(count(), 1); });
    // The end of a transaction for reading does not lift the protection.
    EXPECT_EQ(error_of([] { return sql("DELETE FROM entries").read().run(); }).code,
              Errc::read_only);
  });
  EXPECT_EQ(status(registry).kind, NodeKind::primary);
}

TEST_F(SqlitePools, FreshFileMayBeReadBeforeItIsWritten) {
  auto lazy = spec(url());
  lazy.pool.initial_size = 0;
  const auto registry = open(lazy);
  Session(registry).run([] {
    EXPECT_EQ(sql("SELECT 1 AS one").read().run()[0].get<std::int64_t>("one"), 1);
    sql("CREATE TABLE entries (id INTEGER PRIMARY KEY, writer INTEGER NOT NULL)").run();
    add();
    EXPECT_EQ(count(), 1);
    EXPECT_EQ(sql("PRAGMA journal_mode").run()[0].get<std::string>("journal_mode"), "wal");
  });
}

TEST_F(SqlitePools, FileThatWasTakenAwayIsCreatedByNeitherReadsNorWrites) {
  open_with_table(spec(url()));
  auto lazy = spec(url());
  lazy.pool.initial_size = 0;
  fs::rename(path("app.db"), path("away.db"));
  const auto registry = open(lazy);
  Session(registry).run([] {
    const auto read = error_of([] { return count(); });
    EXPECT_EQ(read.code, Errc::unavailable);
    EXPECT_THAT(read.message, HasSubstr("app.db"));
    EXPECT_EQ(error_of([] {
                add();
                return 0;
              }).code,
              Errc::unavailable);
  });
  EXPECT_FALSE(fs::exists(path("app.db")));
}

TEST_F(SqlitePools, StatusCountsReadersAndTheWriter) {
  auto four = spec(url());
  four.pool.max_size = 4;
  four.pool.initial_size = 4;
  const auto registry = open_with_table(four);
  ASSERT_TRUE(eventually([&] { return status(registry).pool.idle == 5; }));
  ASSERT_TRUE(status(registry).writing.has_value());
  EXPECT_EQ(status(registry).writing->idle, 1U);
  Session(registry).run([&] {
    transaction("primary", [&] {
      EXPECT_EQ(status(registry).pool.leased, 1U);
      EXPECT_EQ(status(registry).writing->leased, 1U);
    });
  });
}

TEST_F(SqlitePools, LockOfAnotherProcessIsWaitedForAndThenNamed) {
  open_with_table(spec(url()));
  const LockingProcess other(url());
  const auto registry = open(spec(url("busy_timeout=50")));
  Session(registry).run([&] {
    EXPECT_EQ(count(), 0);  // reads do not mind
    const auto write = error_of([] {
      add();
      return 0;
    });
    EXPECT_EQ(write.code, Errc::timeout);
    EXPECT_THAT(write.message, HasSubstr("primary/writer"));
    EXPECT_THAT(write.message, HasSubstr(path("app.db") + " is locked by another connection"));
    EXPECT_THAT(write.message, HasSubstr("busy_timeout is 50 ms"));
    const auto begin = error_of([] {
      transaction("primary", [] {});
      return 0;
    });
    EXPECT_EQ(begin.code, Errc::timeout);
    EXPECT_THAT(begin.message, HasSubstr("cannot begin a transaction"));
  });
  EXPECT_TRUE(status(registry).healthy);
}

TEST_F(SqlitePools, WriteGoesOnWhenAnotherProcessLetsTheLockGo) {
  open_with_table(spec(url()));
  std::optional<LockingProcess> other(std::in_place, url());
  const auto registry = open(spec(url("busy_timeout=60000")));
  auto write = elsewhere(registry, [] { add(); });
  ASSERT_TRUE(eventually([&] { return status(registry).writing->leased == 1; }));
  other.reset();
  write.get();
  Session(registry).run([] { EXPECT_EQ(count(), 1); });
}

TEST_F(SqlitePools, MissingDirectoryIsNamed) {
  const auto registry = open(spec("sqlite:" + path("nowhere/app.db")));
  Session(registry).run([&] {
    for (const bool reading : {true, false}) {
      const auto error = error_of([&] {
        return reading ? sql("SELECT 1").read().run() : sql("CREATE TABLE t (id INTEGER)").run();
      });
      EXPECT_EQ(error.code, Errc::unavailable);
      EXPECT_THAT(error.message, HasSubstr("the directory " + path("nowhere") + " does not exist"));
    }
  });
}

TEST_F(SqlitePools, MemoryIsOneDatabaseForAllCallers) {
  const auto registry = open_with_table(spec("sqlite::memory:"));
  std::vector<std::future<void>> writers;
  writers.reserve(4);
  for (int writer = 0; writer < 4; ++writer) {
    writers.push_back(elsewhere(registry, [writer] {
      for (int i = 0; i < 25; ++i) {
        add(writer);
        EXPECT_GE(count(), i + 1);
      }
    }));
  }
  for (auto& writer : writers) writer.get();
  Session(registry).run([] { EXPECT_EQ(count(), 100); });
  EXPECT_EQ(status(registry).pool.open(), 1U);

  const auto another = open(spec("sqlite::memory:"));
  Session(another).run([] { EXPECT_THROW(count(), Error); });
}

TEST_F(SqlitePools, MemoryOutlivesItsConnections) {
  auto lazy = spec("sqlite::memory:");
  lazy.pool.initial_size = 0;
  const auto registry = open_with_table(lazy);
  Session(registry).run([&] {
    add();
    test::node_of(*registry->cluster("primary"), 0).drop_connections();
    EXPECT_EQ(status(registry).pool.open(), 0U);
    EXPECT_EQ(count(), 1);
  });
}

TEST_F(SqlitePools, MemoryStaysHealthyWhileATransactionIsOpen) {
  const auto registry = open_with_table(spec("sqlite::memory:"));
  Session(registry).run([&] {
    transaction("primary", [&] {
      add();
      registry->check_health_now();
      EXPECT_TRUE(status(registry).healthy) << status(registry).last_error;
    });
  });
}

TEST_F(SqlitePools, MemoryCannotBeAReplica) {
  ConnectionSpec bad = spec({});
  bad.url = UrlSource();
  bad.readers = {"sqlite::memory:"};
  const auto error = error_of([&] { return open(bad); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("primary/reader-1"));
}

}  // namespace
}  // namespace grant::test
