#pragma once

#include <chrono>
#include <thread>

namespace grant::test {

/// Long enough for anything that is not supposed to fail.
inline constexpr auto kPatience = std::chrono::seconds(60);

/// True as soon as `condition` holds; false when it still does not after `limit`, which is more
/// than anything but a bug takes. For what other threads and servers do and nobody announces.
template <class Condition>
[[nodiscard]] bool eventually(const Condition& condition,
                              std::chrono::nanoseconds limit = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    // sleeps: between two looks at a condition that has nothing to wait on
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

}  // namespace grant::test
