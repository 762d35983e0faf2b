#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace grant {

/// How one pool grows and waits. Plain data; copy it freely.
struct PoolOptions {
  /// Most connections open at once, leased ones included. At least 1. To an SQLite file these are
  /// the ones that read; one that writes comes on top of them. An in-memory database has one
  /// connection, whatever this says.
  std::size_t max_size = 25;

  /// Connections opened ahead of need, once the node is known to answer. More than max_size means
  /// max_size.
  std::size_t initial_size = 2;

  /// Longest wait for a connection before PoolTimeout, opening one included. Zero: do not queue;
  /// then opening one is limited by the call's own deadline.
  std::chrono::milliseconds checkout_timeout{5'000};

  /// Further attempts to open a connection after one that failed with Errc::unavailable, within
  /// checkout_timeout. Zero: the first failure is final.
  std::size_t retry_attempts = 1;

  /// Pause before each of those attempts; up to half as long again, at random, so that many
  /// processes do not come back at once. Zero: none.
  std::chrono::milliseconds retry_delay{200};

  /// Connections kept idle for a sudden rush, once the first one was opened; more are opened within
  /// a second when there are fewer. Counted within max_size. Zero: none.
  std::size_t min_idle = 0;

  /// A connection that was idle for so long is closed, while min_idle remain. Zero: never.
  std::chrono::milliseconds idle_timeout{600'000};

  /// A connection is closed at this age, less up to a tenth at random; one that is leased then,
  /// when it comes back. Keep it below what firewalls and the server allow. Zero: never.
  std::chrono::milliseconds max_lifetime{1'800'000};

  /// A connection that was silent and idle for so long is sent a short query, so that neither the
  /// server nor a firewall ends it. Zero: none is.
  std::chrono::milliseconds keepalive{0};

  /// A connection that was silent and idle for so long is checked with a round trip before it is
  /// handed out, and replaced if it is dead. Zero: before every use.
  std::chrono::milliseconds verify_idle{30'000};

  /// Most callers in the queue; the next one gets PoolTimeout at once. Zero: no limit.
  std::size_t max_waiters = 0;

  /// A lease that lasts longer is reported, with the place where it was taken: the event
  /// "pool.leak", and "pool.leak_ended" once it has ended. Zero: none is.
  std::chrono::milliseconds leak_threshold{0};

  /// Throws configuration for the first broken rule, naming `where` and the field.
  void validate(std::string_view where) const;

  friend bool operator==(const PoolOptions&, const PoolOptions&) = default;
};

}  // namespace grant
