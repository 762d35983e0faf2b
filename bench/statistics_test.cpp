#include "bench/statistics.hpp"

#include <gtest/gtest.h>

namespace grant::bench {
namespace {

TEST(Summarise, TakesTheMiddleOfAnOddNumber) {
  const Summary summary = summarise({5, 1, 3});
  EXPECT_EQ(summary.median, 3);
  EXPECT_EQ(summary.min, 1);
  EXPECT_EQ(summary.max, 5);
}

TEST(Summarise, TakesTheMeanOfTheMiddleTwoOfAnEvenNumber) {
  EXPECT_EQ(summarise({4, 1, 2, 100}).median, 3);
}

TEST(Summarise, GivesASingleSampleBack) {
  const Summary summary = summarise({7});
  EXPECT_EQ(summary.median, 7);
  EXPECT_EQ(summary.min, 7);
  EXPECT_EQ(summary.max, 7);
}

TEST(Quantile, GoesByTheNearestRank) {
  EXPECT_EQ(quantile({30, 10, 20, 40}, 0.5), 20);
  EXPECT_EQ(quantile({30, 10, 20, 40}, 0.51), 30);
  EXPECT_EQ(quantile({30, 10, 20, 40}, 0), 10);
  EXPECT_EQ(quantile({30, 10, 20, 40}, 1), 40);
}

TEST(PairedRatio, IsNotMisledByASlowRound) {
  // Both were ten times slower in the second round; the medians alone would say 2 / 10.
  EXPECT_EQ(paired_ratio({2, 20, 2}, {1, 10, 1}), 2);
}

TEST(JainFairness, IsOneWhenAllSharesAreEqual) { EXPECT_EQ(jain_fairness({7, 7, 7}), 1); }

TEST(JainFairness, IsTheShareOfThoseWhoHaveSomething) {
  EXPECT_EQ(jain_fairness({5, 0, 0, 0}), 0.25);
  EXPECT_EQ(jain_fairness({5, 5, 0, 0}), 0.5);
}

TEST(JainFairness, FallsWithTheSpread) { EXPECT_DOUBLE_EQ(jain_fairness({1, 3}), 0.8); }

}  // namespace
}  // namespace grant::bench
