#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <span>
#include <stdexcept>

namespace grant::test {

/// So many zero bytes to read, which take next to no memory.
class Zeros {
 public:
  explicit Zeros(std::size_t size)
      : size_(size),
        first_(
            ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (first_ == MAP_FAILED) throw std::runtime_error("mmap failed");
  }
  Zeros(const Zeros&) = delete;
  Zeros& operator=(const Zeros&) = delete;
  ~Zeros() { ::munmap(first_, size_); }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {static_cast<const std::byte*>(first_), size_};
  }

 private:
  const std::size_t size_;
  void* const first_;
};

}  // namespace grant::test
