#include <filesystem>
#include <map>

#include "grant/driver/sqlite/refresher.hpp"
#include "grant/grant.hpp"
#include "support/error_of.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace grant::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Note : Model<Note> {
  std::int64_t id{};
  std::string text{};

  static constexpr auto table =
      grant::table<Note>("notes", column<&Note::id>.primary_key(), column<&Note::text>);
};
constexpr auto note_text = field<&Note::text>;

/// A file and two copies of it, which are only refreshed when a test says so.
class SqliteCluster : public ::testing::Test {
 protected:
  void SetUp() override {
    sqlite::RefresherOptions options;
    options.primary = path("primary.db");
    options.replicas = {path("first.db"), path("second.db")};
    options.interval = 1h;
    refresher_.emplace(options);
    Session(connect(spec())).run([] { Note::create_table(); });
    refresher_->refresh_now();
  }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory_.path() / name).string();
  }

  [[nodiscard]] ConnectionSpec spec() const {
    ConnectionSpec spec;
    spec.writer = "sqlite:" + path("primary.db");
    spec.readers = {"sqlite:" + path("first.db"), "sqlite:" + path("second.db")};
    spec.health_check.interval = 1h;
    spec.health_check.recheck_interval = 1h;
    return spec;
  }

  static std::shared_ptr<Registry> connect(const ConnectionSpec& spec) {
    auto registry = std::make_shared<Registry>(Databases{{"primary", spec}});
    registry->check_health_now();
    return registry;
  }

  static std::string server_of_a_read(const std::shared_ptr<Registry>& registry) {
    return Session(registry).run([] {
      static_cast<void>(Note::count());
      return last_served()->node;
    });
  }

  TemporaryDirectory directory_;
  std::optional<sqlite::Refresher> refresher_;
};

TEST_F(SqliteCluster, CopiesAreReplicasAndReadsTakeTurns) {
  const auto registry = connect(spec());
  const auto all = registry->health_status();
  EXPECT_EQ(all[0].kind, NodeKind::primary);
  EXPECT_EQ(all[1].kind, NodeKind::replica);
  EXPECT_EQ(all[2].kind, NodeKind::replica);
  EXPECT_TRUE(all[1].lag.has_value());
  std::map<std::string, int> served;
  for (int i = 0; i < 6; ++i) ++served[server_of_a_read(registry)];
  EXPECT_EQ(served, (std::map<std::string, int>{{"primary/reader-1", 3}, {"primary/reader-2", 3}}));
}

TEST_F(SqliteCluster, SessionReadsItsOwnWriteWhileOthersReadTheCopy) {
  const auto registry = connect(spec());
  const Session writer(registry);
  const Session reader(registry);
  writer.run([] {
    Note::create(note_text = "new");
    EXPECT_EQ(Note::count(), 1U);
    EXPECT_EQ(last_served()->reason, RouteReason::sticky);
  });
  reader.run([] { EXPECT_EQ(Note::count(), 0U); });
  refresher_->refresh_now();
  reader.run([] { EXPECT_EQ(Note::count(), 1U); });
}

TEST_F(SqliteCluster, CopyThatIsTooOldServesNoReads) {
  auto limited = spec();
  limited.routing.replica_lag_threshold = 1ms;
  const auto registry = connect(limited);
  Session(registry).run([] { Note::create(note_text = "new"); });
  // Old enough as soon as it is seen to be: the clock runs on meanwhile.
  const auto known_old = [&] {
    registry->check_health_now();
    const auto lag = registry->health_status()[1].lag;
    return !lag || *lag > 1ms;
  };
  while (!known_old()) {
  }
  EXPECT_EQ(server_of_a_read(registry), "primary/writer");
}

TEST_F(SqliteCluster, FileThatIsGoneIsUnhealthyAndComesBack) {
  const auto registry = connect(spec());
  std::filesystem::rename(path("first.db"), path("away.db"));
  registry->check_health_now();
  const auto gone = registry->health_status()[1];
  EXPECT_FALSE(gone.healthy);
  EXPECT_THAT(gone.last_error, HasSubstr("primary/reader-1"));
  EXPECT_FALSE(registry->system_healthy());
  EXPECT_EQ(registry->load_balancer("primary")->healthy_count(), 1U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(server_of_a_read(registry), "primary/reader-2");

  std::filesystem::rename(path("away.db"), path("first.db"));
  registry->check_health_now();
  EXPECT_TRUE(registry->system_healthy());
  EXPECT_EQ(registry->load_balancer("primary")->healthy_count(), 2U);
}

TEST_F(SqliteCluster, WritesToACopyAreRefused) {
  auto only = spec();
  only.writer = UrlSource();
  only.routing.failover_timeout = 0ms;
  only.routing.replica_lag_threshold.reset();  // without a primary there is nothing to compare with
  const auto registry = connect(only);
  Session(registry).run([] {
    EXPECT_EQ(Note::count(), 0U);
    const auto error = error_of([] { return Note::create(note_text = "no"); });
    EXPECT_EQ(error.code, Errc::unavailable);
    EXPECT_THAT(error.message, HasSubstr("no primary is known"));
  });
}

TEST_F(SqliteCluster, ShardsAreFilesAndRecordsGoHome) {
  ConnectionSpec sharded;
  for (const auto* name : {"us", "eu"}) {
    ShardSpec shard;
    shard.url = "sqlite:" + path(name);
    sharded.shards.emplace_back(name, std::move(shard));
  }
  const auto registry = connect(sharded);
  Session(registry).run([] {
    for (const auto* shard : {"us", "eu"}) {
      Note::connected_to({.shard = shard}, [] { Note::create_table(); });
    }
    auto note = Note::connected_to({.shard = "eu"}, [] { return Note::create(note_text = "a"); });
    note.update(note_text = "b");
    EXPECT_EQ(last_served()->node, "primary@eu/writer");
    EXPECT_EQ(Note::connected_to({.shard = "us"}, [] { return Note::count(); }), 0U);
    EXPECT_EQ(Note::connected_to({.shard = "eu"}, [] { return Note::first()->text; }), "b");
  });
}

}  // namespace
}  // namespace grant::test
