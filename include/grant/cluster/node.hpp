#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "grant/cluster/role.hpp"
#include "grant/driver/driver.hpp"
#include "grant/pool/pool.hpp"

namespace grant {

/// One server endpoint: how to reach it, and its pool. Thread-safe.
class Node {
 public:
  Node(Role role, const Driver& driver, ConnectOptions target, PoolOptions pool, const Clock& clock,
       EventSink events);

  [[nodiscard]] const std::string& name() const noexcept { return target_.node; }
  [[nodiscard]] Role role() const noexcept { return role_; }
  [[nodiscard]] const Driver& driver() const noexcept { return driver_; }
  [[nodiscard]] const ConnectOptions& target() const noexcept { return target_; }
  [[nodiscard]] Pool& pool() noexcept { return pool_; }
  [[nodiscard]] const Pool& pool() const noexcept { return pool_; }

  /// The URL with the pool's options as parameters; the password is hidden.
  [[nodiscard]] std::string pool_url() const;

  /// Statements and transactions under way here, from this process.
  [[nodiscard]] std::uint32_t in_flight() const noexcept {
    return in_flight_.load(std::memory_order_relaxed);
  }

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
      if (node_ != nullptr) node_->in_flight_.fetch_sub(1, std::memory_order_relaxed);
    }

   private:
    Node* node_;
  };

 private:
  const Role role_;
  const Driver& driver_;
  const ConnectOptions target_;
  Pool pool_;
  std::atomic<std::uint32_t> in_flight_ = 0;
};

}  // namespace grant
