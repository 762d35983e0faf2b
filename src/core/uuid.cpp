#include "grant/core/uuid.hpp"

namespace grant {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

int digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Whether to_string() writes a hyphen before this byte.
constexpr bool after_hyphen(std::size_t byte) noexcept {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

}  // namespace

std::string Uuid::to_string() const {
  std::string text;
  for (std::size_t i = 0; i < kSize; ++i) {
    if (after_hyphen(i)) text += '-';
    const auto byte = std::to_integer<unsigned>(bytes[i]);
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) noexcept {
  const bool hyphens = text.size() == 36;
  if (!hyphens && text.size() != 32) return std::nullopt;
  Uuid uuid;
  std::size_t at = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    if (hyphens && after_hyphen(i) && text[at++] != '-') return std::nullopt;
    const int high = digit(text[at]);
    const int low = digit(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    uuid.bytes[i] = static_cast<std::byte>(high * 16 + low);
    at += 2;
  }
  return uuid;
}

}  // namespace grant
