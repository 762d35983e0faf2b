#pragma once

#include <cstring>
#include <memory_resource>
#include <string_view>

namespace grant {

/// A copy of `characters` in `memory`; never a null pointer.
[[nodiscard]] inline std::string_view kept(std::pmr::memory_resource& memory,
                                           std::string_view characters) {
  if (characters.empty()) return "";
  auto* const room = static_cast<char*>(memory.allocate(characters.size(), 1));
  std::memcpy(room, characters.data(), characters.size());
  return {room, characters.size()};
}

}  // namespace grant
