#include "utf8.hpp"

#include <cstdint>
#include <cstring>

namespace grant {
namespace {

std::size_t sequence_length(const unsigned char* at, std::size_t left) {
  const auto continues = [&](std::size_t i) { return i < left && (at[i] & 0xC0U) == 0x80U; };
  const unsigned char lead = at[0];
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && at[1] < 0xA0) return 0;  // longer than needed
    if (lead == 0xED && at[1] > 0x9F) return 0;  // a surrogate
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && at[1] < 0x90) return 0;  // longer than needed
    if (lead == 0xF4 && at[1] > 0x8F) return 0;  // beyond U+10FFFF
    return 4;
  }
  return 0;
}

}  // namespace

std::size_t first_bad_byte(std::string_view text) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = 0x8080808080808080;
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + i, sizeof word);
      // Eight plain characters: no high bit, and no byte that a subtraction borrows for.
      if (((word | (word - ones)) & highs) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const auto* at = reinterpret_cast<const unsigned char*>(text.data() + i);
    if (*at != 0 && *at < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = *at == 0 ? 0 : sequence_length(at, text.size() - i);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

}  // namespace grant
