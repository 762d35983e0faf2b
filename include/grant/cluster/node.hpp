#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "grant/core/striped_count.hpp"
#include "grant/driver/driver.hpp"
#include "grant/io/runtime.hpp"
#include "grant/pool/pool.hpp"

namespace grant {

/// Tells nodes apart; 0 is no node's.
using NodeId = std::uint64_t;

/// One server endpoint: how to reach it, and its connections. Thread-safe. Owned by the tables that
/// mention it and by the statements under way on it: one that was removed lasts as long as those.
///
/// Where the engine has one writer (Driver::sharing()), reads and writes have a pool each: the one
/// for reading is as the options say, and the one for writing holds a single connection, for which
/// writers queue in the order in which they came. Where a database is in one connection, the pool
/// holds just that.
class Node {
 public:
  /// `pool` must be valid. Opens nothing yet, but an in-memory database, which lives as long as the
  /// node. `identity`: empty for that of the URL. What it is given by reference must outlive
  /// it. Errors: configuration, where the driver refuses
  /// the URL.
  Node(const Driver& driver, ConnectOptions target, PoolOptions pool, const Clock& clock,
       EventSink events, std::string identity = {}, io::Runtime& runtime = io::system_runtime());

  /// The same, owned together: what it takes to destroy it happens in the background, where it has
  /// not been closed before. `runtime` must outlive it.
  [[nodiscard]] static std::shared_ptr<Node> make(const Driver& driver, ConnectOptions target,
                                                  PoolOptions pool, const Clock& clock,
                                                  EventSink events, std::string identity,
                                                  io::Runtime& runtime);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  /// Who it is, whatever place in a list, role, password or options it has: the name that the user
  /// gave, or else host, port and database.
  [[nodiscard]] const std::string& identity() const noexcept { return identity_; }

  /// Unlike that of any other node of the process, whenever it was there.
  [[nodiscard]] NodeId id() const noexcept { return id_; }

  /// Valid for as long as the process runs.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  [[nodiscard]] const Driver& driver() const noexcept { return driver_; }
  [[nodiscard]] const ConnectOptions& target() const noexcept { return target_; }

  /// The pool's options as it was made with them.
  [[nodiscard]] const PoolOptions& given() const noexcept { return given_; }

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
    return static_cast<std::uint32_t>(std::max<std::int64_t>(in_flight_.sum(), 0));
  }

  /// For a forked child, in which nothing of that goes on.
  void forget_in_flight() noexcept {
    ++life_;
    in_flight_.reset();
  }

  /// Counts one statement or transaction while it lives. The node must outlive it.
  class InFlight {
   public:
    explicit InFlight(Node& node) noexcept;
    InFlight(InFlight&& other) noexcept
        : node_(std::exchange(other.node_, nullptr)), life_(other.life_) {}
    InFlight& operator=(InFlight&& other) noexcept {
      std::swap(node_, other.node_);
      std::swap(life_, other.life_);
      return *this;
    }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight();

   private:
    Node* node_;
    std::uint64_t life_;
  };

 private:
  const NodeId id_;
  const std::string identity_;
  const std::string& name_;
  const Driver& driver_;
  const ConnectOptions target_;
  const PoolOptions given_;
  std::unique_ptr<Connection> keeper_;  // of an in-memory database; null elsewhere
  std::optional<Pool> pool_;            // never empty; for writing, or for both
  std::optional<Pool> reading_;
  std::atomic<bool> closed_ = false;
  std::atomic<std::uint64_t> life_ = 0;
  StripedCount in_flight_;
};

}  // namespace grant
