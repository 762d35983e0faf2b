#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grant/cluster/cluster.hpp"

namespace grant::detail {

/// What databases a registry has at one time. Immutable; a reload makes another one, which shares
/// the clusters that are still there. Whoever works on a generation owns it until the end.
struct Generation {
  struct Database {
    std::string name;
    std::vector<std::shared_ptr<Cluster>> shards;
  };

  std::vector<Database> databases{};

  /// Errors: invalid_argument, naming the databases there are.
  [[nodiscard]] const Database& database(std::string_view name) const;

  /// Errors: invalid_argument, naming the databases or shards there are.
  [[nodiscard]] const std::shared_ptr<Cluster>& cluster(std::string_view database,
                                                        std::string_view shard) const;

  /// Null: it is not there.
  [[nodiscard]] std::shared_ptr<Cluster> find(std::string_view database,
                                              std::string_view shard) const noexcept;

  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] static std::vector<std::string> shard_names(const Database& database);

  /// In the order of the configuration.
  [[nodiscard]] std::vector<std::shared_ptr<Cluster>> clusters() const;
};

}  // namespace grant::detail
