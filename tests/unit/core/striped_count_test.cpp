#include "grant/core/striped_count.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace grant {
namespace {

std::size_t stripe_of_another_thread() {
  std::size_t stripe = 0;
  std::thread([&] { stripe = detail::this_stripe(); }).join();
  return stripe;
}

TEST(StripedCount, AddsUpWhatAllThreadsCounted) {
  StripedCount count;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 100; ++n) count.add(3);
      count.add(-50);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count.sum(), 20 * 250);
  count.reset();
  EXPECT_EQ(count.sum(), 0);
}

TEST(StripedCount, ThreadKeepsItsStripeAndTheNextOneHasAnother) {
  const auto mine = detail::this_stripe();
  EXPECT_LT(mine, detail::kStripes);
  EXPECT_EQ(detail::this_stripe(), mine);
  const auto first = stripe_of_another_thread();
  EXPECT_NE(stripe_of_another_thread(), first);
}

TEST(StripedCount, NumbersOfOneThreadFollowEachOther) {
  StripedCount turns;
  const auto first = turns.next();
  EXPECT_EQ(turns.peek(), first + 1);
  EXPECT_EQ(turns.next(), first + 1);
}

}  // namespace
}  // namespace grant
