#pragma once

#include <cstdint>

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

/// Counts how often this thread takes memory, from its construction on: malloc() and what stands on
/// it, in libraries too. A program that uses it has a malloc() that counts, which costs all its
/// implementations alike about a nanosecond for each.
class Allocations {
 public:
  Allocations() noexcept;

  /// Reports the figure "allocations", for each of the round's operations.
  void report(Round& round) const;

 private:
  std::uint64_t before_;
};

}  // namespace grant::bench
