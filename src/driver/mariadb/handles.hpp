#pragma once

#include <mysql.h>

#include <memory>

#include "core/fork.hpp"
#include "no_sigpipe.hpp"

namespace grant::mariadb {

/// Around calls that connect or close: libmariadb and OpenSSL have locks of their own there.
[[nodiscard]] grant::detail::LibraryGate& gate() noexcept;

struct CloseConnection {
  void operator()(MYSQL* connection) const noexcept {
    const grant::detail::LibraryGate::Inside inside(gate());
    const NoSigpipe quiet(true);
    mysql_close(connection);
  }
};
using ConnectionHandle = std::unique_ptr<MYSQL, CloseConnection>;

/// Says goodbye to the server only while the connection that it came from is there.
struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const noexcept {
    const NoSigpipe quiet(true);
    mysql_stmt_close(statement);
  }
};
using StatementHandle = std::unique_ptr<MYSQL_STMT, CloseStatement>;

struct FreeResult {
  void operator()(MYSQL_RES* result) const noexcept { mysql_free_result(result); }
};
using ResultHandle = std::unique_ptr<MYSQL_RES, FreeResult>;

}  // namespace grant::mariadb
