#pragma once

#include "bench/harness.hpp"

namespace grant::bench {

/// Watches how far the memory of the process grows above what it is now. Not thread-safe: one at
/// a time.
class MemoryPeak {
 public:
  MemoryPeak();

  /// Reports the growth since construction as the figure "peak memory", in KiB; at least one page,
  /// so that ratios have something to divide by.
  void report(Round& round) const;

 private:
  double before_;
};

}  // namespace grant::bench
