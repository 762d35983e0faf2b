#pragma once

#include "grant/driver/driver.hpp"

namespace grant::sqlite {

/// The driver for `sqlite:` URLs. Linking grant::sqlite registers it; name it only where a program
/// passes drivers by hand. Lives as long as the process; thread-safe.
///
/// Statements run on the calling thread: nothing is waited for on a descriptor, so a task of this
/// driver never suspends. Files are opened in WAL mode with `synchronous=normal` and foreign keys
/// enforced. With ConnectOptions::access == Effect::read, or `mode=ro`, the file must exist, is
/// never written, and is observed as a replica.
///
/// URL parameters, all optional:
///   - `mode`: `ro`, `rw` (the file must exist) or `rwc` (it is created). By default it is created
///     once: a file that this process has had open and that is gone was taken away, and a database
///     must not come back empty;
///   - `busy_timeout`: longest wait in milliseconds for another connection's lock, default 5000;
///   the
///     deadline of the call ends it sooner;
///   - `synchronous`: `off`, `normal` or `full`;
///   - `statement_cache_size`: prepared statements kept per connection, default 256; 0: none.
///
/// `sqlite::memory:` is a database of its own for each connection, gone when it closes: a pool over
/// it must have a size of 1.
///
/// What differs from a server:
///   - a passed deadline ends a statement with Errc::timeout, rolls back what it did and leaves the
///     connection open; a write inside a transaction takes the whole transaction with it, whose
///     state is TransactionState::failed from then on;
///   - every isolation level is served as serializable; a transaction for writing takes the file's
///     one write lock when it begins;
///   - a connection goes on working after its file was moved or deleted; only probe() notices;
///   - columns declared BOOLEAN, TIMESTAMP or DATETIME, and JSON read back as those kinds. Declare
///     JSON columns as `JSON TEXT`: with plain `JSON`, SQLite turns a document that is a number
///     into a number of its own, which may round it.
///   - NaN is refused, because SQLite would store null for it.
[[nodiscard]] const Driver& driver() noexcept;

}  // namespace grant::sqlite
