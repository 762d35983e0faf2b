#include "driver/sockets.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace grant::driver {
namespace {

class Sockets : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0); }
  void TearDown() override {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  std::array<int, 2> ends_{};
};

TEST_F(Sockets, SayHowMuchHasArrived) {
  EXPECT_EQ(arrived_at(ends_[0]), 0);
  EXPECT_FALSE(has_input(ends_[0]));
  ASSERT_EQ(::write(ends_[1], "hello", 5), 5);
  EXPECT_EQ(arrived_at(ends_[0]), 5);
  EXPECT_TRUE(has_input(ends_[0]));
  EXPECT_EQ(arrived_at(-1), 0);
}

TEST_F(Sockets, HaveInputWhereThePeerHasHungUp) {
  ASSERT_EQ(::shutdown(ends_[1], SHUT_RDWR), 0);
  EXPECT_TRUE(has_input(ends_[0]));
  EXPECT_EQ(arrived_at(ends_[0]), 0);
}

TEST_F(Sockets, ThatPointNowhereReachNobody) {
  const int copy = ::dup(ends_[0]);
  ASSERT_TRUE(point_nowhere(copy));
  EXPECT_EQ(::write(copy, "goodbye", 7), 7);
  EXPECT_FALSE(has_input(ends_[1]));
  ::close(copy);
  EXPECT_FALSE(has_input(ends_[1]));  // the other one is open still
  EXPECT_FALSE(point_nowhere(-1));
}

}  // namespace
}  // namespace grant::driver
