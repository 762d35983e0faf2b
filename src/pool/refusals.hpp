#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "grant/core/clock.hpp"
#include "grant/core/error.hpp"
#include "grant/core/event.hpp"
#include "grant/driver/driver.hpp"
#include "grant/pool/pool_stats.hpp"

namespace grant::detail {

[[nodiscard]] inline std::int64_t in_ms(Duration duration) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

/// Says to a caller why it gets no connection. Immutable.
class Refusals {
 public:
  explicit Refusals(const ConnectOptions& target) : node_(target.node), purpose_(target.purpose) {}

  [[nodiscard]] ErrorInfo closed() const;
  [[nodiscard]] ErrorInfo cancelled(std::string_view doing) const;

  /// An idle connection did not answer.
  [[nodiscard]] ErrorInfo unchecked(Duration limit) const;

  /// None is open and none could be opened. `failure` says why; null: nothing is known.
  [[nodiscard]] ErrorInfo unopened(Duration limit, const ErrorInfo* failure) const;

  /// Why the wait for one that was in use was in vain.
  [[nodiscard]] std::string no_time(Duration limit, bool suspended, const ErrorInfo* failure) const;
  [[nodiscard]] ErrorInfo timeout(std::string_view why, const PoolStats& seen,
                                  std::size_t max_size) const;
  [[nodiscard]] Event timeout_event(const PoolStats& seen) const;

  /// Something went wrong that the driver does not know of.
  [[nodiscard]] ErrorInfo trouble(std::string_view what) const;

 private:
  [[nodiscard]] ErrorInfo error(Errc code, std::string_view message) const;

  const std::string node_;
  const Purpose purpose_;
};

}  // namespace grant::detail
