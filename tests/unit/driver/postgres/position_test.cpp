#include "driver/postgres/position.hpp"

#include <gtest/gtest.h>

namespace grant::postgres {
namespace {

constexpr std::uint64_t kPage = 8192;
constexpr std::uint64_t kSegment = std::uint64_t{16} << 20U;

TEST(PostgresPosition, BehindAPageHeaderIsAtTheBoundary) {
  EXPECT_EQ(replayable(5 * kPage + 24, kSegment), 5 * kPage);
  EXPECT_EQ(replayable(7 * kSegment + 40, kSegment), 7 * kSegment);
}

TEST(PostgresPosition, AnywhereElseIsWhereItIs) {
  for (const std::uint64_t lsn : {5 * kPage, 5 * kPage + 32, 5 * kPage + 40, 5 * kPage - 8,
                                  7 * kSegment, 7 * kSegment + 24, 7 * kSegment + 48}) {
    EXPECT_EQ(replayable(lsn, kSegment), lsn);
  }
}

TEST(PostgresPosition, SegmentsMayHaveAnotherSize) {
  constexpr std::uint64_t small = std::uint64_t{1} << 20U;
  EXPECT_EQ(replayable(3 * small + 40, small), 3 * small);
  EXPECT_EQ(replayable(3 * small + 40, kSegment), 3 * small + 40);
  EXPECT_EQ(replayable(3 * small + 24, kSegment), 3 * small);
}

}  // namespace
}  // namespace grant::postgres
