#include "grant/core/date.hpp"

#include <gtest/gtest.h>

namespace grant {
namespace {

using namespace std::chrono_literals;

TEST(Date, TextComesBack) {
  for (const std::string_view text : {"2026-11-23", "0001-01-01", "9999-12-31", "2024-02-29"}) {
    const auto date = parse_date(text);
    ASSERT_TRUE(date) << text;
    EXPECT_EQ(format_date(*date), text);
  }
}

TEST(Date, WhatIsNoDayIsRefused) {
  for (const std::string_view text :
       {"", "2026-11-31", "2023-02-29", "2026-00-01", "2026-1-1", "2026-11-23 ", "20261123",
        "infinity", "2026-11-23 BC", "10000-01-01"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

TEST(TimeOfDay, TextComesBack) {
  for (const std::string_view text :
       {"00:00:00.000000", "23:59:59.999999", "24:00:00.000000", "11:26:41.000042"}) {
    const auto time = parse_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(format_time(*time), text);
  }
  EXPECT_EQ(parse_time("01:02")->since_midnight, 1h + 2min);
  EXPECT_EQ(parse_time("01:02:03.5")->since_midnight, 1h + 2min + 3s + 500ms);
}

TEST(TimeOfDay, WhatIsNoTimeIsRefused) {
  for (const std::string_view text : {"", "24:00:00.000001", "12:60", "12:00:60", "-01:00:00",
                                      "1:00", "12:00:00.", "12:00:00+01", "838:59:59"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(Date, WrittenYearsAreTheOnesOfFourDigits) {
  using std::chrono::days;
  const Date first = std::chrono::year(0) / 1 / 1;
  const Date last = std::chrono::year(9999) / 12 / 31;
  for (const Date date : {first, last}) EXPECT_TRUE(is_in_written_years(date));
  // The last one's year would be 2026 in 16 bits.
  const Date alias = Date(std::chrono::year(2026) / 1 / 1) + days(65'536LL * 146'097 / 400);
  for (const Date date : {first - days(1), last + days(1), alias}) {
    EXPECT_FALSE(is_in_written_years(date));
  }
}

}  // namespace
}  // namespace grant
