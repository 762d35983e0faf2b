#pragma once

#include "grant/driver/postgres/driver.hpp"
#include "integration/driver/driver_fixture.hpp"
#include "support/postgres_cluster.hpp"

namespace grant::test {

/// The cluster that the program's tests share: a primary and one replica. A test that takes a node
/// down brings it back.
PostgresCluster& cluster();

inline std::unique_ptr<Connection> connect_to(int node) { return connect_to(cluster().url(node)); }

/// Asks until `sql` gives `expected` on the primary.
void await(Connection& connection, std::string_view sql, std::string_view expected);

}  // namespace grant::test
