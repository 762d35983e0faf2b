#include "grant/driver/sqlite/refresher.hpp"

#include <chrono>
#include <filesystem>
#include <thread>

#include "integration/driver/sqlite_fixture.hpp"

namespace grant::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class RefresherTest : public SqliteTest {
 protected:
  RefresherTest() {
    const auto primary = connect(url("p.db"));
    run(*primary, "CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)");
  }

  /// Rounds happen only when the test asks for them.
  [[nodiscard]] sqlite::RefresherOptions by_hand() const {
    return {path("p.db"), {path("r1.db"), path("r2.db")}, 1h};
  }

  void write(int id) {
    const auto primary = connect(url("p.db"));
    run(*primary, "INSERT INTO t (id) VALUES ($1)", {ValueView::integer(id)});
  }

  std::unique_ptr<Connection> reader(std::string_view name) {
    return connect(url(name), Effect::read);
  }

  static std::int64_t count(Connection& connection) {
    return number(connection, "SELECT count(*) FROM t");
  }

  /// Whether the table comes to have `rows` rows, within 10 seconds.
  static bool comes_to(Connection& connection, std::int64_t rows) {
    const auto give_up = Clock::system().now() + 10s;
    while (count(connection) != rows) {
      if (Clock::system().now() >= give_up) return false;
      std::this_thread::yield();
    }
    return true;
  }
};

TEST_F(RefresherTest, ReplicasAreReadableOnceItIsMade) {
  write(1);
  const sqlite::Refresher refresher(by_hand());
  EXPECT_EQ(count(*reader("r1.db")), 1);
  EXPECT_EQ(count(*reader("r2.db")), 1);
  EXPECT_EQ(probe(*reader("r1.db")).kind, NodeKind::replica);
}

TEST_F(RefresherTest, CreatesThePrimaryToo) {
  const sqlite::Refresher refresher({path("new.db"), {path("r1.db")}, 1h});
  const auto primary = connect(url("new.db", "mode=rw"));
  EXPECT_EQ(probe(*primary).kind, NodeKind::primary);
}

TEST_F(RefresherTest, WritesShowOnReplicasOnlyAfterARound) {
  sqlite::Refresher refresher(by_hand());
  const auto replica = reader("r1.db");
  write(1);
  EXPECT_EQ(count(*replica), 0);
  refresher.refresh_now();
  EXPECT_EQ(count(*replica), 1);
  EXPECT_EQ(refresher.last_error(path("r1.db")), "");
}

TEST_F(RefresherTest, RoundsHappenByThemselvesEveryInterval) {
  const sqlite::Refresher refresher({path("p.db"), {path("r1.db")}, 5ms});
  const auto replica = reader("r1.db");
  write(1);
  EXPECT_TRUE(comes_to(*replica, 1));
}

TEST_F(RefresherTest, ProbesOfAReplicaTellHowOldItIs) {
  sqlite::Refresher refresher(by_hand());
  const auto primary = connect(url("p.db"));
  const auto replica = reader("r1.db");
  const auto lag = [&] {
    const auto replayed = probe(*replica).replayed_at.value();
    return probe(*primary).clock.value() - replayed;
  };
  EXPECT_GE(lag(), 0us);
  EXPECT_LT(lag(), 30s);

  const auto stale = probe(*replica).replayed_at.value();
  while (lag() < 2ms) std::this_thread::yield();
  EXPECT_EQ(probe(*replica).replayed_at.value(), stale);
  refresher.refresh_now();
  EXPECT_GT(probe(*replica).replayed_at.value(), stale);
  EXPECT_FALSE(probe(*primary).replayed_at.has_value());
}

TEST_F(RefresherTest, PausedItCopiesOnlyWhenAsked) {
  sqlite::Refresher refresher({path("p.db"), {path("r1.db")}, 1ms});
  refresher.pause();
  const auto replica = reader("r1.db");
  const auto before = probe(*replica).replayed_at.value();
  write(1);
  // Many intervals long.
  const auto end = Clock::system().now() + 20ms;
  while (Clock::system().now() < end) ASSERT_EQ(probe(*replica).replayed_at.value(), before);
  EXPECT_EQ(count(*replica), 0);

  refresher.refresh_now();
  EXPECT_EQ(count(*replica), 1);

  write(2);
  refresher.resume();
  EXPECT_TRUE(comes_to(*replica, 2));
}

TEST_F(RefresherTest, ReadTransactionKeepsItsStateDuringARound) {
  sqlite::Refresher refresher(by_hand());
  const auto replica = reader("r1.db");
  TransactionOptions reading;
  reading.effect = Effect::read;
  grant::run(replica->begin(call(), reading));
  EXPECT_EQ(count(*replica), 0);
  write(1);
  refresher.refresh_now();
  EXPECT_EQ(refresher.last_error(path("r1.db")), "");
  EXPECT_EQ(count(*replica), 0);
  grant::run(replica->commit(call()));
  EXPECT_EQ(count(*replica), 1);
}

