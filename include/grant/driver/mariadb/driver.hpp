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
///     host of the URL), which is also the default where `ssl-ca` is given. From `required` on
///     nothing is sent to a server that offers no TLS;
///   - `ssl-ca`, `ssl-cert`, `ssl-key`: PEM files. A certificate that `ssl-ca` did not sign is
///     refused in every mode that uses TLS. A certificate of the client's needs an `ssl-mode`;
///   - `clear_password`: `verified` (the default), `encrypted` or `always`: to which servers the
///     plugins mysql_clear_password, caching_sha2_password and sha256_password may reveal the
///     password; others than these, mysql_native_password, client_ed25519 and parsec are never
///     used;
///   - `connect_timeout`: whole seconds; 0, the default, leaves it to the deadline of the call;
///   - `statement_cache_size`: prepared statements kept per connection, 0 to 10000, default 256;
///     0 prepares each statement anew;
///   - `statement_lifetime`: milliseconds for which what the server said of a prepared statement is
///     believed, default 300000; 0: as long as the connection lives;
///   - `max_result_size`: MiB that one answer may have, 0 to 1048576, default 1024;
///     0: any number. A larger answer ends the connection, with invalid_argument, or
///     outcome_unknown for a write; streams have no limit;
///   - `cancel_timeout`: milliseconds that cancelling a statement and its end may take after its
///     deadline has passed, 0 to 60000, default 100; 0 closes the connection at once.
///
/// Every session speaks utf8mb4, keeps time in UTC, counts matched rows as affected ones, refuses
/// values that do not fit, and reads SQL as the standard has it: `"name"` is an identifier and `||`
/// joins text (sql_mode ANSI_QUOTES and PIPES_AS_CONCAT). One statement at a time; LOAD DATA LOCAL
/// is off.
///
/// `tinyint(1)`, which BOOLEAN is, comes as boolean where it holds 0 or 1 and as an integer
/// otherwise, and an enum as text. A datetime is taken as
/// UTC; one without a precision, unlike `datetime(6)`, drops the fraction of a second. A zero date
/// cannot be read, nor a time that is not between 0 and 24 hours; both are refused by column. A
/// decimal has up to 65 digits, 38 of them decimals; a column with fewer decimals rounds. A UUID
/// goes as its 36 characters of text, for `uuid` (MariaDB 10.7) and `char(36)` columns. There are
/// no arrays.
///
/// MariaDB cannot be told on a session itself to stop: a canceller, a deadline that passes while a
/// statement runs, and a stream that is closed early open a second connection, which sends KILL
/// QUERY. What was cancelled changed nothing, but in tables whose engine has no transactions, where
/// what was done stays. A statement whose connection was closed instead may go on for as long as it
/// likes: the server does not look while it runs one. A COMMIT is never cancelled, nor is a probe.
/// Behind a proxy that gives sessions numbers of its own, nothing or another session is hit: set
/// `cancel_timeout` to 0 there.
///
/// stream() reads rows as they come, without a cursor on the server, which waits for whoever does
/// not read. load() sends batches of a prepared INSERT (COM_STMT_BULK_EXECUTE), in a transaction of
/// its own, or behind a savepoint where one is open; none of it undoes rows in tables without
/// transactions. pipeline() runs one statement after another: libmariadb has no pipelining.
///
/// A server hangs up on a message that is not shorter than its `max_allowed_packet`. A session that
/// is about to send one of 16 KiB or more asks once for the limit, and refuses what the server
/// would not take with Errc::invalid_argument; load() makes its batches small enough.
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
