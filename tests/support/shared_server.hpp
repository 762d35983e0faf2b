#pragma once

#include <gtest/gtest.h>

#include <optional>

namespace grant::test {

/// One cluster of an engine for all tests of a program, with `Replicas` beside its primary. It is
/// started when the first test needs it, and stopped after the last one. A test that breaks it
/// brings it back.
template <class Cluster, int Replicas = 0>
class SharedServer final : public ::testing::Environment {
 public:
  static Cluster& get() {
    static_cast<void>(environment);
    if (!started) started.emplace(Replicas);
    return *started;
  }
  void TearDown() override { started.reset(); }

 private:
  static inline std::optional<Cluster> started;
  static const ::testing::Environment* const environment;
};

// Before main(), wherever get() is called in the program. gtest deletes it.
template <class Cluster, int Replicas>
const ::testing::Environment* const SharedServer<Cluster, Replicas>::environment =
    ::testing::AddGlobalTestEnvironment(new SharedServer);

}  // namespace grant::test