TEST_F(RefresherTest, ReplicaTakenAwayIsNotMadeAnewAndRecoversWhenItIsBack) {
  sqlite::Refresher refresher(by_hand());
  fs::rename(path("r1.db"), path("away.db"));
  write(1);
  refresher.refresh_now();
  EXPECT_FALSE(fs::exists(path("r1.db")));
  EXPECT_THAT(refresher.last_error(path("r1.db")), HasSubstr(path("r1.db")));
  EXPECT_EQ(refresher.last_error(path("r2.db")), "");
  EXPECT_EQ(count(*reader("r2.db")), 1);
  EXPECT_EQ(error_of([&] { reader("r1.db"); }).code, Errc::unavailable);

  fs::rename(path("away.db"), path("r1.db"));
  EXPECT_EQ(count(*reader("r1.db")), 0);
  refresher.refresh_now();
  EXPECT_EQ(refresher.last_error(path("r1.db")), "");
  EXPECT_EQ(count(*reader("r1.db")), 1);
}

TEST_F(RefresherTest, OpenReaderOfAReplicaTakenAwayRecoversWithIt) {
  sqlite::Refresher refresher(by_hand());
  const auto replica = reader("r1.db");
  EXPECT_EQ(count(*replica), 0);
  fs::rename(path("r1.db"), path("away.db"));
  EXPECT_EQ(error_of([&] { probe(*replica); }).code, Errc::unavailable);
  refresher.refresh_now();
  fs::rename(path("away.db"), path("r1.db"));
  write(1);
  refresher.refresh_now();
  EXPECT_EQ(probe(*replica).kind, NodeKind::replica);
  EXPECT_EQ(count(*replica), 1);
}

TEST_F(RefresherTest, WithoutThePrimaryReplicasKeepWhatTheyHave) {
  write(1);
  sqlite::Refresher refresher(by_hand());
  fs::rename(path("p.db"), path("away.db"));
  refresher.refresh_now();
  EXPECT_THAT(refresher.last_error(path("r1.db")), HasSubstr(path("p.db")));
  EXPECT_FALSE(fs::exists(path("p.db")));
  EXPECT_EQ(count(*reader("r1.db")), 1);
}

TEST_F(RefresherTest, ReplicaMayBePromotedOnceTheRefresherIsGone) {
  write(1);
  { const sqlite::Refresher refresher(by_hand()); }
  const auto promoted = connect(url("r1.db", "mode=rw"));
  EXPECT_EQ(probe(*promoted).kind, NodeKind::primary);
  run(*promoted, "INSERT INTO t (id) VALUES (2)");
  EXPECT_EQ(count(*promoted), 2);
}

TEST_F(RefresherTest, LogOfAReplicaThatIsReadAllTheTimeDoesNotGrow) {
  const auto primary = connect(url("p.db"));
  run(*primary, "INSERT INTO t VALUES (1, zeroblob(500000))");
  sqlite::Refresher refresher(by_hand());
  const auto replica = reader("r1.db");
  for (int i = 0; i < 20; ++i) {
    refresher.refresh_now();
    EXPECT_EQ(count(*replica), 1);
  }
  EXPECT_LT(fs::file_size(path("r1.db-wal")), 3'000'000U);
}

TEST_F(RefresherTest, ManyThreadsMayAskAtOnce) {
  sqlite::Refresher refresher({path("p.db"), {path("r1.db")}, 1ms});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        refresher.refresh_now();
        static_cast<void>(refresher.last_error(path("r1.db")));
        refresher.pause();
        refresher.resume();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refresher.last_error(path("r1.db")), "");
}

TEST_F(RefresherTest, BadOptionsAreRefusedByName) {
  const auto refused = [&](sqlite::RefresherOptions options) {
    const auto error = error_of([&] { const sqlite::Refresher refresher(std::move(options)); });
    EXPECT_EQ(error.code, Errc::configuration);
    return error.message;
  };
  EXPECT_THAT(refused({"", {path("r1.db")}, 1ms}), HasSubstr("primary"));
  EXPECT_THAT(refused({path("p.db"), {}, 1ms}), HasSubstr("replicas"));
  EXPECT_THAT(refused({path("p.db"), {path("p.db")}, 1ms}), HasSubstr("replicas"));
  EXPECT_THAT(refused({path("p.db"), {path("r1.db")}, 0ms}), HasSubstr("interval"));
}

TEST_F(RefresherTest, ReplicaThatCannotBeCreatedIsAnError) {
  const auto error = error_of([&] {
    const sqlite::Refresher refresher({path("p.db"), {path("missing/r1.db")}, 1ms});
  });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr(path("missing/r1.db")));
}

TEST_F(RefresherTest, LastErrorKnowsOnlyItsReplicas) {
  const sqlite::Refresher refresher(by_hand());
  EXPECT_EQ(error_of([&] { static_cast<void>(refresher.last_error("other.db")); }).code,
            Errc::invalid_argument);
}

}  // namespace
}  // namespace grant::test
