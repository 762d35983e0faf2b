#include "driver/turns.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <optional>
#include <thread>

#include "support/soon.hpp"

namespace grant::driver {
namespace {

using test::in;
using namespace std::chrono_literals;

TEST(TurnsTest, AreTheSameForOneServerWhileAnybodyHasThem) {
  const auto turns = Turns::at("a");
  EXPECT_EQ(Turns::at("a"), turns);
  EXPECT_NE(Turns::at("b"), turns);
}

TEST(TurnsTest, OneThreadHasItsTurnAtATime) {
  const auto turns = Turns::at("one");
  std::optional<Turns::Turn> first(turns->take(in(60s)));
  ASSERT_TRUE(*first);
  EXPECT_FALSE(turns->take(in(20ms)));
  EXPECT_FALSE(turns->overdue_since(Clock::system().now()));
  auto second = std::async(std::launch::async, [&] { return bool(turns->take(in(60s))); });
  EXPECT_EQ(second.wait_for(20ms), std::future_status::timeout);
  first.reset();
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(turns->take(in(60s)));
}

TEST(TurnsTest, NobodyWaitsForOneThatIsOverdue) {
  const auto turns = Turns::at("overdue");
  const auto due = in(10ms);
  std::optional<Turns::Turn> stuck(turns->take(due));
  ASSERT_TRUE(*stuck);
  EXPECT_FALSE(turns->take(in(60s)));  // and comes back
  ASSERT_TRUE(turns->overdue_since(Clock::system().now()));
  EXPECT_EQ(*turns->overdue_since(Clock::system().now()), due);
  stuck.reset();
  EXPECT_FALSE(turns->overdue_since(Clock::system().now()));
  EXPECT_TRUE(turns->take(in(60s)));
}

TEST(TurnsTest, AForkedChildHasItsOwn) {
  const auto turns = Turns::at("fork");
  const auto stuck = turns->take(Clock::system().now());
  const pid_t child = ::fork();
  if (child == 0) ::_exit(Turns::at("fork")->take(in(1s)) ? 0 : 1);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace grant::driver
