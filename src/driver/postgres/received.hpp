#pragma once

#include <cstdint>
#include <optional>

namespace grant::postgres {

/// Counts what libpq has read of one answer, which it does not say. A system call for each read,
/// but for the first few: most answers have no more.
class Received {
 public:
  /// Before a read from `socket`.
  void note(int socket) noexcept;

  /// What there was besides the first few reads. On a unix socket, what was there to be read, as
  /// far as libpq takes it at once.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  unsigned int reads_ = 0;
  std::optional<std::uint64_t> before_;
  std::uint64_t bytes_ = 0;
};

}  // namespace grant::postgres
