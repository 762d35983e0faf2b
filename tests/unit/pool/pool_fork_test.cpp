#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/sanitizers.hpp"
#include "unit/pool/pool_fixture.hpp"

namespace grant {
namespace {

using test::id_of;
using test::options;
using test::PoolFixture;

class PoolFork : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::kThreadsAfterFork) GTEST_SKIP() << "a sanitizer ends a child that starts a thread";
  }
};

/// What the child of a fork returns, as a number below 100.
template <class Child>
int in_child(const Child& child) {
  const pid_t process = ::fork();
  if (process == 0) {
    try {
      ::_exit(child());
    } catch (...) {
      ::_exit(100);
    }
  }
  int status = 0;
  EXPECT_EQ(::waitpid(process, &status, 0), process);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

TEST_F(PoolFork, ChildOpensConnectionsOfItsOwn) {
  const PoolFixture f(options(1));
  { const auto idle = f.take(); }
  const auto seen = in_child([&] {
    if (f.pool->stats().open() != 0) return 50;
    return static_cast<int>(id_of(f.take()));
  });
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(id_of(f.take()), 1U) << "the parent's is as it was";
}

TEST_F(PoolFork, LeaseOfTheParentDoesNothingInTheChild) {
  PoolFixture f(options(1));
  auto lease = f.take();
  run(lease->begin(test::blocking(), {}));
  const auto seen = in_child([&] {
    lease = {};  // would roll back on the parent's socket
    const auto statements = f.server.statements().size();
    return static_cast<int>(statements * 10 + f.server.open());
  });
  EXPECT_EQ(seen, 11);
}

TEST_F(PoolFork, ChildsPoolIsClosedOrSuspendedIfTheParentsWas) {
  const auto refusal = [](const PoolFixture& f) {
    return in_child([&] {
      const auto error = test::error_of([&] { return f.take(test::blocking(Duration::zero())); });
      return static_cast<int>(error.code);
    });
  };
  const PoolFixture closed(options(1));
  closed.pool->close();
  EXPECT_EQ(refusal(closed), static_cast<int>(Errc::closed));
  const PoolFixture suspended(options(1));
  suspended.pool->suspend();
  EXPECT_EQ(refusal(suspended), static_cast<int>(Errc::pool_timeout));
}

}  // namespace
}  // namespace grant
