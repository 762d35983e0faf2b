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
                  std::size_t node, Lease lease)
      : session_(std::move(session)),
        cluster_(std::move(cluster)),
        node_(node),
        in_flight_(cluster_->node(node)),
        lease_(std::move(lease)) {}

  [[nodiscard]] SessionState& session() const noexcept { return *session_; }
  [[nodiscard]] const std::shared_ptr<Cluster>& cluster() const noexcept { return cluster_; }
  [[nodiscard]] std::size_t node() const noexcept { return node_; }
  [[nodiscard]] Connection& connection() const noexcept { return *lease_; }

  [[nodiscard]] bool wrote() const noexcept { return wrote_; }
  void note_write() noexcept { wrote_ = true; }

  /// How many transactions are open inside this one: each is a savepoint.
  [[nodiscard]] unsigned depth() const noexcept { return depth_; }
  unsigned enter() noexcept { return ++depth_; }
  void leave() noexcept { --depth_; }

 private:
  std::shared_ptr<SessionState> session_;
  std::shared_ptr<Cluster> cluster_;
  std::size_t node_;
  Node::InFlight in_flight_;
  Lease lease_;
  bool wrote_ = false;
  unsigned depth_ = 0;
};

}  // namespace grant::detail
