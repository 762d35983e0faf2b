#pragma once

#include <chrono>
#include <thread>

namespace grant::test {

/// True as soon as `condition` holds; false when it still does not after many seconds, which only a
/// bug takes. For what other threads do and nobody announces.
template <class Condition>
[[nodiscard]] bool eventually(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    // sleeps: between two looks at a condition that has nothing to wait on
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

}  // namespace grant::test
