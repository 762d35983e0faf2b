#pragma once

#include <array>

#include "core/option_field.hpp"
#include "grant/pool/pool_options.hpp"

namespace grant::detail {

using PoolOptionField = OptionField<PoolOptions, std::size_t, std::chrono::milliseconds>;

inline constexpr auto kPoolOptionFields = std::to_array<PoolOptionField>({
    {.name = "max_size",
     .member = &PoolOptions::max_size,
     .least = 1,
     .url_parameter = "max_pool_size",
     .meaning = "most connections open at once; at least 1. For an SQLite file: those that read; "
                "one that writes comes on top"},
    {.name = "initial_size",
     .member = &PoolOptions::initial_size,
     .url_parameter = "initial_pool_size",
     .meaning = "opened ahead of need; more than `max_size` means `max_size`"},
    {.name = "checkout_timeout",
     .member = &PoolOptions::checkout_timeout,
     .url_parameter = "checkout_timeout",
     .meaning = "longest wait for a connection, opening it included; 0: do not queue"},
    {.name = "retry_attempts",
     .member = &PoolOptions::retry_attempts,
     .url_parameter = "retry_attempts",
     .meaning = "further attempts to open a connection; 0: none"},
    {.name = "retry_delay",
     .member = &PoolOptions::retry_delay,
     .url_parameter = "retry_delay",
     .meaning = "pause before each, and up to half as long again at random; 0: none"},
    {.name = "min_idle",
     .member = &PoolOptions::min_idle,
     .url_parameter = "min_idle",
     .meaning = "kept idle, once one was opened; within `max_size`; 0: none"},
    {.name = "idle_timeout",
     .member = &PoolOptions::idle_timeout,
     .url_parameter = "idle_timeout",
     .meaning = "idle for so long: closed, while `min_idle` remain; 0: never"},
    {.name = "max_lifetime",
     .member = &PoolOptions::max_lifetime,
     .url_parameter = "max_lifetime",
     .meaning = "closed at this age, less up to a tenth at random; 0: never"},
    {.name = "keepalive",
     .member = &PoolOptions::keepalive,
     .url_parameter = "keepalive",
     .meaning = "silent for so long: sent a short query; 0: never"},
    {.name = "verify_idle",
     .member = &PoolOptions::verify_idle,
     .url_parameter = "verify_idle",
     .meaning = "silent for so long: checked before use; 0: before every use"},
    {.name = "max_waiters",
     .member = &PoolOptions::max_waiters,
     .url_parameter = "max_waiters",
     .meaning = "most callers in the queue; 0: no limit"},
    {.name = "leak_threshold",
     .member = &PoolOptions::leak_threshold,
     .url_parameter = "leak_threshold",
     .meaning = "a lease that lasts longer is reported; 0: none is"},
});

}  // namespace grant::detail
