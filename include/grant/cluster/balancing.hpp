#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace grant {

/// How reads spread over fit replicas.
enum class Strategy : std::uint8_t {
  round_robin,
  random,
  least_connections,  ///< The fewest statements and transactions under way from this process.
};

[[nodiscard]] std::string_view to_string(Strategy strategy) noexcept;

/// "round_robin", "random" or "least_connections". Errors: configuration, naming these.
[[nodiscard]] Strategy strategy_named(std::string_view name);

/// What a choice depends on besides the candidates.
struct Balance {
  Strategy strategy{};
  std::uint64_t turn{};                        ///< Grows by one with each choice.
  std::uint64_t random{};                      ///< Any bits.
  std::span<const std::uint32_t> in_flight{};  ///< Per node of the cluster; for least_connections.
};

/// One of `candidates` (indices of nodes, at least one). Equally good ones take turns. Pure.
[[nodiscard]] std::size_t pick(std::span<const std::size_t> candidates, const Balance& balance);

}  // namespace grant
