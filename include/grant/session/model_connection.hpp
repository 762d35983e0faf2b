#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace grant {

/// How a model is connected: `static constexpr auto connection = grant::connects_to("primary")…`.
struct ModelConnection {
  std::string_view database = "primary";
  std::optional<std::chrono::milliseconds> lag_threshold{};
  std::optional<std::size_t> retry_attempts{};

  /// Most lag of a replica that serves this model's reads, in place of the database's.
  [[nodiscard]] constexpr ModelConnection replica_lag_threshold(
      std::chrono::milliseconds threshold) const {
    auto changed = *this;
    changed.lag_threshold = threshold;
    return changed;
  }

  /// How often a statement of this model that was certainly not executed is tried again, in place
  /// of the database's. Zero: never.
  [[nodiscard]] constexpr ModelConnection failover_retry_attempts(std::size_t attempts) const {
    auto changed = *this;
    changed.retry_attempts = attempts;
    return changed;
  }
};

/// The connection of a model to `database`; a string literal.
[[nodiscard]] constexpr ModelConnection connects_to(std::string_view database) {
  ModelConnection connection;
  connection.database = database;
  return connection;
}

}  // namespace grant
