#pragma once

#include "bench/harness.hpp"
#include "bench/servers.hpp"

// One namespace per library; each function is one way of doing what a case is about. All of them
// work on the tables of tables.hpp.
namespace grant::bench {

/// PostgreSQL's own client, in its best form and in others that people use.
namespace libpq {
Implementation find();
Implementation find_at_once();
Implementation find_in_pipeline();
Implementation find_one_by_one();
Implementation read_single_rows();
Implementation read_copy();
Implementation insert_copy();
Implementation insert_unnest();
Implementation insert_values();
Implementation insert_pipeline();
}  // namespace libpq

namespace pqxx {
Implementation find();
Implementation find_at_once();
Implementation read_stream();
Implementation insert_stream();
}  // namespace pqxx

namespace soci {
Implementation find();
Implementation find_at_once();
Implementation read();
Implementation insert_bulk();
}  // namespace soci

namespace poco {
Implementation find();
Implementation find_at_once();
Implementation read();
}  // namespace poco

/// MariaDB's own client: prepared statements, read row by row as they arrive.
namespace libmariadb {
Implementation find();
Implementation read();
Implementation insert_array();
Implementation insert_values();
}  // namespace libmariadb

namespace sqlite {
Implementation find();
Implementation read();
Implementation insert();
}  // namespace sqlite

/// Grant, on any engine. `server` says where, once it is needed.
namespace driver {
using FindServer = Server (*)();
Implementation find(FindServer server);
Implementation find_at_once(FindServer server);
Implementation find_in_pipeline(FindServer server);
Implementation read(FindServer server);
Implementation insert_load(FindServer server);
/// PostgreSQL only.
Implementation insert_arrays(FindServer server);
}  // namespace driver

}  // namespace grant::bench
