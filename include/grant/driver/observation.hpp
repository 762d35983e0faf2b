#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grant/core/clock.hpp"
#include "grant/driver/position.hpp"

namespace grant {

/// What a node was seen to be. Measured, never assumed.
enum class NodeKind : std::uint8_t { unknown, primary, replica };

[[nodiscard]] std::string_view to_string(NodeKind kind) noexcept;

/// What one probe of one node told. Whatever it could not tell is empty.
struct Observation {
  NodeKind kind{};
  Epoch epoch{};

  /// Equal for two URLs that reach one server process; empty: not known.
  std::string instance{};

  /// A primary: where its log ends. A replica: how far it has replayed. Of the epoch above.
  std::optional<Position> position{};

  /// How far the node itself believes to be behind. It counts from when a change was made, so it
  /// grows with clock skew, and is 0 on a replica that hears nothing from its primary: a hint.
  std::optional<std::chrono::milliseconds> reported_lag{};

  /// On a replica: how many bytes of the primary's log it has received and not replayed yet. All
  /// that a replica can know alone: 0 on one that has been cut off from its primary.
  std::optional<std::uint64_t> unreplayed_bytes{};

  /// A primary's own clock.
  std::optional<Timestamp> clock{};

  /// On a replica: when the last change that it has replayed was made, by the clock of the primary
  /// that made it. With `clock` of the primary this gives a lag that no clock skew can falsify.
  std::optional<Timestamp> replayed_at{};

  std::string version{};

  /// What could not be known, and why: "reported_lag: it takes the privilege REPLICA MONITOR".
  std::vector<std::string> unknown{};
};

}  // namespace grant
