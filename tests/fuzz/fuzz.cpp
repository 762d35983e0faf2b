#include "fuzz/fuzz.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace grant::fuzz {

void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

std::string_view take_until(std::string_view& input, char mark) noexcept {
  const auto at = input.find(mark);
  const auto head = input.substr(0, at);
  input = at == std::string_view::npos ? std::string_view{} : input.substr(at + 1);
  return head;
}

unsigned char take_byte(std::string_view& input) noexcept {
  if (input.empty()) return 0;
  const auto byte = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  return byte;
}

}  // namespace grant::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  grant::fuzz::try_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
