#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "grant/core/clock.hpp"
#include "grant/core/error.hpp"
#include "policy.hpp"

namespace grant::detail {

/// The connections that are being opened, and what earlier ones taught. A value, which does not
/// synchronise itself: in a pool its lock guards it. It decides; who asks opens.
class Openings {
 public:
  struct Plan {
    std::size_t start = 0;     ///< So many, now; they count as under way.
    TimePoint again = kNever;  ///< When there may be more to start.
  };

  [[nodiscard]] Plan plan(const Demand& demand, TimePoint now) noexcept;

  /// One under way has ended. `open` counts it.
  void succeeded(std::size_t open, std::size_t max_size) noexcept;
  void failed(std::shared_ptr<const ErrorInfo> failure, bool server_is_full, std::size_t open,
              std::chrono::milliseconds retry_delay, TimePoint now, Dice& dice);

  /// One under way was given up, which says nothing about the server.
  void given_up() noexcept { --under_way_; }

  /// How many connections are to be open, whether or not somebody waits for them.
  void wish(std::size_t count) noexcept { wished_ = count; }

  [[nodiscard]] std::size_t wished() const noexcept { return wished_; }
  [[nodiscard]] std::size_t under_way() const noexcept { return under_way_; }
  [[nodiscard]] std::uint64_t successes() const noexcept { return successes_; }
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }

  /// Of the last one, if nothing was opened since; otherwise null.
  [[nodiscard]] const std::shared_ptr<const ErrorInfo>& failure() const noexcept {
    return failure_;
  }

 private:
  std::size_t under_way_ = 0;
  std::size_t wished_ = 0;
  std::uint64_t successes_ = 0;
  std::uint64_t failures_ = 0;
  Pacing pacing_{};
  std::shared_ptr<const ErrorInfo> failure_;
};

}  // namespace grant::detail
