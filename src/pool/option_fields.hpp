#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "grant/pool/pool_options.hpp"

namespace grant::detail {

/// A field of PoolOptions, as configuration files and URLs name it: a count or a span of time.
struct PoolOptionField {
  std::string_view key;
  std::string_view url_parameter;
  std::size_t PoolOptions::*count = nullptr;
  std::chrono::milliseconds PoolOptions::*span = nullptr;
};

/// All of them.
inline constexpr std::array<PoolOptionField, 12> kPoolOptionFields{{
    {"max_size", "max_pool_size", &PoolOptions::max_size},
    {"initial_size", "initial_pool_size", &PoolOptions::initial_size},
    {"checkout_timeout", "checkout_timeout", nullptr, &PoolOptions::checkout_timeout},
    {"retry_attempts", "retry_attempts", &PoolOptions::retry_attempts},
    {"retry_delay", "retry_delay", nullptr, &PoolOptions::retry_delay},
    {"min_idle", "min_idle", &PoolOptions::min_idle},
    {"idle_timeout", "idle_timeout", nullptr, &PoolOptions::idle_timeout},
    {"max_lifetime", "max_lifetime", nullptr, &PoolOptions::max_lifetime},
    {"keepalive", "keepalive", nullptr, &PoolOptions::keepalive},
    {"verify_idle", "verify_idle", nullptr, &PoolOptions::verify_idle},
    {"max_waiters", "max_waiters", &PoolOptions::max_waiters},
    {"leak_threshold", "leak_threshold", nullptr, &PoolOptions::leak_threshold},
}};

}  // namespace grant::detail
