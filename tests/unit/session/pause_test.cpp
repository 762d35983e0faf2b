#include "session/pause.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace grant::detail {
namespace {

using namespace std::chrono_literals;

TEST(PauseAfter, IsTwiceAsLongEachTimeUpToHalfASecond) {
  EXPECT_EQ(pause_after(1, 0), 5ms);
  EXPECT_EQ(pause_after(2, 0), 10ms);
  EXPECT_EQ(pause_after(3, 0), 20ms);
  EXPECT_EQ(pause_after(7, 0), 250ms);
  EXPECT_EQ(pause_after(SIZE_MAX, 0), 250ms);
}

TEST(PauseAfter, IsBetweenTheHalfAndTheWholeByTheDice) {
  EXPECT_EQ(pause_after(1, 5'000), 10ms);
  EXPECT_EQ(pause_after(1, 5'001), 5ms);
  EXPECT_EQ(pause_after(20, 250'000), 500ms);
  for (std::size_t failures = 0; failures < 20; ++failures) {
    for (const std::uint64_t bits : {0UL, 1UL, 12'345'678UL, UINT64_MAX}) {
      EXPECT_GE(pause_after(failures, bits), 5ms);
      EXPECT_LE(pause_after(failures, bits), 500ms);
    }
  }
}

}  // namespace
}  // namespace grant::detail
