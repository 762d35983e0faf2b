#pragma once

#include "support/server_cluster.hpp"

namespace grant::test {

/// A node of `cluster` answers nothing while this lives.
class Hung {
 public:
  Hung(ServerCluster& cluster, int node) : cluster_(cluster), node_(node) { cluster_.hang(node_); }
  ~Hung() { cluster_.unhang(node_); }
  Hung(const Hung&) = delete;
  Hung& operator=(const Hung&) = delete;

 private:
  ServerCluster& cluster_;
  const int node_;
};

}  // namespace grant::test
