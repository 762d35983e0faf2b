#pragma once

#include <memory>

#include "grant/driver/driver.hpp"
#include "grant/io/resolver.hpp"

namespace grant::mariadb {

/// The driver for MariaDB 10.5 and later, over libmariadb's non-blocking calls. Lives as long as
/// the process; thread-safe. Linking grant::mariadb registers it. URLs start with `mariadb:` or
/// `mysql:`; a host that starts with `/` is the server's unix socket. Without a host it is
/// localhost, over TCP.
///
/// URL parameters, others being refused:
///   - `ssl-mode`: `disabled`; `preferred` (the default: TLS where the server has it; none on a
///   unix
///     socket); `required`; `verify_ca` (signed by `ssl-ca`); `verify_full` (and made out to the
///     host of the URL);
///   - `ssl-ca`, `ssl-cert`, `ssl-key`: PEM files. A certificate that `ssl-ca` did not sign is
///     refused in every mode that uses TLS;
///   - `connect_timeout`: whole seconds; 0, the default, leaves it to the deadline of the call;
///   - `statement_cache_size`: prepared statements kept per connection, 0 to 10000, default 256;
///     0 prepares each statement anew.
///
/// Every session speaks utf8mb4, keeps time in UTC, counts matched rows as affected ones, refuses
/// values that do not fit, and reads SQL as the standard has it: `"name"` is an identifier and `||`
/// joins text (sql_mode ANSI_QUOTES and PIPES_AS_CONCAT). One statement at a time; LOAD DATA LOCAL
/// is off.
///
/// `tinyint(1)`, which BOOLEAN is, comes as boolean; `bigint unsigned` beyond int64, decimal, date
/// and time as text. A datetime is taken as UTC; one without a precision, unlike `datetime(6)`,
/// drops the fraction of a second. A zero date cannot be read.
///
/// A transaction that the server rolls back by itself, as after a deadlock, is `failed` until
/// rollback() is called, so that what follows in it is not committed statement by statement.
///
/// A host name is looked up within the deadline, on another thread. Each of its addresses is tried,
/// with an equal share of the time that is left, until one answers. With `verify_full`, libmariadb
/// needs the name: it then looks it up again, which blocks, once the first look-up has succeeded,
/// and shares no time out. The handshake of TLS blocks too, whatever the waiter, but ends at the
/// deadline.
[[nodiscard]] const Driver& driver() noexcept;

/// The same, looking up host names with `resolver`. Not registered; must outlive its connections'
/// nodes. Thread-safe.
[[nodiscard]] std::unique_ptr<Driver> make_driver(io::Resolver resolver);

}  // namespace grant::mariadb
