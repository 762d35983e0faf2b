#pragma once

#include "grant/driver/mariadb/driver.hpp"
#include "integration/driver/driver_fixture.hpp"
#include "support/eventually.hpp"
#include "support/mariadb_cluster.hpp"
#include "support/shared_server.hpp"

namespace grant::test {

/// A primary and one replica.
inline MariadbCluster& cluster() { return SharedServer<MariadbCluster, 1>::get(); }

inline std::unique_ptr<Connection> connect_to(int node) { return connect_to(cluster().url(node)); }

}  // namespace grant::test
