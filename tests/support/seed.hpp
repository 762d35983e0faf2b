#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace grant::test {

/// What a test that rolls dice starts from: the same in every run, unless GRANT_TEST_SEED says
/// otherwise. A test that fails says which it was. How threads interleave it does not decide.
class Seed {
 public:
  Seed() {
    const char* const given = std::getenv("GRANT_TEST_SEED");
    if (given != nullptr) value_ = static_cast<unsigned>(std::stoul(given));
  }
  Seed(const Seed&) = delete;
  Seed& operator=(const Seed&) = delete;
  ~Seed() {
    if (::testing::Test::HasFailure()) std::printf("run again with GRANT_TEST_SEED=%u\n", value_);
  }

  [[nodiscard]] unsigned value() const noexcept { return value_; }

  /// For one of the test's threads or rounds.
  [[nodiscard]] std::minstd_rand dice(unsigned part) const {
    std::seed_seq both{value_, part};
    return std::minstd_rand(both);
  }

 private:
  unsigned value_ = 1;
};

}  // namespace grant::test
