#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "grant/core/call_site.hpp"
#include "grant/core/clock.hpp"
#include "grant/core/event.hpp"
#include "grant/driver/driver.hpp"
#include "grant/io/runtime.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"
#include "grant/pool/lease.hpp"
#include "grant/pool/pool_options.hpp"
#include "grant/pool/pool_stats.hpp"

namespace grant {

namespace detail {
class RenewedInChildren;
}

/// Connections to one node. Where one is idle, taking and returning it takes no lock. Callers that
/// must wait stand in one queue, blocking and awaiting ones; a caller that comes later may be
/// quicker than one that has waited for less than a millisecond, and never than one that has waited
/// longer. Thread-safe.
///
/// Connections are opened, checked and closed in the background of a runtime, never while
/// somebody's query waits for that without need: a caller gets what comes first, a connection that
/// was returned or a new one. What is opened when nobody wants it any more stays, idle.
///
/// A forked child has the pool as it was, but with no connection open: those of the parent are
/// neither used nor closed there, and leases taken before the fork do nothing when they end.
class Pool {
 public:
  /// Opens nothing yet. `driver`, `clock`, `runtime` and what `events` refers to must outlive the
  /// pool and its leases. `options` must be valid. The pool works in the background of `runtime`,
  /// and its callers' waiters must go by the time of that; ages, such as max_lifetime, are measured
  /// with `clock`.
  Pool(PoolOptions options, const Driver& driver, ConnectOptions target, const Clock& clock,
       EventSink events, io::Runtime& runtime = io::system_runtime());
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// close(), and waits until what is under way in the background has given up, which takes no
  /// server. Leases still out are closed when they end. Called by the pool's own event sink, it
  /// does not wait for what the sink reports on. Where the runtime is a simulation, nothing happens
  /// while it waits: drain the pool and let the simulation run on before.
  ~Pool();

  /// Leases a connection, opening one if there is room. One that is idle is leased by this call
  /// itself, and the task is finished; otherwise awaiting the task waits at most
  /// checkout_timeout, and not past the call's deadline. Errors:
  ///   - pool_timeout: all were leased until then; or, at once, max_waiters are in the queue, or
  ///     the calling thread holds all connections itself and would wait for itself;
  ///   - unavailable: none is open, and none could be opened in that time; or an idle one had to be
  ///     checked first, and did not answer in that time;
  ///   - what the driver says when none is open and opening one failed: every waiting caller
  ///     learns that at once;
  ///   - closed, cancelled.
  [[nodiscard]] Task<Lease> acquire(io::Call call, CallSite place = CallSite::current());

  /// Opens connections until initial_size are open; none, when the pool is closed. Errors: as
  /// acquire().
  [[nodiscard]] Task<void> warm_up(io::Call call);

  /// Closes the idle connections; leased ones are closed when they come back. For a node that is no
  /// longer what it was when they were opened.
  void drop_connections() noexcept;

  /// Closes the idle connections; leased ones are not affected. For when one was found dead.
  void drop_idle() noexcept;

  /// Changes max_size; at least 1. Where it shrinks, idle connections are closed, and leased ones
  /// when they come back, until it is kept. Errors: configuration.
  void resize(std::size_t max_size);

  /// Until resume(), nobody gets a connection: callers wait as long as they otherwise would. Leased
  /// connections are not affected.
  void suspend() noexcept;
  void resume() noexcept;

  /// close(), and waits until all leases have ended, or until the call's deadline: gives the number
  /// of those that are left, which are closed when they end. Errors: cancelled.
  [[nodiscard]] Task<std::size_t> drain(io::Call call);

  /// Refuses every further acquire(), ends waiting ones with Errc::closed, closes idle connections.
  /// Leased ones are closed when they come back. Does not wait. Final.
  void close() noexcept;

  /// Does what is due now: closes what has been idle for too long or is too old, checks, reports
  /// leaks, keeps min_idle. The pool does so by itself; this is for who moves a Clock by hand. What
  /// takes a server is started, not waited for.
  void look_after() noexcept;

  [[nodiscard]] PoolStats stats() const;

  /// As given, with max_size as it is now.
  [[nodiscard]] PoolOptions options() const;

 private:
  std::shared_ptr<detail::PoolCore> core_;
  std::unique_ptr<detail::RenewedInChildren> renewed_;
};

}  // namespace grant
