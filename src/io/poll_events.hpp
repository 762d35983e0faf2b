#pragma once

#include <poll.h>

#include <ctime>
#include <optional>

#include "grant/io/waiter.hpp"

namespace grant::io {

inline short poll_events(Interest interest) noexcept {
  switch (interest) {
    case Interest::read: return POLLIN;
    case Interest::write: return POLLOUT;
    case Interest::read_or_write: return POLLIN | POLLOUT;
  }
  return 0;
}

/// What ppoll() takes as its timeout; empty: no limit. A deadline that has passed gives zero.
inline std::optional<timespec> poll_timeout(TimePoint deadline, TimePoint now) noexcept {
  if (deadline == kNever) return std::nullopt;
  const auto left = deadline > now ? deadline - now : Duration::zero();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return timespec{seconds.count(),
                  static_cast<long>(std::chrono::nanoseconds(left - seconds).count())};
}

}  // namespace grant::io
