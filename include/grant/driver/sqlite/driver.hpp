#pragma once

#include "grant/driver/driver.hpp"

namespace grant::sqlite {

/// The driver for `sqlite:` URLs. Linking grant::sqlite registers it; name it only where a program
/// passes drivers by hand. Lives as long as the process; thread-safe.
///
/// For blocking callers, statements run on the calling thread; for those that await, on up to 32
/// worker threads. A wait that is cancelled stops the statement and blocks until it has stopped:
/// the connection stays open, and nothing is in doubt. Files are opened in WAL mode with
/// `synchronous=normal` and foreign keys enforced. With ConnectOptions::access == Effect::read, or
/// `mode=ro`, the file must exist, is never written, and is observed as a replica.
///
/// URL parameters, all optional:
///   - `mode`: `ro`, `rw` (the file must exist) or `rwc` (it is created). By default it is created
///     once: a file that this process has had open and that is gone was taken away, and a database
///     must not come back empty;
///   - `busy_timeout`: longest wait in milliseconds for the lock of another connection, default
///     5000; then Errc::timeout, or unavailable while connecting. Zero: no wait. The deadline of
///     the call ends it sooner;
///   - `synchronous`: `off`, `normal` or `full`;
///   - `statement_cache_size`: prepared statements kept per connection, 0 to 10000, default 256;
///     0: none;
///   - `max_result_size`: MiB that the rows of one answer may take, 0 to 1048576, default 1024; 0:
///     any. More is refused with invalid_argument, or outcome_unknown for a write; streams have no
///     limit. No value may be longer, read or written (SQLITE_LIMIT_LENGTH; by default that is
///     1,000,000,000 bytes): what SQLite does with one value it does whatever the deadline says.
///
/// A file has one writer at a time, and readers see the newest commit without waiting for it. So a
/// node has one connection for writing, for which callers queue in their order, and others for
/// reading (ConnectOptions::purpose), which refuse writes with Errc::read_only but may create the
/// file, so that it does not matter which comes first. So the callers of a node do not compete for
/// the file's lock. Other processes do, and SQLite itself takes it for moments, when it opens a
/// file or looks at the log while that changes: such locks are waited for, up to busy_timeout,
/// which therefore should not be 0.
///
/// `sqlite::memory:` is a database of its own for each connection, gone when it closes, unless
/// ConnectOptions::memory names one to share. A node names one: all its callers take turns at one
/// connection to it, and it lives as long as the node.
///
/// What differs from a server:
///   - a passed deadline ends a statement with Errc::timeout, and cancelling it with
///     Errc::cancelled; both also end its wait for a lock, roll back what it did and leave the
///     connection open. A write inside a transaction takes the whole transaction with it, whose
///     state is TransactionState::failed from then on;
///   - a request to cancel never hits a later statement;
///   - a stream takes a query that SQLite knows to change nothing, refuses others with
///     invalid_argument, and takes no waiting to end: it may as well be destroyed. While it is open
///     it keeps its snapshot, and the write-ahead log cannot start over;
///   - rows are loaded by one prepared insert, in a transaction or, inside one, a savepoint;
///   - every isolation level is served as serializable; a transaction for writing takes the file's
///     one write lock when it begins;
///   - a connection goes on working after its file was moved or deleted; only probe() notices;
///   - columns whose declared type begins with BOOL, REAL, DOUBLE, FLOAT, DECIMAL, NUMERIC, DATE,
///     TIME, TIMESTAMP, DATETIME, UUID or JSON read back as those kinds, as far as the value fits;
///     others, and expressions, as SQLite stored them. What is kept as text needs TEXT in its type
///     (`DECIMAL TEXT`, `JSON TEXT`): with a plain `DECIMAL`, SQLite makes numbers of digits and
///     may round them. UUIDs are written as text, and read as text or as 16 bytes;
///   - NaN, which SQLite would store as null, integers beyond the signed ones of 64 bits, arrays,
///   and
///     times outside the years 0 to 9999 are refused.
[[nodiscard]] const Driver& driver() noexcept;

}  // namespace grant::sqlite
