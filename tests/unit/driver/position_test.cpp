#include "grant/driver/position.hpp"

#include <gtest/gtest.h>

namespace grant {
namespace {

const Epoch kEpoch{"7250", 1};

Position at(std::uint64_t bytes, Epoch epoch = kEpoch) { return {std::move(epoch), Lsn{bytes}}; }
Position gtids(std::string_view text, Epoch epoch = kEpoch) {
  return {std::move(epoch), GtidSet::parse(text).value()};
}

bool unordered(const Position& a, const Position& b) {
  return (a <=> b) == std::partial_ordering::unordered &&
         (b <=> a) == std::partial_ordering::unordered;
}

TEST(Position, OfALogAreInTheOrderOfTheirBytes) {
  EXPECT_LT(at(7), at(8));
  EXPECT_GT(at(8), at(7));
  EXPECT_GE(at(8), at(8));
  EXPECT_EQ(at(8), at(8));
}

TEST(Position, OfDifferentEpochsHaveNoOrder) {
  EXPECT_TRUE(unordered(at(7), at(8, {"7250", 2})));
  EXPECT_TRUE(unordered(at(7), at(7, {"7251", 1})));
  EXPECT_TRUE(unordered(gtids("0-1-7"), gtids("0-1-8", {"another", 1})));
}

TEST(Position, OfDifferentEnginesHaveNoOrder) { EXPECT_TRUE(unordered(at(7), gtids("0-1-7"))); }

TEST(Position, OfTransactionsIsLaterWhereItHasMoreOfThem) {
  EXPECT_LT(gtids("0-1-7"), gtids("0-1-8"));
  EXPECT_LT(gtids("0-1-7"), gtids("0-2-8"));  // after a promotion
  EXPECT_GE(gtids("0-1-7"), gtids("0-1-7"));
  EXPECT_LT(gtids("0-1-7"), gtids("0-1-7,5-2-1"));
  EXPECT_LT(gtids("0-1-7,5-2-1"), gtids("5-2-2,0-1-7"));
}

TEST(Position, OfTransactionsThatTheOtherHasNotHasNoOrder) {
  EXPECT_TRUE(unordered(gtids("0-1-7"), gtids("5-1-7")));
  EXPECT_TRUE(unordered(gtids("0-1-7,5-2-2"), gtids("0-1-8,5-2-1")));
  // Two servers have given one number: they have diverged.
  EXPECT_TRUE(unordered(gtids("0-1-19"), gtids("0-2-19")));
}

TEST(Position, BytesBetweenAreOfOneLogOnly) {
  EXPECT_EQ(bytes_between(at(40), at(100)), 60U);
  EXPECT_EQ(bytes_between(at(100), at(40)), 0U);
  EXPECT_EQ(bytes_between(at(40), at(100, {"7250", 2})), std::nullopt);
  EXPECT_EQ(bytes_between(gtids("0-1-4"), gtids("0-1-9")), std::nullopt);
}

TEST(Position, IsWrittenAsTheEnginesDo) {
  EXPECT_EQ(to_string(at(0x3018E90)), "0/3018E90");
  EXPECT_EQ(to_string(at(0x1200000001)), "12/1");
  EXPECT_EQ(to_string(gtids("5-2-11,0-1-8")), "0-1-8,5-2-11");
}

TEST(GtidSet, IsReadFromTheEnginesList) {
  const auto set = GtidSet::parse("5-2-18446744073709551615,\n0-4294967295-8").value();
  ASSERT_EQ(set.last().size(), 2U);
  EXPECT_EQ(set.last()[0], (Gtid{0, 4294967295, 8}));
  EXPECT_EQ(set.last()[1], (Gtid{5, 2, 18446744073709551615U}));
}

TEST(GtidSet, NothingElseIsOne) {
  for (const auto* const text :
       {"", ",", "0-1-8,", ",0-1-8", "0-1", "0-1-", "-1-8", "0-1-8-9", "0-1-8 ", " 0-1-8", "0--1-8",
        "0-1--8", "a-1-8", "0-1-8,0-1-9", "4294967296-1-8", "0-4294967296-8",
        "0-1-18446744073709551616", "0x0-1-8", "+0-1-8"}) {
    EXPECT_EQ(GtidSet::parse(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace grant
