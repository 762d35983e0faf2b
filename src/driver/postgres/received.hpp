#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace grant::postgres {

/// Counts what libpq has read of one answer, which it does not say. A system call for each read,
/// but for the first few: most answers have no more.
class Received {
 public:
  /// Before a read from `socket`.
  void note(int socket) noexcept;

  /// The answer has come, and takes `size` bytes.
  void note_answer(std::size_t size) noexcept;

  /// What there was besides the first few reads. On a unix socket, which does not count, less than
  /// that where rows are large, until the answer has come.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  unsigned int reads_ = 0;
  std::optional<std::uint64_t> before_;
  std::uint64_t bytes_ = 0;
};

}  // namespace grant::postgres
