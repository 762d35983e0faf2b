#pragma once

#include <string>
#include <vector>

#include "grant/driver/adapter.hpp"
#include "support/mariadb_cluster.hpp"
#include "support/postgres_cluster.hpp"
#include "support/shared_server.hpp"
#include "support/temporary_directory.hpp"

namespace grant::test {

/// The engines that the program is linked with; see grant_link_engines() in tests/CMakeLists.txt.
[[nodiscard]] inline std::vector<Adapter> built_engines() {
  return {
#ifdef GRANT_TEST_POSTGRES
      Adapter::postgres,
#endif
#ifdef GRANT_TEST_MARIADB
      Adapter::mariadb,
#endif
#ifdef GRANT_TEST_SQLITE
      Adapter::sqlite,
#endif
  };
}

/// A database of an engine: on the server that the program's tests share, or a file in `directory`.
[[nodiscard]] inline std::string url_on(Adapter engine, const TemporaryDirectory& directory) {
  switch (engine) {
    case Adapter::postgres: return SharedServer<PostgresCluster>::get().url(0);
    case Adapter::mariadb: return SharedServer<MariadbCluster>::get().url(0);
    case Adapter::sqlite: break;
  }
  return "sqlite:" + (directory.path() / "test.db").string();
}

}  // namespace grant::test
