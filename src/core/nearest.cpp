#include "core/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace grant {
namespace {

constexpr std::size_t kMostEdits = 3;

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> names) {
  // Longer ones are no slips, and would take long to compare.
  constexpr std::size_t longest = 64;
  if (word.size() > longest) return {};
  const auto lower = in_lower_case(word);
  std::string_view best;
  std::size_t edits = kMostEdits + 1;
  for (const auto name : names) {
    const auto distance = edit_distance(lower, in_lower_case(name));
    if (distance < edits && distance < name.size()) {
      best = name;
      edits = distance;
    }
  }
  return best;
}

}  // namespace grant
