#pragma once

#include <memory>

#include "grant/core/clock.hpp"

namespace grant::detail {

class PoolCore;

/// From now on a thread looks after `core` when its time has come. One thread does so for all pools
/// of the process; it is never joined, and made anew in a forked child.
void keep(const std::shared_ptr<PoolCore>& core);

/// The next look at some pool must not be later than `time`, by the machine's clock. Cheap.
void look_by(TimePoint time) noexcept;

}  // namespace grant::detail
