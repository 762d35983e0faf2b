#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "grant/core/clock.hpp"
#include "grant/core/event.hpp"
#include "grant/driver/driver.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"
#include "grant/pool/lease.hpp"
#include "grant/pool/pool_options.hpp"
#include "grant/pool/pool_stats.hpp"

namespace grant {

/// Connections to one node. Callers are served in the order in which they came, blocking and
/// awaiting ones in one queue; idle connections are taken last in, first out, so that surplus ones
/// go stale. Connections are opened outside every lock. Thread-safe.
class Pool {
 public:
  /// Opens nothing yet. `driver` and `clock` must outlive the pool and its leases. `options` must
  /// be valid.
  Pool(PoolOptions options, const Driver& driver, ConnectOptions target, const Clock& clock,
       EventSink events);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// close(); leases still out are closed when they end.
  ~Pool();

  /// Leases a connection, opening one if there is room. Waits at most checkout_timeout, and not
  /// past the call's deadline. Errors: pool_timeout; unavailable or configuration, when opening
  /// failed; closed.
  [[nodiscard]] Task<Lease> acquire(io::Call call);

  /// Opens connections until initial_size are open. Errors: as acquire().
  [[nodiscard]] Task<void> warm_up(io::Call call);

  /// Closes the idle connections; leased ones are closed when they come back. For a node that is no
  /// longer what it was when they were opened.
  void drop_connections() noexcept;

  /// Closes the idle connections; leased ones are not affected. For when one was found dead.
  void drop_idle() noexcept;

  /// Refuses every further acquire(), ends waiting ones with Errc::closed, closes idle connections.
  /// Leased ones are closed when they come back. Does not wait. Final.
  void close() noexcept;

  [[nodiscard]] PoolStats stats() const;
  [[nodiscard]] const PoolOptions& options() const noexcept;

 private:
  std::shared_ptr<detail::PoolCore> core_;
};

}  // namespace grant
