#include "grant/cluster/routing_options.hpp"

#include <fmt/format.h>

#include "grant/core/error.hpp"

namespace grant {

void RoutingOptions::validate(std::string_view where) const {
  const auto not_negative = [where](std::string_view field, std::chrono::milliseconds value) {
    if (value.count() < 0) {
      throw_error(Errc::configuration, fmt::format("{}: {} must not be negative, but it is {} ms",
                                                   where, field, value.count()));
    }
  };
  not_negative("replica_lag_threshold",
               replica_lag_threshold.value_or(std::chrono::milliseconds(0)));
  not_negative("failover_timeout", failover_timeout);
  not_negative("sticky_period", sticky_period);
}

}  // namespace grant
