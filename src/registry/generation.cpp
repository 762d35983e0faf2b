#include "generation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "grant/core/error.hpp"

namespace grant::detail {
namespace {

std::string_view shard_of(const std::shared_ptr<Cluster>& cluster) { return cluster->shard(); }

}  // namespace

const Generation::Database& Generation::database(std::string_view name) const {
  const auto found = std::ranges::find(databases, name, &Database::name);
  if (found == databases.end()) {
    throw_error(Errc::invalid_argument,
                fmt::format("no database \"{}\"; there are: {}", name, fmt::join(names(), ", ")));
  }
  return *found;
}

const std::shared_ptr<Cluster>& Generation::cluster(std::string_view database,
                                                    std::string_view shard) const {
  const auto& found = this->database(database);
  const auto at = std::ranges::find(found.shards, shard, shard_of);
  if (at == found.shards.end()) {
    throw_error(Errc::invalid_argument,
                fmt::format("database \"{}\" has no shard \"{}\"; it has: {}", database, shard,
                            fmt::join(shard_names(found), ", ")));
  }
  return *at;
}

std::shared_ptr<Cluster> Generation::find(std::string_view database,
                                          std::string_view shard) const noexcept {
  const auto found = std::ranges::find(databases, database, &Database::name);
  if (found == databases.end()) return nullptr;
  const auto at = std::ranges::find(found->shards, shard, shard_of);
  return at == found->shards.end() ? nullptr : *at;
}

std::vector<std::string> Generation::names() const {
  std::vector<std::string> names;
  for (const auto& database : databases) names.push_back(database.name);
  return names;
}

std::vector<std::string> Generation::shard_names(const Database& database) {
  std::vector<std::string> names;
  for (const auto& cluster : database.shards) names.push_back(cluster->shard());
  return names;
}

std::vector<std::shared_ptr<Cluster>> Generation::clusters() const {
  std::vector<std::shared_ptr<Cluster>> all;
  for (const auto& database : databases) {
    all.insert(all.end(), database.shards.begin(), database.shards.end());
  }
  return all;
}

}  // namespace grant::detail
