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

  /// Pause before each of those attempts.
  std::chrono::milliseconds retry_delay{200};

  /// Throws configuration for the first broken rule, naming `where` and the field.
  void validate(std::string_view where) const;

  friend bool operator==(const PoolOptions&, const PoolOptions&) = default;
};

}  // namespace grant
