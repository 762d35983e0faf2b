#include "query/text_forms.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "grant/core/decimal.hpp"

namespace grant::text_forms {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

std::vector<std::string> texts(const std::vector<Value>& forms) {
  std::vector<std::string> all;
  for (const auto& form : forms) all.emplace_back(form.view().as_characters());
  return all;
}

/// `time` as a clock shows it that is `minutes` ahead of UTC.
std::string form_of(Timestamp time, int minutes, char between) {
  auto text = format_timestamp(time + std::chrono::minutes(minutes));
  text[10] = between;
  const int away = std::abs(minutes);
  return text + fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', away / 60, away % 60);
}

TEST(TextForms, TimestampsOfAllOffsetsLieWithinTheirBounds) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::int64_t> micros(-60'000'000'000'000'000,
                                                     250'000'000'000'000'000);
  for (int i = 0; i < 2'000; ++i) {
    const Timestamp time{std::chrono::microseconds(micros(random))};
    const auto bounds = bounds_of(time);
    for (const int minutes : {0, 120, -570, 15 * 60 + 59, -(15 * 60 + 59)}) {
      for (const char between : {' ', 'T'}) {
        const auto form = form_of(time, minutes, between);
        ASSERT_EQ(parse_timestamp(form), time) << form;
        EXPECT_LE(bounds.at_least, form);
        EXPECT_LT(form, bounds.below);
      }
    }
    const auto midnight = std::chrono::floor<std::chrono::days>(time);
    EXPECT_LE(bounds_of(midnight).at_least, format_timestamp(midnight).substr(0, 10));
  }
}

TEST(TextForms, LeapSecondCountsAsTheNextOne) {
  const auto bounds = bounds_of(parse_timestamp("2017-01-01").value());
  for (const auto* form : {"2016-12-31 23:59:60", "2016-12-31T08:00:60-15:59"}) {
    EXPECT_LE(bounds.at_least, form);
    EXPECT_LT(form, bounds.below);
  }
}

TEST(TextForms, TimesOfDayFromTheShortest) {
  EXPECT_THAT(texts(forms_of(TimeOfDay{9h + 30min})),
              ElementsAre("09:30", "09:30:00", "09:30:00.0", "09:30:00.00", "09:30:00.000",
                          "09:30:00.0000", "09:30:00.00000", "09:30:00.000000"));
  EXPECT_EQ(texts(forms_of(TimeOfDay{5s})).front(), "00:00:05");
  EXPECT_THAT(texts(forms_of(TimeOfDay{5s + 1'200us})),
              ElementsAre("00:00:05.0012", "00:00:05.00120", "00:00:05.001200"));
  EXPECT_THAT(texts(forms_of(TimeOfDay{1us})), ElementsAre("00:00:00.000001"));
  EXPECT_EQ(texts(forms_of(TimeOfDay{24h})).front(), "24:00");
}

TEST(TextForms, DecimalsThatGoOnWithZeros) {
  for (const std::string canonical : {"0", "9", "-9", "9.5", "-9.5", "100", "0.1", "99", "-0.01"}) {
    const auto end = end_of_zeros(canonical);
    for (const auto* zeros : {"0", "000"}) {
      const auto form = canonical + (canonical.find('.') == std::string::npos ? "." : "") + zeros;
      EXPECT_EQ(Decimal(form).canonical(), canonical);
      EXPECT_LT(canonical, form);
      EXPECT_LT(form, end);
    }
  }
}

TEST(TextForms, UuidsInFiveForms) {
  const auto uuid = Uuid::parse("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f").value();
  EXPECT_EQ(forms_of(uuid).size(), 5U);
  EXPECT_EQ(forms_of(Uuid{}).size(), 3U) << "zeros have no case";
}

}  // namespace
}  // namespace grant::text_forms
