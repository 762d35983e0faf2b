#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "grant/grant.hpp"
#include "grant/testing/fake_clock.hpp"
#include "support/error_of.hpp"
#include "support/temporary_directory.hpp"

namespace grant::test {

/// The databases "primary", one SQLite file, and "orders", with the shards "eu" and "us".
class ModelTest : public ::testing::Test {
 protected:
  ModelTest() {
    ConnectionSpec primary;
    primary.url = url("primary");
    ConnectionSpec orders;
    for (const std::string name : {"eu", "us"}) {
      ShardSpec shard;
      shard.url = url(name);
      orders.shards.emplace_back(name, std::move(shard));
    }
    establish_connections({{"primary", primary}, {"orders", orders}}, {clock_, {}});
    registry().check_health_now();
  }
  ~ModelTest() override { close_connections(); }

  testing::FakeClock clock_;

 private:
  [[nodiscard]] std::string url(const std::string& name) const {
    return "sqlite:" + (directory_.path() / (name + ".db")).string();
  }

  TemporaryDirectory directory_;
};

}  // namespace grant::test
