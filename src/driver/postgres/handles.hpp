#pragma once

#include <libpq-fe.h>

#include <memory>

#include "core/fork.hpp"

namespace grant::postgres {

/// Around calls that connect or close: libpq, OpenSSL and Kerberos have locks of their own there.
[[nodiscard]] grant::detail::LibraryGate& gate() noexcept;

struct FreeConnection {
  void operator()(PGconn* connection) const noexcept {
    const grant::detail::LibraryGate::Inside inside(gate());
    PQfinish(connection);
  }
};
using ConnectionHandle = std::unique_ptr<PGconn, FreeConnection>;

struct FreeResult {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, FreeResult>;

}  // namespace grant::postgres
