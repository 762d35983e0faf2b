#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace grant {

/// The address of an interned string is a multiple of this.
inline constexpr std::size_t kInternedAlignment = 16;

/// One string for each text, kept for as long as the process runs: for names, of which there are
/// few and which outlive what they name. Thread-safe; takes a lock.
[[nodiscard]] const std::string& interned(std::string_view text);

}  // namespace grant
