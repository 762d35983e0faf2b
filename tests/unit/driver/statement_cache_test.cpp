#include "driver/statement_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace grant {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Prepared {
  std::string sql{};
  int number{};
};

std::vector<int> discarded(StatementCache<Prepared>& cache) {
  std::vector<int> numbers;
  for (const auto& gone : cache.discarded()) numbers.push_back(gone.number);
  return numbers;
}

TEST(StatementCache, DiscardsTheLeastRecentlyUsed) {
  StatementCache<Prepared> cache(2);
  cache.insert({"a", 1});
  cache.insert({"b", 2});
  ASSERT_NE(cache.find("a"), nullptr);
  EXPECT_EQ(cache.insert({"c", 3})->number, 3);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.find("b"), nullptr);
  ASSERT_NE(cache.find("a"), nullptr);
  EXPECT_EQ(cache.find("a")->number, 1);
  EXPECT_THAT(discarded(cache), ElementsAre(2));
}

TEST(StatementCache, KeepsWhatWasErasedForWhoeverTellsTheServer) {
  StatementCache<Prepared> cache(3);
  cache.insert({"a", 1});
  cache.insert({"b", 2});
  cache.erase("a");
  cache.erase("never seen");
  EXPECT_EQ(cache.find("a"), nullptr);
  cache.insert({"a", 3});
  EXPECT_EQ(cache.find("a")->number, 3);
  EXPECT_THAT(discarded(cache), ElementsAre(1));
}

TEST(StatementCache, ClearForgetsWhatWasDiscardedToo) {
  StatementCache<Prepared> cache(1);
  cache.insert({"a", 1});
  cache.insert({"b", 2});
  cache.clear();
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_THAT(discarded(cache), IsEmpty());
}

TEST(StatementCache, KeepsOneLongTextInPlaceOfManyShortOnes) {
  constexpr auto most = StatementCache<Prepared>::kMostBytes;
  StatementCache<Prepared> cache(10);
  cache.insert({"a", 1});
  cache.insert({std::string(most - 2, 'b'), 2});
  cache.insert({"c", 3});
  EXPECT_THAT(discarded(cache), IsEmpty());
  cache.insert({"d", 4});
  EXPECT_THAT(discarded(cache), ElementsAre(1));
  EXPECT_EQ(cache.insert({std::string(2 * most, 'e'), 5})->number, 5) << "however long it is";
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_THAT(discarded(cache), ElementsAre(1, 2, 3, 4));
  cache.insert({"f", 6});
  EXPECT_EQ(cache.size(), 1U);
  cache.insert({"g", 7});
  EXPECT_EQ(cache.size(), 2U);
  cache.erase("g");
  cache.clear();
  cache.insert({std::string(most, 'h'), 8});
  EXPECT_EQ(cache.size(), 1U);
}

TEST(StatementCache, GivesUpTheHalfThatIsUsedLeast) {
  StatementCache<Prepared> cache(10);
  for (const auto* const sql : {"a", "b", "c"}) cache.insert({sql, sql[0] - 'a'});
  cache.discard_half();
  EXPECT_THAT(discarded(cache), ElementsAre(0, 1));
  cache.discard_half();
  EXPECT_EQ(cache.size(), 0U);
  cache.discard_half();
  EXPECT_THAT(discarded(cache), ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace grant
