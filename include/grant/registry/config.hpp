#pragma once

#include <string>
#include <string_view>

#include "grant/registry/connection_spec.hpp"

namespace grant {

/// Reads databases from a TOML file such as
///
///     [databases.primary]
///     adapter = "postgres"
///     writer = "${PRIMARY_DATABASE_URL}"
///     readers = ["${PRIMARY_REPLICA_URL}"]
///     replica_lag_threshold = "2s"
///     pool = { max_size = 25, checkout_timeout = "5s" }
///     health_check = { interval = "30s", timeout = "5s" }
///
///     [databases.orders.shards]
///     us_east.url = "sqlite:us_east.db"
///     eu.url = "sqlite:eu.db"
///
/// Keys are the fields of ConnectionSpec, RoutingOptions (beside them), PoolOptions and
/// HealthCheckOptions. Durations are texts such as "200ms", "5s", "2m". `${NAME}` in any text is
/// the environment variable of that name; `$$` is a dollar sign.
///
/// Errors: configuration, with file and line: a file that cannot be read, TOML that does not parse,
/// a key that does not exist, a value that does not fit, a variable that is not set.
[[nodiscard]] Databases load_config(const std::string& file);

/// The same from text; `name` stands for the file in messages.
[[nodiscard]] Databases parse_config(std::string_view text, std::string_view name);

}  // namespace grant
