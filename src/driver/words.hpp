#pragma once

#include <algorithm>
#include <string_view>

namespace grant::driver {

/// Whether `text` is this word, given in upper case.
[[nodiscard]] inline bool is_word(std::string_view text, std::string_view upper) noexcept {
  return std::ranges::equal(text, upper, [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
  });
}

/// The words of an SQL text, one after the other: those in strings and comments too.
class Words {
 public:
  explicit Words(std::string_view sql) noexcept : rest_(sql) {}

  /// Empty: there are no more.
  std::string_view next() noexcept {
    const auto begin = std::ranges::find_if(rest_, is_part);
    const auto end = std::find_if_not(begin, rest_.end(), is_part);
    const std::string_view word(begin, end);
    rest_ = {end, rest_.end()};
    return word;
  }

  /// What comes after the last word given.
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  static bool is_part(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }

  std::string_view rest_;
};

}  // namespace grant::driver
