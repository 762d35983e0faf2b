#pragma once

#include "grant/cluster/health_check_options.hpp"
#include "grant/cluster/routing_options.hpp"

namespace grant {

/// How a cluster is set up.
struct ClusterOptions {
  RoutingOptions routing{};
  HealthCheckOptions health{};

  friend bool operator==(const ClusterOptions&, const ClusterOptions&) = default;
};

}  // namespace grant
