#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace grant {

/// How often nodes are probed, and how many answers change one's state.
struct HealthCheckOptions {
  /// Between two probes of a node that is well. More than zero.
  std::chrono::milliseconds interval{30'000};

  /// Longest probe, connecting included; a node that takes longer has failed it. More than zero.
  std::chrono::milliseconds timeout{5'000};

  /// Between two probes of a node that is not well, or behind by more than the lag threshold. More
  /// than zero; the interval applies where it is shorter.
  std::chrono::milliseconds recheck_interval{1'000};

  /// Failures in a row until a healthy node counts as unhealthy. At least 1.
  std::size_t failure_threshold = 1;

  /// Answers in a row until an unhealthy node counts as healthy again. At least 1. The first probe
  /// of all decides alone.
  std::size_t recovery_threshold = 1;

  /// Throws configuration for the first broken rule, naming `where` and the field.
  void validate(std::string_view where) const;

  friend bool operator==(const HealthCheckOptions&, const HealthCheckOptions&) = default;
};

}  // namespace grant
