// Everything at once, on a real server: in the end nothing is lost, left over or counted wrongly.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <set>
#include <thread>

#include "integration/pool/pool_on_server.hpp"
#include "support/seed.hpp"

namespace grant::test {
namespace {

constexpr std::size_t kMaxSize = 8;

/// What became of the rows that borrowers inserted.
class Ledger {
 public:
  [[nodiscard]] std::int64_t new_row() noexcept { return ++rows_; }

  void committed(std::int64_t row) {
    const std::lock_guard lock(mutex_);
    committed_.insert(row);
  }

  /// What ended the transaction that inserted `row`. Errors: what no borrower should see.
  void failed(std::int64_t row, bool committing, const Error& error) {
    const std::lock_guard lock(mutex_);
    ++failures_[error.code()];
    switch (error.code()) {
      case Errc::unavailable:
      case Errc::cancelled: return;
      case Errc::outcome_unknown:
        if (committing) unknown_.insert(row);
        return;
      default: unexpected_.emplace_back(error.what());
    }
  }

  // When everybody has finished:
  [[nodiscard]] const std::set<std::int64_t>& committed() const { return committed_; }
  [[nodiscard]] const std::set<std::int64_t>& unknown() const { return unknown_; }
  [[nodiscard]] const std::vector<std::string>& unexpected() const { return unexpected_; }
  [[nodiscard]] std::uint64_t failures(Errc code) const {
    const auto found = failures_.find(code);
    return found == failures_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }

 private:
  std::atomic<std::int64_t> rows_ = 0;
  std::mutex mutex_;
  std::set<std::int64_t> committed_;
  std::set<std::int64_t> unknown_;
  std::map<Errc, std::uint64_t> failures_;
  std::vector<std::string> unexpected_;
};

/// Inserts one row in a transaction, and commits, rolls back, or leaves that to the pool.
Task<void> transact(Pool& pool, io::Call call, std::minstd_rand& random, Ledger& ledger) {
  const auto row = ledger.new_row();
  const auto sql = fmt::format("insert into pooled values ({})", row);
  const Statement insert{sql, {}, Effect::write};
  const auto roll = random() % 100;
  bool committing = false;
  try {
    const auto lease = co_await pool.acquire(call);
    co_await lease->begin(call, {});
    co_await lease->execute(call, insert);
    if (roll < 5) co_return;  // the pool ends it
    if (roll < 15) {
      co_await lease->rollback(call);
      co_return;
    }
    committing = true;
    co_await lease->commit(call);
    ledger.committed(row);
  } catch (const Error& error) {
    ledger.failed(row, committing, error);
  }
}

Task<void> await_at_random(Pool& pool, io::PollLoop& loop, std::minstd_rand random, int& left,
                           Ledger& ledger) {
  const io::Call call(loop);
  while (!loop.is_cancelled()) {
    co_await transact(pool, call, random, ledger);
    if (--left == 0) loop.cancel();  // in the middle of what the others are at
  }
}

class StressOnServer : public PoolOnEngine {
 protected:
  [[nodiscard]] static PoolOptions changing() {
    auto changing = options(kMaxSize);
    changing.min_idle = 1;
    changing.verify_idle = 10ms;
    changing.keepalive = 30ms;
    changing.idle_timeout = 100ms;
    changing.max_lifetime = 400ms;
    return changing;
  }

  /// Leases of all connections that the pool may have, each of which works.
  [[nodiscard]] std::vector<Lease> take_all(Pool& pool) const {
    std::vector<Lease> leases;
    while (leases.size() < kMaxSize) {
      auto lease = run(pool.acquire(patient()));
      try {
        static_cast<void>(id_of(lease));
        leases.push_back(std::move(lease));
      } catch (const Error&) {
        // Ended by the test, and not noticed before.
      }
    }
    return leases;
  }

