#include "driver/schema_changes.hpp"

#include <gtest/gtest.h>

namespace grant::driver {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1000h};

bool believed(Duration described, Duration now, Duration changed, Duration lifetime = 5min) {
  return is_believed(kStart + described, kStart + now, kStart + changed, lifetime);
}

TEST(IsBelieved, WhateverWasSaidWhereNobodyEverChangedAnything) {
  EXPECT_TRUE(is_believed(kStart, kStart, TimePoint::min(), 5min));
  EXPECT_TRUE(is_believed(kStart, kStart + 4min, TimePoint::min(), 5min));
}

TEST(IsBelieved, NotWhatWasSaidBeforeTheLastChange) {
  EXPECT_FALSE(believed(1s, 3s, 2s));
  EXPECT_FALSE(believed(2s, 3s, 2s)) << "at the same moment: it may have been before";
  EXPECT_TRUE(believed(2s + 1ns, 3s, 2s));
}

TEST(IsBelieved, OnceMoreNotWhatWasSaidSoonAfterAChange) {
  EXPECT_TRUE(believed(3s, 11s, 2s));
  EXPECT_FALSE(believed(3s, 12s, 2s)) << "a replica may have said it, and not known";
  EXPECT_FALSE(believed(11s, 20s, 2s));
  EXPECT_TRUE(believed(12s, 20s, 2s)) << "asked when that was over";
}

TEST(IsBelieved, NoLongerThanItsLifetime) {
  EXPECT_TRUE(believed(0s, 5min - 1ns, -1h));
  EXPECT_FALSE(believed(0s, 5min, -1h));
  EXPECT_TRUE(believed(0s, 5000h, -1h, 0s)) << "0: for ever";
}

TEST(SchemaChanges, KnowTheLatestInWhateverOrderTheyAreTold) {
  SchemaChanges changes;
  EXPECT_EQ(changes.last(), TimePoint::min());
  changes.note(kStart + 2s);
  changes.note(kStart + 1s);
  EXPECT_EQ(changes.last(), kStart + 2s);
  changes.note(kStart + 3s);
  EXPECT_EQ(changes.last(), kStart + 3s);
}

}  // namespace
}  // namespace grant::driver
