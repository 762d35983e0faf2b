#include "core/option_field.hpp"

#include <gtest/gtest.h>

#include <array>

#include "support/error_of.hpp"

namespace grant::detail {
namespace {

using std::chrono::milliseconds;

struct Options {
  std::size_t count = 1;
  milliseconds pause{1};
  milliseconds span{0};
  std::optional<milliseconds> limit{};
  bool flag = false;
};

using Field = OptionField<Options, std::size_t, milliseconds, std::optional<milliseconds>, bool>;

constexpr auto kFields = std::to_array<Field>({
    {.name = "count", .member = &Options::count, .least = 1, .meaning = ""},
    {.name = "pause", .member = &Options::pause, .least = 1, .meaning = ""},
    {.name = "span", .member = &Options::span, .meaning = ""},
    {.name = "limit", .member = &Options::limit, .meaning = ""},
    {.name = "flag", .member = &Options::flag, .least = 1, .meaning = ""},
});

std::string complaint(const Options& options) {
  const auto error =
      test::error_of([&] { validate_fields(options, kFields, "node \"n\"", "part."); });
  EXPECT_EQ(error.code, Errc::configuration);
  return error.message;
}

TEST(OptionFields, LeastValuesWillDo) { validate_fields(Options{}, kFields, "n", ""); }

TEST(OptionFields, ABrokenRuleNamesThePlaceTheFieldAndWhatWasSeen) {
  EXPECT_EQ(complaint({.count = 0}), "node \"n\": part.count must be at least 1, but it is 0");
  EXPECT_EQ(complaint({.pause = milliseconds(0)}),
            "node \"n\": part.pause must be more than zero, but it is 0 ms");
  EXPECT_EQ(complaint({.span = milliseconds(-1)}),
            "node \"n\": part.span must not be negative, but it is -1 ms");
  EXPECT_EQ(complaint({.limit = milliseconds(-2)}),
            "node \"n\": part.limit must not be negative, but it is -2 ms");
}

TEST(OptionFields, TheFirstBrokenRuleIsToldOf) {
  EXPECT_EQ(complaint({.count = 0, .span = milliseconds(-1)}),
            "node \"n\": part.count must be at least 1, but it is 0");
}

}  // namespace
}  // namespace grant::detail
