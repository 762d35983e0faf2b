#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "generation.hpp"
#include "grant/registry/registry.hpp"

namespace grant::detail {

/// Where the statements of one database and shard go: what is owned here stays until they end.
struct Found {
  std::shared_ptr<const Generation> generation{};
  Cluster* cluster = nullptr;  ///< The generation's.
  std::shared_ptr<const RoutingTable> table{};
};

/// Finds a cluster of `registry`, and its newest table. Where the calling thread has been there
/// before and nothing has changed since, this takes no lock that others ask for and writes to no
/// memory that others use: each thread keeps a share of its own of what it found, which is counted
/// apart. Errors: those of Generation::cluster(), and of a registry that is not set up.
[[nodiscard]] std::shared_ptr<const Found> find_cluster(const Registry& registry,
                                                        std::string_view database,
                                                        std::string_view shard);

/// Threads let go what they keep of this registry: it must not last for as long as some idle
/// thread.
void forget_shares(std::uint64_t registry) noexcept;

}  // namespace grant::detail
