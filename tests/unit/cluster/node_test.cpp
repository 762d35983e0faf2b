#include "grant/cluster/node.hpp"

#include "unit/pool/pool_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace grant {
namespace {

using test::blocking;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// A node on the scripted server "server".
struct NodeFixture {
  explicit NodeFixture(Sharing sharing) {
    driver.share(sharing);
    PoolOptions pool;
    pool.max_size = 3;
    pool.initial_size = 2;
    pool.checkout_timeout = 60s;
    ConnectOptions target;
    target.url = Url::parse("mariadb://server/db");
    target.node = "db/writer";
    node.emplace(driver, target, pool, clock, EventSink());
  }

  [[nodiscard]] Lease take(Effect effect) { return run(node->pool(effect).acquire(blocking())); }
  [[nodiscard]] ErrorInfo refusal(Effect effect) {
    // On a thread that holds no connection, and so does not wait for itself.
    ErrorInfo info;
    std::thread([&] {
      info = test::error_of([&] { return run(node->pool(effect).acquire(blocking(5ms))); });
    }).join();
    return info;
  }

  test::MemoryDriver driver;
  test::MemoryServer& server = driver.server("server");
  testing::FakeClock clock;
  std::optional<Node> node;
};

TEST(Node, ReadsAndWritesShareOnePoolByDefault) {
  NodeFixture f(Sharing::free);
  EXPECT_EQ(&f.node->pool(Effect::read), &f.node->pool(Effect::write));
  EXPECT_FALSE(f.node->writing_stats().has_value());
  const auto lease = f.take(Effect::write);
  EXPECT_EQ(f.node->pool_stats().leased, 1U);
  EXPECT_THAT(f.server.purposes(), ElementsAre(Purpose::any));
}

TEST(Node, OneWriterHasOneConnectionForWritingBesideThoseForReading) {
  NodeFixture f(Sharing::one_writer);
  const auto writer = f.take(Effect::write);
  EXPECT_EQ(f.refusal(Effect::write).code, Errc::pool_timeout);
  EXPECT_THAT(f.refusal(Effect::write).message, HasSubstr("no connection for writing within "));

  const Lease readers[] = {f.take(Effect::read), f.take(Effect::read), f.take(Effect::read)};
  EXPECT_THAT(f.refusal(Effect::read).message, HasSubstr("(3 of 3 leased"));
  EXPECT_THAT(f.server.purposes(),
              ElementsAre(Purpose::writing, Purpose::reading, Purpose::reading, Purpose::reading));
}

TEST(Node, OneWriterIsCountedWithTheOthersAndByItself) {
  NodeFixture f(Sharing::one_writer);
  const auto writer = f.take(Effect::write);
  EXPECT_EQ(f.node->pool_stats().longest_held, 0s);  // the first look at this lease
  f.clock.advance(3s);
  const auto reader = f.take(Effect::read);
  { const auto returned = f.take(Effect::read); }
  const auto all = f.node->pool_stats();
  EXPECT_EQ(all.leased, 2U);
  EXPECT_EQ(all.idle, 1U);
  EXPECT_EQ(all.longest_held, 3s);
  EXPECT_EQ(f.node->writing_stats()->leased, 1U);
  EXPECT_EQ(f.node->writing_stats()->idle, 0U);
}

TEST(Node, WarmUpOpensTheWriterAndTheFirstReaders) {
  NodeFixture f(Sharing::one_writer);
  run(f.node->warm_up(blocking()));
  EXPECT_THAT(f.server.purposes(),
              ElementsAre(Purpose::writing, Purpose::reading, Purpose::reading));
  EXPECT_EQ(f.node->pool_stats().idle, 3U);
}

TEST(Node, DroppingAndClosingReachBothPools) {
  NodeFixture f(Sharing::one_writer);
  run(f.node->warm_up(blocking()));
  f.node->drop_idle();
  EXPECT_EQ(f.server.open(), 0U);
  {
    const auto writer = f.take(Effect::write);
    const auto reader = f.take(Effect::read);
    f.node->drop_connections();
  }
  EXPECT_TRUE(test::eventually([&] { return f.server.open() == 0; }));
  f.node->close();
  EXPECT_EQ(f.refusal(Effect::read).code, Errc::closed);
  EXPECT_EQ(f.refusal(Effect::write).code, Errc::closed);
}

TEST(Node, SuspendingHoldsBackReadersAndWritersUntilTheyAreResumed) {
  NodeFixture f(Sharing::one_writer);
  run(f.node->warm_up(blocking()));
  f.node->suspend();
  std::vector<std::thread> callers;
  for (const auto effect : {Effect::read, Effect::write}) {
    callers.emplace_back([&f, effect] { EXPECT_TRUE(f.take(effect)); });
  }
  EXPECT_TRUE(test::eventually([&] { return f.node->pool_stats().waiting == 2; }));
  f.node->resume();
  for (auto& caller : callers) caller.join();
}

TEST(Node, DrainingClosesBothPoolsAtOnceAndCountsWhatIsLeft) {
  NodeFixture f(Sharing::one_writer);
  auto writer = f.take(Effect::write);
  auto reader = f.take(Effect::read);
  EXPECT_EQ(run(f.node->drain(blocking(1ms))), 2U);
  writer = {};
  EXPECT_EQ(run(f.node->drain(blocking(1ms))), 1U);

  std::size_t left = 99;
  std::thread drainer([&] { left = run(f.node->drain(blocking())); });
  EXPECT_EQ(f.refusal(Effect::write).code, Errc::closed);
  EXPECT_EQ(f.refusal(Effect::read).code, Errc::closed);
  reader = {};
  drainer.join();
  EXPECT_EQ(left, 0U);
  EXPECT_TRUE(test::eventually([&] { return f.server.open() == 0; }));
}

TEST(Node, WhileTheWriterIsWaitedForTheReadersAreClosedToo) {
  NodeFixture f(Sharing::one_writer);
  run(f.node->warm_up(blocking()));
  auto writer = f.take(Effect::write);
  std::thread drainer([&] { EXPECT_EQ(run(f.node->drain(blocking())), 0U); });
  EXPECT_TRUE(test::eventually([&] { return f.server.open() == 1; }));
  EXPECT_EQ(f.refusal(Effect::read).code, Errc::closed);
  writer = {};
  drainer.join();
}

TEST(Node, ResizingChangesTheSizeThatWasConfigured) {
  NodeFixture shared(Sharing::free);
  shared.node->resize(1);
  const auto only = shared.take(Effect::write);
  EXPECT_THAT(shared.refusal(Effect::read).message, HasSubstr("(1 of 1 leased"));

  NodeFixture split(Sharing::one_writer);
  split.node->resize(2);
  const Lease all[] = {split.take(Effect::read), split.take(Effect::read),
                       split.take(Effect::write)};
  EXPECT_THAT(split.refusal(Effect::read).message, HasSubstr("(2 of 2 leased"));
  EXPECT_THAT(split.refusal(Effect::write).message, HasSubstr("(1 of 1 leased"));
  EXPECT_THAT(split.node->pool_url(), HasSubstr("max_pool_size=2"));
}

TEST(Node, ResizingLeavesADatabaseInOneConnectionThere) {
  NodeFixture f(Sharing::one_connection);
  f.node->resize(5);
  const auto lease = f.take(Effect::write);
  EXPECT_THAT(f.refusal(Effect::read).message, HasSubstr("(1 of 1 leased"));
}

TEST(Node, ResizingToNothingIsRefused) {
  for (const auto sharing : {Sharing::free, Sharing::one_writer, Sharing::one_connection}) {
    NodeFixture f(sharing);
    EXPECT_EQ(test::error_of([&] { return f.node->resize(0), 0; }).code, Errc::configuration);
  }
}

TEST(Node, PoolUrlShowsTheSizeThatWasConfigured) {
  NodeFixture f(Sharing::one_writer);
  EXPECT_THAT(f.node->pool_url(), HasSubstr("max_pool_size=3"));
}

TEST(Node, OneConnectionIsSharedByReadsAndWritesAndKeptByAnother) {
  NodeFixture f(Sharing::one_connection);
  EXPECT_EQ(f.server.open(), 1U);
  {
    const auto lease = f.take(Effect::write);
    EXPECT_EQ(f.refusal(Effect::read).code, Errc::pool_timeout);
  }
  f.node->drop_idle();
  EXPECT_EQ(f.server.open(), 1U);
  EXPECT_EQ(f.node->pool_stats().open(), 0U);
}

}  // namespace
}  // namespace grant
