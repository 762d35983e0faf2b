#pragma once

#include "grant/driver/driver.hpp"

namespace grant::postgres {

/// The driver for PostgreSQL 12 and later, over libpq. Lives as long as the process; thread-safe.
/// Linking grant::postgres registers it.
///
/// URL parameters are libpq's connection keywords (`sslmode`, `sslrootcert`, `application_name`,
/// `connect_timeout`, `target_session_attrs`, ...) and
///   - `statement_cache_size`: prepared statements kept per connection, 0 to 10000, default 256;
///     0 prepares each statement anew.
/// Others are refused. Sessions run with client_encoding UTF8, DateStyle ISO and TimeZone UTC.
///
/// A `timestamp` without time zone is taken as UTC. Statements are prepared, so one statement is
/// one command; COPY is refused.
///
/// Looking up a host name blocks, in libpq, whatever the waiter.
[[nodiscard]] const Driver& driver() noexcept;

}  // namespace grant::postgres
