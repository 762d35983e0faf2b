#pragma once

#include <cstddef>
#include <cstdint>

#include "grant/core/clock.hpp"

namespace grant::detail {

/// How long to wait before what has failed `failures` times, at least once, is tried again: twice
/// as long each time, from some 10 ms to half a second, and between half of that and the whole at
/// random, so that those who failed together do not meet again. Pure.
[[nodiscard]] Duration pause_after(std::size_t failures, std::uint64_t random_bits) noexcept;

}  // namespace grant::detail
