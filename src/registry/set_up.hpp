#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "generation.hpp"
#include "grant/registry/connection_spec.hpp"
#include "grant/registry/registry.hpp"

namespace grant::detail {

/// The names that a cluster's nodes have, by their identity. None is used for another node later,
/// unless the user gives it to one.
struct NodeNames {
  std::map<std::string, std::string> by_identity{};
  std::size_t writers = 0;
  std::size_t readers = 0;
};

/// What set_up() needs besides the databases.
struct Setting {
  RegistryOptions options{};
  std::uint64_t lineage{};                     ///< See Origin.
  std::shared_ptr<const Generation> before{};  ///< What is shared as far as it fits; null: none.
  std::map<std::string, NodeNames> names{};    ///< Of each cluster so far, by its name.
};

/// A generation that nothing was changed for yet.
struct Plan {
  struct Change {
    std::shared_ptr<Cluster> cluster{};
    std::vector<Member> members{};
    ClusterOptions options{};
  };

  std::shared_ptr<const Generation> generation{};
  std::vector<Change> changes{};  ///< Of clusters that it shares with the last one.
  std::vector<std::shared_ptr<Cluster>> added{};
  std::map<std::string, NodeNames> names{};
};

/// Checks everything that can be checked without connecting. Errors: configuration, naming database
/// and field.
[[nodiscard]] Plan set_up(const Databases& databases, const Setting& setting);

}  // namespace grant::detail
