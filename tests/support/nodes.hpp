#pragma once

#include <cstddef>

#include "grant/cluster/cluster.hpp"

namespace grant::test {

/// The node at this place of the configuration; lives as long as it is in the cluster.
inline Node& node_of(const Cluster& cluster, std::size_t place) {
  return *cluster.topology().members().at(place).node;
}

}  // namespace grant::test
