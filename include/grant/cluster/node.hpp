#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "grant/cluster/role.hpp"
#include "grant/driver/driver.hpp"
#include "grant/pool/pool.hpp"

namespace grant {

/// One server endpoint: how to reach it, and its connections. Thread-safe.
///
/// Where the engine has one writer (Driver::sharing()), reads and writes have a pool each: the one
/// for reading is as the options say, and the one for writing holds a single connection, for which
/// writers queue in the order in which they came. Where a database is in one connection, the pool
/// holds just that.
class Node {
 public:
  /// `pool` must be valid. Opens nothing yet, but an in-memory database, which lives as long as the
  /// node. Errors: configuration, where the driver refuses the URL.
  Node(Role role, const Driver& driver, ConnectOptions target, PoolOptions pool, const Clock& clock,
       EventSink events);

  [[nodiscard]] const std::string& name() const noexcept { return target_.node; }

  /// The same, for those who may outlive the node.
  [[nodiscard]] const std::shared_ptr<const std::string>& shared_name() const noexcept {
    return shared_name_;
  }
  [[nodiscard]] Role role() const noexcept { return role_; }
  [[nodiscard]] const Driver& driver() const noexcept { return driver_; }
  [[nodiscard]] const ConnectOptions& target() const noexcept { return target_; }

  /// The pool for statements and transactions with this effect.
  [[nodiscard]] Pool& pool(Effect effect = Effect::write) noexcept {
    return effect == Effect::read && reading_ ? *reading_ : *pool_;
  }
  [[nodiscard]] const Pool& pool(Effect effect = Effect::write) const noexcept {
    return effect == Effect::read && reading_ ? *reading_ : *pool_;
  }

  /// Of all connections. With a pool for writing, the two are read one after the other.
  [[nodiscard]] PoolStats pool_stats() const;

  /// Of the connection for writing; empty where reads and writes have one pool.
  [[nodiscard]] std::optional<PoolStats> writing_stats() const;

  /// These do for all pools what Pool's own do.
  [[nodiscard]] Task<void> warm_up(io::Call call);
  void drop_connections() noexcept;
  void drop_idle() noexcept;
  void suspend() noexcept;
  void resume() noexcept;
  [[nodiscard]] Task<std::size_t> drain(io::Call call);
  void close() noexcept;

  /// Changes the max_size that the node was made with; at least 1. As there, it is that of the pool
  /// for reading where writers have one of their own, and changes nothing where a database is in
  /// one connection. Errors: configuration.
  void resize(std::size_t max_size);

  /// The URL with the pool's options as parameters; the password is hidden.
  [[nodiscard]] std::string pool_url() const;

  /// Statements and transactions under way here, from this process.
  [[nodiscard]] std::uint32_t in_flight() const noexcept {
    return in_flight_.load(std::memory_order_relaxed);
  }

  /// For a forked child, in which nothing of that goes on.
  void forget_in_flight() noexcept { in_flight_.store(0, std::memory_order_relaxed); }

  /// Counts one statement or transaction while it lives. The node must outlive it.
  class InFlight {
   public:
    explicit InFlight(Node& node) noexcept : node_(&node) {
      node.in_flight_.fetch_add(1, std::memory_order_relaxed);
    }
    InFlight(InFlight&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    InFlight& operator=(InFlight&& other) noexcept {
      std::swap(node_, other.node_);
      return *this;
    }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight() {
      // A forked child counts anew, and may end what its parent has begun.
      if (node_ != nullptr && node_->in_flight_.fetch_sub(1, std::memory_order_relaxed) == 0) {
        node_->in_flight_.store(0, std::memory_order_relaxed);
      }
    }

   private:
    Node* node_;
  };

 private:
  const Role role_;
  const Driver& driver_;
  const ConnectOptions target_;
  const std::shared_ptr<const std::string> shared_name_;
  std::unique_ptr<Connection> keeper_;  // of an in-memory database; null elsewhere
  std::optional<Pool> pool_;            // never empty; for writing, or for both
  std::optional<Pool> reading_;
  std::atomic<std::uint32_t> in_flight_ = 0;
};

}  // namespace grant
