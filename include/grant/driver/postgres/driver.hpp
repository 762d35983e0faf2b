#pragma once

#include <memory>

#include "grant/driver/driver.hpp"
#include "grant/io/resolver.hpp"

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
/// A host name is looked up within the deadline, on another thread. Each of its addresses is tried,
/// with an equal share of the time that is left, until one answers. libpq itself looks up only what
/// it gets from PGHOST or a service file, and that blocks, whatever the waiter. One URL names one
/// host; several, with commas between them, are refused.
[[nodiscard]] const Driver& driver() noexcept;

/// The same, looking up host names with `resolver`. Not registered; must outlive its connections'
/// nodes. Thread-safe.
[[nodiscard]] std::unique_ptr<Driver> make_driver(io::Resolver resolver);

}  // namespace grant::postgres
