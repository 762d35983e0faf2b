#pragma once

#include <gtest/gtest.h>

#include "grant/core/error.hpp"

namespace grant::test {

/// What `action` throws; fails the test when it throws nothing.
template <class Action>
[[nodiscard]] ErrorInfo error_of(const Action& action) {
  try {
    static_cast<void>(action());
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), error.info().message.c_str());
    return error.info();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

}  // namespace grant::test
