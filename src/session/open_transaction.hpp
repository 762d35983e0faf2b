#pragma once

#include <memory>
#include <utility>

#include "grant/cluster/cluster.hpp"

namespace grant::detail {

class SessionState;

/// A transaction that statements can join. For one caller at a time.
class OpenTransaction {
 public:
  OpenTransaction(std::shared_ptr<SessionState> session, std::shared_ptr<Cluster> cluster,
                  std::size_t node, Lease lease, Effect effect)
      : session_(std::move(session)),
        cluster_(std::move(cluster)),
        node_(node),
        in_flight_(cluster_->node(node)),
        lease_(std::move(lease)),
        effect_(effect) {}

  [[nodiscard]] SessionState& session() const noexcept { return *session_; }
  [[nodiscard]] const std::shared_ptr<Cluster>& cluster() const noexcept { return cluster_; }
  [[nodiscard]] std::size_t node() const noexcept { return node_; }
  [[nodiscard]] Connection& connection() const noexcept { return *lease_; }

  /// What the server allows in it.
  [[nodiscard]] Effect effect() const noexcept { return effect_; }

  [[nodiscard]] bool wrote() const noexcept { return wrote_; }
  void note_write() noexcept { wrote_ = true; }

  /// One more transaction inside this one, as a savepoint: how many there are now.
  unsigned enter() noexcept { return ++depth_; }
  void leave() noexcept { --depth_; }

 private:
  std::shared_ptr<SessionState> session_;
  std::shared_ptr<Cluster> cluster_;
  std::size_t node_;
  Node::InFlight in_flight_;
  Lease lease_;
  Effect effect_;
  bool wrote_ = false;
  unsigned depth_ = 0;
};

}  // namespace grant::detail
