#include "grant/pool/pool_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "support/error_of.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;

std::string refusal(const std::function<void(PoolOptions&)>& change) {
  PoolOptions options;
  change(options);
  return test::error_of([&] { return options.validate("database \"d\""), 0; }).message;
}

TEST(PoolOptions, DefaultsAreValid) { PoolOptions{}.validate("here"); }

TEST(PoolOptions, RefusalsNameThePlaceTheFieldAndTheValue) {
  EXPECT_EQ(refusal([](PoolOptions& o) { o.max_size = 0; }),
            "database \"d\": pool.max_size must be at least 1, but it is 0");
  EXPECT_EQ(refusal([](PoolOptions& o) { o.checkout_timeout = -1ms; }),
            "database \"d\": pool.checkout_timeout must not be negative, but it is -1 ms");
  EXPECT_EQ(refusal([](PoolOptions& o) { o.retry_delay = -2ms; }),
            "database \"d\": pool.retry_delay must not be negative, but it is -2 ms");
}

TEST(PoolOptions, NoSpanMayBeNegative) {
  for (const auto span :
       {&PoolOptions::idle_timeout, &PoolOptions::max_lifetime, &PoolOptions::keepalive,
        &PoolOptions::verify_idle, &PoolOptions::leak_threshold}) {
    EXPECT_THAT(refusal([span](PoolOptions& o) { o.*span = -1ms; }),
                ::testing::HasSubstr("must not be negative, but it is -1 ms"));
  }
}

TEST(PoolOptions, ZeroIsAllowedWhereItHasAMeaning) {
  PoolOptions options;
  options.initial_size = 0;
  options.checkout_timeout = 0ms;
  options.retry_attempts = 0;
  options.retry_delay = 0ms;
  options.idle_timeout = options.max_lifetime = options.keepalive = 0ms;
  options.verify_idle = options.leak_threshold = 0ms;
  options.validate("here");
}

}  // namespace
}  // namespace grant
