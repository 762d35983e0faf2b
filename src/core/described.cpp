#include "core/described.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace grant {

std::string described(std::string_view text) {
  if (text.empty()) return "empty";
  constexpr std::size_t longest_number = 20;
  const auto in_number = [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  if (text.size() <= longest_number && std::ranges::all_of(text, in_number)) {
    return fmt::format("the number {}", text);
  }
  const auto in_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const bool is_variable = text.starts_with("${") && text.ends_with('}') &&
                           std::ranges::all_of(text.substr(2, text.size() - 3), in_name);
  if (is_variable) return fmt::format("\"{}\"", text);
  if (text.find("://") != std::string_view::npos) return "a URL";
  return fmt::format("text of {} characters", text.size());
}

}  // namespace grant
