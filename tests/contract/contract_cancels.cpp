// A statement can be ended from another thread, and the connection goes on.

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "contract/contract.hpp"
#include "support/eventually.hpp"

namespace grant::contract {
namespace {

using namespace std::chrono_literals;

io::Call patient() { return io::Call(io::blocking_waiter(), after(Clock::system().now(), 60s)); }

/// Cancels again and again, because the statement may not have begun yet, until it has ended.
class CancelUntilOver {
 public:
  explicit CancelUntilOver(std::shared_ptr<Canceller> canceller)
      : thread_([this, canceller = std::move(canceller)] {
          const auto over = over_.get_future();
          do {
            grant::run(canceller->cancel(patient()));
          } while (over.wait_for(20ms) == std::future_status::timeout);
        }) {}
  CancelUntilOver(const CancelUntilOver&) = delete;
  CancelUntilOver& operator=(const CancelUntilOver&) = delete;
  ~CancelUntilOver() {
    over_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> over_;
  std::thread thread_;
};

/// A request to cancel that comes late may hit the statement after, so one of those may fail.
bool becomes_usable(Connection& connection) {
  return test::eventually([&] {
    try {
      Statement statement;
      statement.sql = "SELECT 1 + 1";
      statement.effect = Effect::read;
      return grant::run(connection.execute(patient(), statement))->cell(0, 0).as_integer() == 2;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::cancelled) << error.what();
      return false;
    }
  });
}

TEST_P(Contract, StatementCancelledFromAnotherThreadEndsAndLeavesTheConnectionUsable) {
  const auto started = Clock::system().now();
  const auto slow = backend().slow_query();
  const auto error = error_of([&] {
    const CancelUntilOver cancelling(connection().canceller());
    run(slow);
  });
  EXPECT_EQ(error.code, Errc::cancelled) << error.message;
  EXPECT_EQ(error.node, "contract/primary");
  EXPECT_LT(Clock::system().now() - started, 15s);
  EXPECT_TRUE(connection().is_open());
  EXPECT_TRUE(becomes_usable(connection()));
}

TEST_P(Contract, CancelledWriteChangedNothing) {
  const auto name = table("id {integer}");
  const auto error = error_of([&] {
    const CancelUntilOver cancelling(connection().canceller());
    run("INSERT INTO " + name + " SELECT 1 FROM (" + backend().slow_query() + ") AS slow");
  });
  EXPECT_EQ(error.code, Errc::cancelled) << error.message;
  EXPECT_TRUE(becomes_usable(connection()));
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, CancelInsideATransactionLeavesItToBeRolledBack) {
  const auto name = table("id {integer}");
  begin();
  run("INSERT INTO " + name + " VALUES (1)");
  const auto slow = backend().slow_query();
  EXPECT_EQ(error_of([&] {
              const CancelUntilOver cancelling(connection().canceller());
              run(slow);
            }).code,
            Errc::cancelled);
  ASSERT_TRUE(connection().is_open());
  EXPECT_NE(connection().transaction_state(), TransactionState::none);
  EXPECT_TRUE(test::eventually([&] {
    try {
      rollback();
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::cancelled) << error.what();
      return false;
    }
  }));
  EXPECT_TRUE(becomes_usable(connection()));
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, CancellingAnIdleConnectionDoesItNoHarm) {
  const auto canceller = connection().canceller();
  ASSERT_TRUE(canceller);
  for (int i = 0; i < 5; ++i) {
    grant::run(canceller->cancel(patient()));
    EXPECT_TRUE(becomes_usable(connection()));
  }
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
}

TEST_P(Contract, CancelEndsNoOtherConnectionsStatement) {
  const auto other = connect();
  const auto canceller = other->canceller();
  ASSERT_TRUE(canceller);
  std::atomic<bool> over = false;
  std::thread cancelling([&] {
    while (!over) grant::run(canceller->cancel(patient()));
  });
  for (int i = 0; i < 50; ++i) EXPECT_EQ(number("SELECT 1 + 1"), 2);
  over = true;
  cancelling.join();
}

TEST_P(Contract, CancellerMayOutliveItsConnection) {
  auto other = connect();
  const auto canceller = other->canceller();
  ASSERT_TRUE(canceller);
  other.reset();
  try {
    grant::run(canceller->cancel(patient()));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::unavailable) << error.what();
  }
  expect_usable();
}

}  // namespace
}  // namespace grant::contract