  /// Ends one of the sessions, if there is one. It may be gone before that.
  void end_one(std::minstd_rand& random, std::uint64_t& ended) const {
    const auto all = sessions();
    if (all.empty()) return;
    try {
      oversee(fmt::format(fmt::runtime(engine_.end), all[random() % all.size()]));
      ++ended;
    } catch (const Error& error) {
      if (error.code() == Errc::unavailable) throw;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(On, StressOnServer, ::testing::ValuesIn(engines()), name_of);

TEST_P(StressOnServer, NothingIsLostLeakedOrCountedWronglyWhateverIsEndedDroppedOrHeldBack) {
  const Seed seed;
  Ledger ledger;
  const auto pool = this->pool(changing());
  std::atomic<int> running = 0;
  std::vector<std::thread> threads;
  const auto start = [&](auto work) {
    ++running;
    threads.emplace_back([&running, work] {
      work();
      --running;
    });
  };
  for (unsigned part = 1; part <= 8; ++part) {
    start([&, part] {
      auto random = seed.dice(part);
      for (int i = 0; i < 250; ++i) run(transact(*pool, patient(), random, ledger));
    });
  }
  for (unsigned part = 11; part <= 12; ++part) {
    start([&, part] {
      auto random = seed.dice(part);
      for (unsigned round = 0; round < 20; ++round) {
        io::PollLoop loop;
        int left = static_cast<int>(1 + random() % 60);
        for (unsigned i = 0; i < 4; ++i) {
          loop.spawn(
              await_at_random(*pool, loop, seed.dice(part * 1'000 + round * 10 + i), left, ledger));
        }
        loop.run();
      }
    });
  }

  auto random = seed.dice(0);
  std::uint64_t operations = 0;
  std::uint64_t ended = 0;
  while (running > 0) {
    ++operations;
    switch (random() % 8) {
      case 0: pool->drop_connections(); break;
      case 1: pool->drop_idle(); break;
      case 2: pool->resize(1 + random() % kMaxSize); break;
      case 3:
        pool->suspend();
        oversee("select 1");
        if (random() % 4 == 0) {
          // sleeps: for so long that what is idle is asked whether it is alive
          std::this_thread::sleep_for(60ms);
        }
        pool->resume();
        break;
      default: end_one(random, ended);
    }
    // Some get through between two of these.
    const auto seen = ledger.rows();
    const auto more = static_cast<std::int64_t>(random() % 20);
    EXPECT_TRUE(eventually([&] { return running == 0 || ledger.rows() >= seen + more; }));
  }
  for (auto& thread : threads) thread.join();

  EXPECT_THAT(ledger.unexpected(), ::testing::IsEmpty());
  pool->resize(kMaxSize);
  {
    const auto leases = take_all(*pool);
    EXPECT_TRUE(eventually([&] { return pool->stats().opening == 0; }));
    std::vector<SessionId> leased;
    for (const auto& lease : leases) leased.push_back(id_of(lease));
    std::ranges::sort(leased);
    EXPECT_TRUE(eventually([&] { return sessions() == leased; }))
        << "what the pool has, and nothing else";
    const auto stats = pool->stats();
    EXPECT_EQ(stats.leased, kMaxSize);
    EXPECT_EQ(stats.idle, 0U);
    EXPECT_EQ(stats.waiting, 0U);
    EXPECT_EQ(stats.opened, stats.closed + stats.open());
  }
  EXPECT_EQ(pool->stats().leased, 0U);
  EXPECT_EQ(run(pool->drain(patient())), 0U);
  const auto stats = pool->stats();
  EXPECT_EQ(stats.opened, stats.closed);
  EXPECT_TRUE(eventually([&] { return sessions().empty(); }));

  std::set<std::int64_t> present;
  const auto found = oversee("select id from pooled");
  for (std::size_t i = 0; i < found->row_count(); ++i) {
    present.insert(found->cell(i, 0).as_integer());
  }
  EXPECT_TRUE(std::ranges::includes(present, ledger.committed())) << "a commit was lost";
  auto possible = ledger.committed();
  possible.insert(ledger.unknown().begin(), ledger.unknown().end());
  EXPECT_TRUE(std::ranges::includes(possible, present)) << "what was not committed is there";

  const auto count = [](auto number) { return static_cast<unsigned long long>(number); };
  std::printf(
      "seed %u: %llu transactions, %llu committed; %llu unavailable, %llu unknown, %llu cancelled; "
      "%llu operations, %llu sessions ended; %llu opened, %llu failed, %llu checkouts\n",
      seed.value(), count(ledger.rows()), count(ledger.committed().size()),
      count(ledger.failures(Errc::unavailable)), count(ledger.failures(Errc::outcome_unknown)),
      count(ledger.failures(Errc::cancelled)), count(operations), count(ended), count(stats.opened),
      count(stats.failed), count(stats.checkouts));
}

}  // namespace
}  // namespace grant::test
