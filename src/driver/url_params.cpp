#include "driver/url_params.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "core/described.hpp"
#include "core/nearest.hpp"
#include "grant/core/error.hpp"

namespace grant {
namespace {

constexpr std::size_t kStatementCacheSize = 256;
constexpr std::size_t kMostStatements = 10'000;
constexpr int kSecondsADay = 86'400;

}  // namespace

std::size_t UrlParams::statement_cache_size() {
  return number("statement_cache_size", kMostStatements).value_or(kStatementCacheSize);
}

std::optional<std::chrono::seconds> UrlParams::connect_timeout() {
  const int seconds = number("connect_timeout", kSecondsADay).value_or(0);
  return seconds > 0 ? std::optional(std::chrono::seconds(seconds)) : std::nullopt;
}

void UrlParams::refuse(std::string_view why) const {
  throw_error(Errc::configuration, fmt::format("{} URL: {}", engine_, why));
}

std::chrono::milliseconds UrlParams::cancel_timeout() {
  constexpr std::int64_t standard = 100;
  constexpr std::int64_t most = 60'000;
  return std::chrono::milliseconds(number<std::int64_t>("cancel_timeout", most).value_or(standard));
}

std::chrono::milliseconds UrlParams::statement_lifetime() {
  constexpr std::int64_t standard = 300'000;
  constexpr std::int64_t most = 86'400'000;
  return std::chrono::milliseconds(
      number<std::int64_t>("statement_lifetime", most).value_or(standard));
}

std::uint64_t UrlParams::max_result_size() {
  constexpr std::uint64_t standard = 1'024;
  constexpr std::uint64_t most = 1'048'576;
  return number<std::uint64_t>("max_result_size", most).value_or(standard) << 20U;
}

ClearPassword UrlParams::clear_password() {
  constexpr std::array<std::pair<std::string_view, ClearPassword>, 3> words{
      {{"verified", ClearPassword::verified},
       {"encrypted", ClearPassword::encrypted},
       {"always", ClearPassword::always}}};
  return word<ClearPassword>("clear_password", words).value_or(ClearPassword::verified);
}

void UrlParams::refuse_unknown() const {
  if (url_.params.empty()) return;
  refuse_unknown(url_.params.front().first, {});
}

void UrlParams::refuse_unknown(std::string_view name,
                               std::span<const std::string_view> more) const {
  auto names = known_;
  names.insert(names.end(), more.begin(), more.end());
  // Longer lists than this nobody reads: PostgreSQL's client library has forty names.
  constexpr std::size_t most_listed = 16;
  const auto meant = nearest(name, names);
  std::string hint;
  if (!meant.empty()) {
    hint = fmt::format(": did you mean \"{}\"?", meant);
  } else if (!names.empty() && names.size() <= most_listed) {
    hint = fmt::format(": there are {}", fmt::join(names, ", "));
  }
  refuse(fmt::format("unknown parameter \"{}\"{}", name, hint));
}

void UrlParams::refuse_number(std::string_view name, std::string_view text,
                              std::string_view most) const {
  refuse(fmt::format("\"{}\" is {}: it takes a number from 0 to {}", name, described(text), most));
}

void UrlParams::refuse_word(std::string_view name, std::string_view text,
                            std::string_view known) const {
  refuse(fmt::format("\"{}\" is {}: it takes {}", name, described(text), known));
}

}  // namespace grant
