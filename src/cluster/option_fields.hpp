#pragma once

#include <array>

#include "core/option_field.hpp"
#include "grant/cluster/health_check_options.hpp"
#include "grant/cluster/routing_options.hpp"

namespace grant::detail {

using RoutingOptionField =
    OptionField<RoutingOptions, Strategy, std::optional<std::chrono::milliseconds>, std::size_t,
                std::chrono::milliseconds, OnNoReplica, bool>;

inline constexpr auto kRoutingOptionFields = std::to_array<RoutingOptionField>({
    {.name = "strategy",
     .member = &RoutingOptions::strategy,
     .meaning = "or `random`, `least_connections`"},
    {.name = "replica_lag_threshold",
     .member = &RoutingOptions::replica_lag_threshold,
     .meaning = "most lag of a replica that serves reads; `\"none\"` (C++: `std::nullopt`): lag is "
                "not judged"},
    {.name = "failover_retry_attempts",
     .member = &RoutingOptions::failover_retry_attempts,
     .meaning = "further attempts for a statement that certainly did not run; 0: none"},
    {.name = "failover_timeout",
     .member = &RoutingOptions::failover_timeout,
     .meaning = "longest wait for a primary while none is known; 0: do not wait"},
    {.name = "sticky_period",
     .member = &RoutingOptions::sticky_period,
     .meaning = "how long a session reads from the primary after a write; 0: not at all"},
    {.name = "on_no_replica", .member = &RoutingOptions::on_no_replica, .meaning = "or `fail`"},
    {.name = "allow_stale",
     .member = &RoutingOptions::allow_stale,
     .meaning = "without a primary, let the least stale replica serve reads"},
});

using HealthCheckOptionField =
    OptionField<HealthCheckOptions, std::size_t, std::chrono::milliseconds>;

inline constexpr auto kHealthCheckOptionFields = std::to_array<HealthCheckOptionField>({
    {.name = "interval",
     .member = &HealthCheckOptions::interval,
     .least = 1,
     .meaning = "between two probes of a node that is well"},
    {.name = "timeout",
     .member = &HealthCheckOptions::timeout,
     .least = 1,
     .meaning = "longest probe, connecting included"},
    {.name = "recheck_interval",
     .member = &HealthCheckOptions::recheck_interval,
     .least = 1,
     .meaning = "between two probes of a node that is not well, or lags too far"},
    {.name = "failure_threshold",
     .member = &HealthCheckOptions::failure_threshold,
     .least = 1,
     .meaning = "failures in a row until a node is unhealthy"},
    {.name = "recovery_threshold",
     .member = &HealthCheckOptions::recovery_threshold,
     .least = 1,
     .meaning = "answers in a row until it is healthy again"},
});

}  // namespace grant::detail
