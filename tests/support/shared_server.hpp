#pragma once

#include <gtest/gtest.h>

#include <optional>

namespace grant::test {

/// One server of an engine for all tests of a program. Register it with AddGlobalTestEnvironment();
/// it is started when the first test needs it, and stopped after the last test.
template <class Cluster>
class SharedServer final : public ::testing::Environment {
 public:
  static Cluster& get() {
    if (!started) started.emplace(0);
    return *started;
  }
  void TearDown() override { started.reset(); }

 private:
  static inline std::optional<Cluster> started;
};

}  // namespace grant::test
