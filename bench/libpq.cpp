#include "bench/libpq.hpp"

#include <stdexcept>

namespace grant::bench::libpq {

void fail(const PGconn* connection) { throw std::runtime_error(::PQerrorMessage(connection)); }

Connection connect(const std::string& url) {
  Connection connection(::PQconnectdb(url.c_str()));
  expect(::PQstatus(connection.get()) == CONNECTION_OK, connection.get());
  return connection;
}

void run(PGconn* connection, const std::string& sql) {
  const Result result(::PQexec(connection, sql.c_str()));
  expect(result, PGRES_COMMAND_OK, connection);
}

}  // namespace grant::bench::libpq
