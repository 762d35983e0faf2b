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

}  // namespace
}  // namespace grant
