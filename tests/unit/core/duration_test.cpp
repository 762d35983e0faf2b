#include "grant/core/duration.hpp"

#include <gtest/gtest.h>

namespace grant {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, ReadsANumberAndAUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("5s"), 5s);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("007ms"), 7ms);
}

TEST(ParseDuration, TakesNothingElse) {
  for (const auto* text : {"", "5", "ms", "s", "-1s", "+1s", " 5s", "5s ", "5 s", "1.5s", "5S",
                           "5sec", "1m30s", "1d", "0x5s", "s5", "5us"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, RefusesWhatIsTooLarge) {
  EXPECT_EQ(parse_duration("99999999999999999999ms"), std::nullopt);
  EXPECT_EQ(parse_duration("9223372036854775807h"), std::nullopt);
  EXPECT_EQ(parse_duration("9223372036854775807ms"), std::nullopt);
  EXPECT_EQ(parse_duration("87600h"), 87600h);
}

}  // namespace
}  // namespace grant
