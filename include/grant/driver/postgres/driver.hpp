#pragma once

#include <memory>

#include "grant/driver/driver.hpp"
#include "grant/io/resolver.hpp"

namespace grant::postgres {

/// The driver for PostgreSQL 14 and later, over libpq. Lives as long as the process; thread-safe.
/// Linking grant::postgres registers it.
///
/// URL parameters are libpq's connection keywords (`sslmode`, `sslrootcert`, `application_name`,
/// `connect_timeout`, `target_session_attrs`, ...) and
///   - `statement_cache_size`: prepared statements kept per connection, 0 to 10000, default 256;
///     0 prepares each statement anew;
///   - `statement_lifetime`: milliseconds for which what the server said of a prepared statement is
///     believed, default 300000; 0: as long as the connection lives;
///   - `prepare`: `session` (the default), or `never`, which keeps nothing on the server: for a
///     pooler that hands each transaction to another of its sessions;
///   - `cancel_timeout`: milliseconds that the server gets, after the deadline of a statement, to
///     cancel it, 0 to 60000, default 100. A statement that was cancelled in that time changed
///     nothing, and its connection stays open; otherwise the connection is closed, as with 0 at
///     once. COMMIT is never cancelled.
///   - `max_result_size`: MiB that one answer may have, 0 to 1048576, default 1024;
///     0: any number. A larger answer ends the connection, with invalid_argument, or
///     outcome_unknown for a write; streams have no limit;
///   - `clear_password`: `verified` (the default), `encrypted` or `always`: which servers may ask
///   for
///     the password itself. libpq before 16 cannot be told, so within TLS every server may, and
///     without TLS none but with `always`.
/// Others are refused. `sslmode` is verify-full where `sslrootcert` is given, and has to be given
/// with `sslcert`. What the URL does not say libpq takes from its environment (PGPASSFILE,
/// PGSSLMODE and others). Sessions run with client_encoding UTF8, DateStyle ISO and TimeZone UTC.
///
/// A `timestamp` without time zone is taken as UTC. Statements are prepared, so one statement is
/// one command; COPY is refused. Columns of types that Grant has no kind for come as text, and make
/// the others of their row travel as text too. Arrays have one dimension. A stream reads row by
/// row, or is a cursor where a transaction is open; rows are loaded with COPY, which tells of a bad
/// row only when all have been sent.
///
/// A host name is looked up within the deadline, on another thread. Each of its addresses is tried,
/// with an equal share of the time that is left, until one answers. libpq itself looks up only what
/// it gets from PGHOST or a service file. Connecting runs on a thread of its own, which is left
/// behind at the deadline where libpq does not come back: see the guide, Security. One URL names
/// one host; several, with commas between them, are refused.
[[nodiscard]] const Driver& driver() noexcept;

/// The same, looking up host names with `resolver`. Not registered; must outlive its connections'
/// nodes. Thread-safe.
[[nodiscard]] std::unique_ptr<Driver> make_driver(io::Resolver resolver);

}  // namespace grant::postgres
