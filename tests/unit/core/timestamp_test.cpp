#include "grant/core/timestamp.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace grant {
namespace {

using namespace std::chrono_literals;

TEST(FormatTimestamp, AlwaysHasSixDecimals) {
  EXPECT_EQ(format_timestamp(Timestamp{}), "1970-01-01 00:00:00.000000");
  EXPECT_EQ(format_timestamp(Timestamp(1us)), "1970-01-01 00:00:00.000001");
  EXPECT_EQ(format_timestamp(Timestamp(-1us)), "1969-12-31 23:59:59.999999");
}

TEST(FormatTimestamp, IsReadBackExactly) {
  for (const std::int64_t micros :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'795'433'201'000'042},
        std::int64_t{-62'135'596'800'000'000}, std::int64_t{253'402'300'799'999'999}}) {
    const Timestamp time{std::chrono::microseconds(micros)};
    EXPECT_EQ(parse_timestamp(format_timestamp(time)), time);
  }
}

TEST(ParseTimestamp, ReadsTheFormsThatDatabasesWrite) {
  const std::pair<std::string_view, std::string_view> good[] = {
      {"2026-11-23 11:26:41.000042", "2026-11-23 11:26:41.000042"},
      {"2026-11-23T11:26:41.5", "2026-11-23 11:26:41.500000"},
      {"2026-11-23 11:26:41", "2026-11-23 11:26:41.000000"},
      {"2026-11-23 11:26", "2026-11-23 11:26:00.000000"},
      {"2026-11-23", "2026-11-23 00:00:00.000000"},
      {"2026-11-23 11:26:41Z", "2026-11-23 11:26:41.000000"},
      {"2026-11-23 11:26:41+02", "2026-11-23 09:26:41.000000"},
      {"2026-11-23 11:26:41-05:30", "2026-11-23 16:56:41.000000"},
      {"2026-11-23 11:26:41.25+0100", "2026-11-23 10:26:41.250000"},
      {"2026-01-01 00:30:00+01", "2025-12-31 23:30:00.000000"},
      {"2026-11-23 11:26:41.1234567", "2026-11-23 11:26:41.123456"},
      {"2024-02-29", "2024-02-29 00:00:00.000000"},
      {"2016-12-31 23:59:60", "2017-01-01 00:00:00.000000"},
      {"0000-01-01", "0000-01-01 00:00:00.000000"},
      {"1900-01-01 00:00:00.000001", "1900-01-01 00:00:00.000001"}};
  for (const auto& [text, means] : good) {
    const auto time = parse_timestamp(text);
    ASSERT_TRUE(time.has_value()) << text;
    EXPECT_EQ(format_timestamp(*time), means) << text;
  }
}

TEST(ParseTimestamp, RefusesEverythingElse) {
  for (const std::string_view text : {"",
                                      "now",
                                      "2026",
                                      "2026-11",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-02-30",
                                      "2026-02-29",
                                      "2026-11-23 ",
                                      "2026-11-23 11",
                                      "2026-11-23 24:00:00",
                                      "2026-11-23 11:60:00",
                                      "2026-11-23 11:26:61",
                                      "2026-11-23 11:26:41.",
                                      "2026-11-23 11:26:41 ",
                                      "2026-11-23 11:26:41+",
                                      "2026-11-23 11:26:41+2",
                                      "2026-11-23 11:26:41+16",
                                      "2026-11-23 11:26:41Zx",
                                      "2026-11-23 11:26:41+02:6",
                                      "26-11-23",
                                      " 2026-11-23",
                                      "2026/11/23",
                                      "2026-11-23x11:26",
                                      "-2026-11-23",
                                      "2026-1-2",
                                      "0000-01-01 00:00:00+00:01",
                                      "9999-12-31 23:59:00-00:01",
                                      "9999-12-31 23:59:60",
                                      "9999-12-31 23:59:60Z",
                                      "infinity"}) {
    EXPECT_FALSE(parse_timestamp(text).has_value()) << text;
  }
}

TEST(Timestamp, MidnightIsOfDatesThatTimestampsReach) {
  using std::chrono::days;
  EXPECT_EQ(midnight_of(Date(days(-1))), Timestamp(days(-1)));
  const auto last = std::chrono::floor<days>(Timestamp::max());
  const auto first = std::chrono::ceil<days>(Timestamp::min());
  EXPECT_EQ(midnight_of(last), Timestamp(last));
  EXPECT_EQ(midnight_of(first), Timestamp(first));
  EXPECT_FALSE(midnight_of(last + days(1)).has_value());
  EXPECT_FALSE(midnight_of(first - days(1)).has_value());
}

}  // namespace
}  // namespace grant
