#pragma once

#include <future>

#include "support/error_of.hpp"

namespace grant::test {

/// That of what the future throws; fails the test when it throws nothing.
template <class T>
[[nodiscard]] Errc code_of(std::future<T> future) {
  return error_of([&future] { static_cast<void>(future.get()); }).code;
}

}  // namespace grant::test
