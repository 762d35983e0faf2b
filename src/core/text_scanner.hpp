#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace grant {

/// Takes characters off the front of a text; failed() sticks.
class TextScanner {
 public:
  explicit TextScanner(std::string_view text) : rest_(text) {}

  int digits(int count) {
    int number = 0;
    for (int i = 0; i < count; ++i) {
      if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') {
        failed_ = true;
        return 0;
      }
      number = number * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return number;
  }

  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) { failed_ = failed_ || !take(c); }

  /// Up to six decimals as microseconds; further ones are dropped.
  std::chrono::microseconds decimals() {
    std::int64_t micros = 0;
    int seen = 0;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
      if (seen < 6) micros = micros * 10 + (rest_[0] - '0');
      ++seen;
      rest_.remove_prefix(1);
    }
    if (seen == 0) failed_ = true;
    for (; seen < 6; ++seen) micros *= 10;
    return std::chrono::microseconds(micros);
  }

  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace grant
