// What borrowers leave behind does not reach others, and the server keeps nothing of it.

#include <string>
#include <thread>

#include "integration/pool/pool_on_server.hpp"

namespace grant::test {
namespace {

class LeftoversOnServer : public PoolOnEngine {
 protected:
  /// Others neither see row 1 nor wait for who inserted it.
  void expect_undone() const {
    EXPECT_EQ(rows(), 0);
    oversee("insert into pooled values (1)");  // waits as long as another's is in doubt
    oversee("delete from pooled");
  }
};

INSTANTIATE_TEST_SUITE_P(On, LeftoversOnServer, ::testing::ValuesIn(engines()), name_of);

TEST_P(LeftoversOnServer, TransactionOfABlockingCallerIsRolledBackAndTheConnectionKept) {
  const auto pool = this->pool(options(1));
  SessionId id{};
  {
    const auto lease = run(pool->acquire(patient()));
    id = id_of(lease);
    run(lease->begin(patient(), {}));
    exec(*lease, "insert into pooled values (1)");
  }
  expect_undone();
  EXPECT_EQ(id_of(run(pool->acquire(patient()))), id);
}

TEST_P(LeftoversOnServer, SoIsOneWithAStatementThatFailed) {
  const auto pool = this->pool(options(1));
  SessionId id{};
  {
    const auto lease = run(pool->acquire(patient()));
    id = id_of(lease);
    run(lease->begin(patient(), {}));
    exec(*lease, "insert into pooled values (1)");
    const auto again = error_of([&] { return exec(*lease, "insert into pooled values (1)"); });
    EXPECT_EQ(again.code, Errc::constraint);
  }
  expect_undone();
  EXPECT_EQ(id_of(run(pool->acquire(patient()))), id);
}

TEST_P(LeftoversOnServer, SoIsOneThatTheServerEnded) {
  const auto pool = this->pool(options(1));
  {
    const auto lease = run(pool->acquire(patient()));
    run(lease->begin(patient(), {}));
    exec(*lease, "insert into pooled values (1)");
    end(id_of(lease));
  }
  expect_undone();
  EXPECT_NO_THROW(exec(*run(pool->acquire(patient())), engine_.id, Effect::read));
}

Task<void> leave_open(Pool& pool, io::Call call) {
  const auto lease = co_await pool.acquire(call);
  const Statement insert{"insert into pooled values (1)", {}, Effect::write};
  co_await lease->begin(call, {});
  co_await lease->execute(call, insert);
}

TEST_P(LeftoversOnServer, TransactionOfAnAwaitingCallerIsRolledBackBehindIt) {
  const auto pool = this->pool(options(1));
  const auto id = id_of(run(pool->acquire(patient())));
  io::PollLoop loop;
  loop.spawn(leave_open(*pool, io::Call(loop)));
  loop.run();
  expect_undone();
  EXPECT_EQ(id_of(run(pool->acquire(patient()))), id);
}

TEST_P(LeftoversOnServer, TemporaryTableIsGoneForTheNextBorrower) {
  const auto pool = this->pool(options(1));
  SessionId id{};
  {
    const auto lease = run(pool->acquire(patient()));
    id = id_of(lease);
    exec(*lease, "create temporary table left_over (id int)");
    EXPECT_NO_THROW(exec(*lease, "select id from left_over", Effect::read));
  }
  const auto next = run(pool->acquire(patient()));
  EXPECT_EQ(id_of(next), id);
  EXPECT_THROW(exec(*next, "select id from left_over", Effect::read), Error);
}

Task<void> be_cancelled(Pool& pool, io::Call call, std::string sleep, Errc& code) {
  const Statement insert{"insert into pooled values (1)", {}, Effect::write};
  const Statement wait{sleep, {}, Effect::read};
  try {
    const auto lease = co_await pool.acquire(call);
    co_await lease->begin(call, {});
    co_await lease->execute(call, insert);
    co_await lease->execute(call, wait);
  } catch (const Error& error) {
    code = error.code();
  }
}

TEST_P(LeftoversOnServer, TransactionThatIsCancelledEndsWithItsConnection) {
  const auto pool = this->pool(options(1));
  const auto id = id_of(run(pool->acquire(patient())));
  Errc code{};
  io::PollLoop loop;
  loop.spawn(be_cancelled(*pool, io::Call(loop), engine_.sleep, code));
  std::thread runner([&] { loop.run(); });
  EXPECT_TRUE(eventually([&] { return sleepers() == 1; }));
  loop.cancel();
  runner.join();
  EXPECT_EQ(code, Errc::cancelled);
  expect_undone();
  EXPECT_TRUE(eventually([&] { return !has(id); }));
}

}  // namespace
}  // namespace grant::test
