#include "driver/overtime.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace grant::driver {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kDeadline{100s};

/// Fails where it is asked twice, or before the deadline.
struct Arrived {
  std::int64_t bytes = 0;
  int asked = 0;

  std::int64_t operator()() {
    ++asked;
    return bytes;
  }
};

TEST(Overtime, EverythingIsReadBeforeTheDeadline) {
  Overtime overtime;
  Arrived arrived;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(overtime.is_over(kDeadline - 1ns, kDeadline, 1'000'000, std::ref(arrived)));
  }
  EXPECT_EQ(arrived.asked, 0);
}

TEST(Overtime, WhatHadArrivedByTheDeadlineIsStillRead) {
  Overtime overtime;
  Arrived arrived{100};
  EXPECT_FALSE(overtime.is_over(kDeadline, kDeadline, 5, std::ref(arrived)));  // before it
  EXPECT_FALSE(overtime.is_over(kDeadline + 1s, kDeadline, 60, std::ref(arrived)));
  EXPECT_FALSE(overtime.is_over(kDeadline + 9s, kDeadline, 40, std::ref(arrived)));
  EXPECT_TRUE(overtime.is_over(kDeadline + 9s, kDeadline, 1, std::ref(arrived)));
  EXPECT_EQ(arrived.asked, 1);
}

TEST(Overtime, OneThatGoesOnSendingIsOver) {
  Overtime overtime;
  Arrived arrived{0};
  EXPECT_FALSE(overtime.is_over(kDeadline, kDeadline, 8192, std::ref(arrived)));
  EXPECT_TRUE(overtime.is_over(kDeadline, kDeadline, 8192, std::ref(arrived)));
}

TEST(Overtime, WithoutADeadlineNothingIsEverOver) {
  Overtime overtime;
  Arrived arrived;
  EXPECT_FALSE(overtime.is_over(TimePoint::max() - 1ns, kNever, 1, std::ref(arrived)));
  EXPECT_EQ(arrived.asked, 0);
}

}  // namespace
}  // namespace grant::driver
