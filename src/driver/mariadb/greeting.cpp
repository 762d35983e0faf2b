#include "greeting.hpp"

namespace grant::mariadb {
namespace {

constexpr std::size_t kHeader = 4;
constexpr unsigned char kProtocol = 10;
constexpr unsigned char kError = 0xFF;
constexpr unsigned int kTls = 0x0800;

// Behind the version: the connection's number, the first part of the scramble and a filler.
constexpr std::size_t kBeforeCapabilities = 4 + 8 + 1;

unsigned int byte(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<unsigned char>(bytes[at]);
}

}  // namespace

Greeting parse_greeting(std::string_view bytes) noexcept {
  using State = Greeting::State;
  if (bytes.size() <= kHeader) return {State::incomplete};
  const std::size_t length = byte(bytes, 0) | byte(bytes, 1) << 8U | byte(bytes, 2) << 16U;
  const auto first = byte(bytes, kHeader);
  const bool numbered_first = byte(bytes, 3) == 0;
  if (!numbered_first || length == 0 || length > kLongestGreeting - kHeader) {
    return {State::foreign};
  }
  if (first != kProtocol && first != kError) return {State::foreign};
  if (bytes.size() < kHeader + length) return {State::incomplete};
  if (first == kError) return {State::refusal};
  const auto greeting = bytes.substr(kHeader, length);
  const auto version = greeting.find('\0', 1);
  if (version == std::string_view::npos) return {State::foreign};
  const auto at = version + 1 + kBeforeCapabilities;
  if (at + 2 > greeting.size()) return {State::foreign};
  const auto capabilities = byte(greeting, at) | byte(greeting, at + 1) << 8U;
  return {State::whole, (capabilities & kTls) != 0};
}

}  // namespace grant::mariadb
