#include "bench/memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>

namespace grant::bench {
namespace {

double kib_of(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib{};
    if (word == field && status >> kib) return kib;
  }
  throw std::runtime_error("/proc/self/status has no " + field);
}

}  // namespace

MemoryPeak::MemoryPeak() {
  // What an earlier round has freed would otherwise be there to be used again.
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << '5';  // the peak is what is used now
  before_ = kib_of("VmRSS:");
}

void MemoryPeak::report(Round& round) const {
  round.report("peak memory", "KiB", std::max(kib_of("VmHWM:") - before_, 4.0));
}

}  // namespace grant::bench
