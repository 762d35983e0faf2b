#pragma once

#include "grant/driver/postgres/driver.hpp"
#include "integration/driver/driver_fixture.hpp"
#include "support/postgres_cluster.hpp"
#include "support/shared_server.hpp"

namespace grant::test {

/// A primary and one replica.
inline PostgresCluster& cluster() { return SharedServer<PostgresCluster, 1>::get(); }

inline std::unique_ptr<Connection> connect_to(int node) { return connect_to(cluster().url(node)); }

/// Asks until `sql` gives `expected` on the primary.
void await(Connection& connection, std::string_view sql, std::string_view expected);

}  // namespace grant::test
