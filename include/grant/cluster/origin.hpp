#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace grant {

/// Where a record came from: a database and a shard of a registry. One object for each, kept for as
/// long as the process runs, so that a record needs only a pointer.
struct Origin {
  std::string database;
  std::string shard;
  /// Whose database of that name it is: 0 for those that establish_connections() set up, whichever
  /// time; a number of its own for each registry that was made by hand.
  std::uint64_t lineage{};

  /// Thread-safe.
  [[nodiscard]] static const Origin& of(std::string_view database, std::string_view shard,
                                        std::uint64_t lineage = 0);
};

}  // namespace grant
