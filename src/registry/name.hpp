#pragma once

#include <algorithm>
#include <string_view>

namespace grant::detail {

/// What a name that the user gave is made of. Names stand in keys such as "orders@eu/reader-1" and
/// in fields of events, unquoted.
inline constexpr std::string_view kNameRule = R"(letters, digits, "_" and "-")";

/// Whether `text` can be the name of a database, a shard or a node: see kNameRule. Pure.
[[nodiscard]] inline bool is_name(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

}  // namespace grant::detail
