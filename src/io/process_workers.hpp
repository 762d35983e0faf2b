#pragma once

#include <cstddef>

#include "core/per_process.hpp"
#include "grant/io/worker.hpp"

namespace grant::io {

/// Workers for as long as the process lives, at most as many as it is made with; a forked child has
/// others.
using ProcessWorkers = grant::detail::PerProcess<Workers, std::size_t>;

}  // namespace grant::io
