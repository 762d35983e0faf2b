// Connections that nobody uses: what the server ends, and what the pool does about it.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "grant/testing/fake_clock.hpp"
#include "integration/pool/pool_on_server.hpp"

namespace grant::test {
namespace {

class IdleOnServer : public PoolOnEngine {
 protected:
  /// Gives the connection that an idle pool has, after it was used.
  [[nodiscard]] SessionId use(Pool& pool) const { return id_of(run(pool.acquire(patient()))); }

  /// What one who finds the pool's only connection dead gets to see.
  [[nodiscard]] static ErrorInfo first_error(Pool& pool, std::string_view sql, Effect effect) {
    const auto lease = run(pool.acquire(patient()));
    return error_of([&] { return exec(*lease, std::string(sql), effect); });
  }

  static void let_pass(Pool& pool, testing::FakeClock& clock, Duration time) {
    pool.look_after();
    clock.advance(time);
    pool.look_after();
  }
};

INSTANTIATE_TEST_SUITE_P(On, IdleOnServer, ::testing::ValuesIn(engines()), name_of);

Task<void> ask_for_id(Pool& pool, io::Call call, std::string sql, bool& done) {
  const Statement statement{sql, {}, Effect::read};
  try {
    const auto lease = co_await pool.acquire(call);
    co_await lease->execute(call, statement);
    done = true;
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
}

TEST_P(IdleOnServer, WhatWasEndedMeanwhileIsFoundByTheCheckAndReplaced) {
  testing::FakeClock clock;
  auto checking = options(2);
  checking.verify_idle = 30s;
  const auto pool = this->pool(checking, clock);
  const auto before = use(*pool);
  end(before);
  let_pass(*pool, clock, 30s);
  const auto now = use(*pool);  // throws, unless the caller notices nothing
  EXPECT_NE(now, before);
  EXPECT_EQ(pool->stats().closed, 1U);
  EXPECT_THAT(sessions(), ::testing::ElementsAre(now));
}

TEST_P(IdleOnServer, WhatIsStillThereIsNotReplaced) {
  testing::FakeClock clock;
  auto checking = options(2);
  checking.verify_idle = 30s;
  const auto pool = this->pool(checking, clock);
  const auto before = use(*pool);
  let_pass(*pool, clock, 30s);
  EXPECT_EQ(use(*pool), before);
  EXPECT_EQ(driver_.attempts(), 1U);
}

TEST_P(IdleOnServer, WithVerifyIdleOfZeroEveryUseIsChecked) {
  auto checking = options(2);
  checking.verify_idle = 0ms;
  const auto pool = this->pool(checking);
  auto before = use(*pool);
  for (int i = 0; i < 3; ++i) {
    end(before);
    const auto now = use(*pool);
    EXPECT_NE(now, before);
    before = now;
  }
  EXPECT_EQ(pool->stats().closed, 3U);
}

TEST_P(IdleOnServer, AwaitingCallersAreSparedTheDeadOneToo) {
  auto checking = options(1);
  checking.verify_idle = 0ms;
  const auto pool = this->pool(checking);
  end(use(*pool));
  bool done = false;
  io::PollLoop loop;
  loop.spawn(ask_for_id(*pool, io::Call(loop), engine_.id, done));
  loop.run();
  EXPECT_TRUE(done);
}

TEST_P(IdleOnServer, WithoutTheCheckTheFirstUseFailsAndTheNextDoesNot) {
  const auto pool = this->pool(options(2));
  const auto before = use(*pool);
  end(before);
  EXPECT_EQ(first_error(*pool, engine_.id, Effect::read).code, Errc::unavailable);
  EXPECT_NE(use(*pool), before);
  EXPECT_EQ(pool->stats().closed, 1U);
}

TEST_P(IdleOnServer, KeepaliveKeepsTheServerFromEndingWhatIsIdle) {
  auto pinging = options(1);
  pinging.keepalive = 400ms;
  const auto kept = this->pool(pinging);
  const auto forgotten = this->pool(options(1));
  end_new_sessions_when_idle_for(3s);
  const auto kept_id = id_of(run(kept->acquire(patient())));
  const auto forgotten_id = id_of(run(forgotten->acquire(patient())));
  end_new_sessions_when_idle_for(8h);
  // The later one of two that are idle for the same limit.
  EXPECT_TRUE(eventually([&] { return !has(forgotten_id); }));
  EXPECT_TRUE(has(kept_id));
  EXPECT_EQ(use(*kept), kept_id);
  EXPECT_EQ(first_error(*forgotten, engine_.id, Effect::read).code, Errc::unavailable);
}

TEST_P(IdleOnServer, KeepaliveReplacesNothingButFindsTheDead) {
  testing::FakeClock clock;
  auto pinging = options(1);
  pinging.keepalive = 1min;
  const auto pool = this->pool(pinging, clock);
  end(use(*pool));
  let_pass(*pool, clock, 1min);
  EXPECT_TRUE(eventually([&] { return pool->stats().closed == 1; }));
  EXPECT_EQ(pool->stats().open(), 0U);
}

TEST_P(IdleOnServer, MaxLifetimeGivesEveryConnectionASuccessor) {
  testing::FakeClock clock;
  auto aging = options(3);
  aging.max_lifetime = 30min;
  const auto pool = this->pool(aging, clock);
  const auto ids = [&] {
    std::vector<Lease> leases;
    std::set<SessionId> found;
    for (int i = 0; i < 3; ++i) leases.push_back(run(pool->acquire(patient())));
    for (const auto& lease : leases) found.insert(id_of(lease));
    return found;
  };
  const auto before = ids();
  let_pass(*pool, clock, 26min);
  EXPECT_EQ(ids(), before) << "at most a tenth earlier";

  const auto held = run(pool->acquire(patient()));
  const auto held_id = id_of(held);
  let_pass(*pool, clock, 4min);
  EXPECT_TRUE(eventually([&] { return sessions() == std::vector{held_id}; }));
  EXPECT_EQ(id_of(held), held_id) << "is let finish";
}

TEST_P(IdleOnServer, MaxLifetimeEndsALeasedConnectionWhenItComesBack) {
  testing::FakeClock clock;
  auto aging = options(1);
  aging.max_lifetime = 30min;
  const auto pool = this->pool(aging, clock);
  auto held = run(pool->acquire(patient()));
  const auto before = id_of(held);
  let_pass(*pool, clock, 30min);
  held = {};
  EXPECT_TRUE(eventually([&] { return !has(before); }));
  EXPECT_NE(use(*pool), before);
}

TEST_P(IdleOnServer, IdleTimeoutGivesTheServerItsSessionsBack) {
  testing::FakeClock clock;
  auto shrinking = options(4);
  shrinking.idle_timeout = 10min;
  shrinking.min_idle = 1;
  const auto pool = this->pool(shrinking, clock);
  {
    std::vector<Lease> leases;
    for (int i = 0; i < 4; ++i) leases.push_back(run(pool->acquire(patient())));
  }
  EXPECT_TRUE(eventually([&] { return pool->stats().opening == 0; }));
  EXPECT_EQ(sessions().size(), 4U);
  let_pass(*pool, clock, 9min);
  EXPECT_EQ(sessions().size(), 4U);
  let_pass(*pool, clock, 10min);
  EXPECT_TRUE(eventually([&] { return sessions().size() == 1; })) << "min_idle";
  EXPECT_EQ(pool->stats().idle, 1U);
}

TEST_P(IdleOnServer, HappensByItselfToo) {
  auto aging = options(2);
  aging.max_lifetime = 200ms;
  aging.min_idle = 1;
  const auto pool = this->pool(aging);
  const auto before = use(*pool);
  EXPECT_TRUE(eventually([&] {
    const auto now = sessions();
    return !now.empty() && std::ranges::find(now, before) == now.end();
  }));
}

}  // namespace
}  // namespace grant::test
