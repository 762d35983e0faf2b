#include "greeting.hpp"

#include <algorithm>
#include <charconv>

namespace grant::postgres {
namespace {

constexpr std::size_t kHeader = 5;  // a letter and a length, which counts itself
constexpr std::size_t kCode = 4;
constexpr std::uint32_t kClearPassword = 3;
constexpr std::uint32_t kSaslContinue = 11;

constexpr std::size_t kShortestError = 8;
constexpr std::size_t kLongestError = 30'000;

/// No request for a proof is longer, to libpq either.
constexpr std::size_t kLongestRequest = 2000;

std::uint32_t number(std::string_view bytes, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

/// Of a server-first-message of SCRAM: `r=...,s=...,i=4096`. 0: there is none.
std::uint64_t iterations(std::string_view message) noexcept {
  for (std::size_t at = 0; at < message.size();) {
    const auto attribute = message.substr(at, message.find(',', at) - at);
    if (attribute.starts_with("i=")) {
      std::uint64_t count = 0;
      const auto* const end = attribute.data() + attribute.size();
      const auto [read, error] = std::from_chars(attribute.data() + 2, end, count);
      return error == std::errc::result_out_of_range ? kMostIterations + 1 : count;
    }
    at += attribute.size() + 1;
  }
  return 0;
}

}  // namespace

LoginScanner::Finding LoginScanner::scan_answer(std::string_view bytes) noexcept {
  // An error, of a server that does not know the request, is a message of its own.
  const bool answers = bytes.starts_with('S') || bytes.starts_with('N') || bytes.starts_with('G');
  return answers && bytes.size() > 1 ? Finding::unasked : Finding::none;
}

LoginScanner::Finding LoginScanner::scan(std::string_view bytes) noexcept {
  const auto skipped = std::min(rest_, bytes.size());
  auto left = bytes.substr(skipped);
  while (left.size() >= kHeader) {
    const std::size_t length = number(left, 1);
    // libpq takes an error of another length for one of an old server's, which has no end.
    const bool is_error = left[0] == 'E';
    if (is_error && (length < kShortestError || length > kLongestError)) return Finding::unasked;
    const bool asks = left[0] == 'R' && length >= 2 * kCode;
    if (asks && length <= kLongestRequest) {
      if (left.size() < 1 + length) return Finding::incomplete;
      const auto code = number(left, kHeader);
      if (code == kClearPassword) return Finding::clear_password;
      const auto text = left.substr(kHeader + kCode, length - 2 * kCode);
      if (code == kSaslContinue && iterations(text) > kMostIterations) return Finding::costly;
    }
    if (left.size() < 1 + length) {
      rest_ = 1 + length - left.size();
      return Finding::none;
    }
    left.remove_prefix(1 + length);
  }
  if (!left.empty()) return Finding::incomplete;
  rest_ -= skipped;
  return Finding::none;
}

}  // namespace grant::postgres
