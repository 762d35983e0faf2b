#pragma once

#include "grant/driver/mariadb/driver.hpp"
#include "integration/driver/driver_fixture.hpp"
#include "support/eventually.hpp"
#include "support/mariadb_cluster.hpp"

namespace grant::test {

/// The cluster that the program's tests share: a primary and one replica. A test that takes a node
/// down brings it back.
MariadbCluster& cluster();

inline std::unique_ptr<Connection> connect_to(int node) { return connect_to(cluster().url(node)); }

/// How many sessions of the application are running `sql`.
int running(std::string_view sql);

}  // namespace grant::test
