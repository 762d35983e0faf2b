#include "driver/url_params.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "support/error_of.hpp"

namespace grant {
namespace {

Url url_with(const std::string& params) { return Url::parse("mariadb://host/db?" + params); }

std::string complaint(const std::string& text, const std::function<void(UrlParams&)>& take) {
  Url url = url_with(text);
  UrlParams params("engine", url);
  const auto error = test::error_of([&] {
    take(params);
    return 0;
  });
  EXPECT_EQ(error.code, Errc::configuration);
  return error.message;
}

TEST(UrlParams, TakesNumbersUpToTheirLimit) {
  Url url = url_with("a=0&b=7&c=8&d=-1&e=7x&f=");
  UrlParams params("engine", url);
  EXPECT_EQ(params.number("a", 7), 0);
  EXPECT_EQ(params.number("b", 7), 7);
  EXPECT_EQ(params.number("missing", 7), std::nullopt);
  for (const auto* name : {"c", "d", "e", "f"}) {
    const auto error = test::error_of([&] { return params.number(name, 7); });
    EXPECT_EQ(error.code, Errc::configuration) << name;
  }
  EXPECT_EQ(complaint("c=8", [](UrlParams& p) { p.number("c", 7); }),
            "engine URL: \"c\" is the number 8: it takes a number from 0 to 7");
}

TEST(UrlParams, TakesWords) {
  constexpr std::array<std::pair<std::string_view, int>, 3> words{
      {{"one", 1}, {"two", 2}, {"three", 3}}};
  Url url = url_with("mode=two");
  UrlParams params("engine", url);
  EXPECT_EQ(params.word<int>("mode", words), 2);
  EXPECT_EQ(params.word<int>("mode", words), std::nullopt);
  EXPECT_EQ(complaint("mode=four", [&](UrlParams& p) { p.word<int>("mode", words); }),
            "engine URL: \"mode\" is text of 4 characters: it takes one, two or three");
}

TEST(UrlParams, NoSecondsMeanNoTimeout) {
  Url url = url_with("connect_timeout=0");
  EXPECT_EQ(UrlParams("engine", url).connect_timeout(), std::nullopt);
  url = url_with("connect_timeout=3");
  EXPECT_EQ(UrlParams("engine", url).connect_timeout(), std::chrono::seconds(3));
}

TEST(UrlParams, RefusesWhatIsLeft) {
  EXPECT_EQ(complaint("a=1&b=2",
                      [](UrlParams& p) {
                        p.text("a");
                        p.refuse_unknown();
                      }),
            "engine URL: unknown parameter \"b\": there are a");
}

TEST(UrlParams, SaysWhichParameterMayBeMeant) {
  const auto take = [](UrlParams& p) {
    p.text("ssl-mode");
    p.statement_cache_size();
    p.refuse_unknown();
  };
  const std::pair<std::string_view, std::string_view> slips[] = {
      {"sslmode", "ssl-mode"},
      {"SSL-Mode", "ssl-mode"},
      {"ssl_mode", "ssl-mode"},
      {"statement_cache", ""},
      {"statement_cache_sise", "statement_cache_size"}};
  for (const auto& [slip, meant] : slips) {
    const auto expected = meant.empty() ? ": there are ssl-mode, statement_cache_size"
                                        : ": did you mean \"" + std::string(meant) + "\"?";
    EXPECT_EQ(complaint(std::string(slip) + "=1", take),
              "engine URL: unknown parameter \"" + std::string(slip) + "\"" + expected);
  }
}

}  // namespace
}  // namespace grant
