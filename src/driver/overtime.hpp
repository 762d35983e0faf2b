#pragma once

#include <cstdint>
#include <optional>

#include "grant/core/clock.hpp"

namespace grant::driver {

/// What of an answer may still be read when the deadline has passed: as much as had arrived by
/// then. So an answer that is there counts, however late it is looked at, and a server that goes on
/// sending holds nobody.
class Overtime {
 public:
  /// Whether no more is to be read, at `now`. `read`: the bytes that were read since the last time;
  /// `arrived`: gives the bytes that wait to be read, and is asked once, when the deadline has
  /// passed. Pure but for that.
  template <class Arrived>
  [[nodiscard]] bool is_over(TimePoint now, TimePoint deadline, std::int64_t read,
                             Arrived arrived) {
    if (left_) return (*left_ -= read) < 0;
    if (now >= deadline) left_ = arrived();
    return false;
  }

 private:
  std::optional<std::int64_t> left_;  // of what had arrived; empty: the deadline has not passed
};

}  // namespace grant::driver
