#pragma once

#include <string>
#include <string_view>

namespace grant {

/// Where a record came from: a database and a shard. One object for each pair, kept for as long as
/// the process runs, so that a record needs only a pointer.
struct Origin {
  std::string database;
  std::string shard;

  /// Thread-safe.
  [[nodiscard]] static const Origin& of(std::string_view database, std::string_view shard);
};

}  // namespace grant
