#include "bench/memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>

namespace {

constinit thread_local std::uint64_t allocations = 0;

}  // namespace

// Instead of the C library's, of which they are a part: "Replacing malloc" in glibc's manual.
extern "C" {
// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier)
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)

void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) {
  ++allocations;
  return __libc_realloc(memory, size);
}
}

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

Allocations::Allocations() noexcept : before_(allocations) {}

void Allocations::report(Round& round) const {
  const auto count = static_cast<double>(allocations - before_);
  round.report("allocations", "1", count / static_cast<double>(round.iterations));
}

}  // namespace grant::bench
