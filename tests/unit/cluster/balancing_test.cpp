#include "grant/cluster/balancing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "support/error_of.hpp"

namespace grant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::size_t at_turn(const std::vector<std::size_t>& candidates, std::uint64_t turn) {
  Balance balance;
  balance.turn = turn;
  return pick(candidates, balance);
}

TEST(Pick, RoundRobinGoesThroughAllInTurn) {
  std::vector<std::size_t> picked;
  for (std::uint64_t turn = 0; turn < 5; ++turn) picked.push_back(at_turn({1, 4, 7}, turn));
  EXPECT_THAT(picked, ElementsAre(1U, 4U, 7U, 1U, 4U));
}

TEST(Pick, RoundRobinStaysFairWhenTheCandidatesChange) {
  std::map<std::size_t, int> picked;
  std::uint64_t turn = 0;
  for (; turn < 5; ++turn) static_cast<void>(at_turn({1, 2, 3}, turn));
  for (; turn < 105; ++turn) ++picked[at_turn({1, 3}, turn)];
  EXPECT_THAT(picked, ElementsAre(Pair(1U, 50), Pair(3U, 50)));
}

TEST(Pick, RandomIsDecidedByTheBits) {
  Balance balance;
  balance.strategy = Strategy::random;
  std::vector<std::size_t> picked;
  for (const std::uint64_t bits : {0U, 5U, 7U}) {
    balance.random = bits;
    balance.turn = bits + 1;
    picked.push_back(pick(std::vector<std::size_t>{1, 2, 3}, balance));
  }
  EXPECT_THAT(picked, ElementsAre(1U, 3U, 2U));
}

TEST(Pick, LeastConnectionsTakesTheIdlest) {
  const std::vector<std::uint32_t> in_flight{9, 5, 2, 4};
  Balance balance;
  balance.strategy = Strategy::least_connections;
  balance.in_flight = in_flight;
  for (std::uint64_t turn = 0; turn < 6; ++turn) {
    balance.turn = turn;
    EXPECT_EQ(pick(std::vector<std::size_t>{1, 2, 3}, balance), 2U);
    EXPECT_EQ(pick(std::vector<std::size_t>{1, 3}, balance), 3U);
  }
}

TEST(Pick, LeastConnectionsLetsEquallyBusyOnesTakeTurns) {
  const std::vector<std::uint32_t> in_flight{0, 1, 1, 1};
  Balance balance;
  balance.strategy = Strategy::least_connections;
  balance.in_flight = in_flight;
  std::vector<std::size_t> picked;
  for (std::uint64_t turn = 0; turn < 4; ++turn) {
    balance.turn = turn;
    picked.push_back(pick(std::vector<std::size_t>{1, 2, 3}, balance));
  }
  EXPECT_THAT(picked, ElementsAre(1U, 2U, 3U, 1U));
}

TEST(Strategy, HasNamesThatAreReadBack) {
  for (const auto strategy :
       {Strategy::round_robin, Strategy::random, Strategy::least_connections}) {
    EXPECT_EQ(strategy_named(to_string(strategy)), strategy);
  }
}

TEST(Strategy, UnknownNameIsRefusedWithTheOnesThereAre) {
  const auto error = test::error_of([] { return strategy_named("Random"); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("text of 6 characters"));
  EXPECT_THAT(error.message, HasSubstr("round_robin, random and least_connections"));
}

}  // namespace
}  // namespace grant
