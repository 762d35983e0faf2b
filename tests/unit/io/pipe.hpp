#pragma once

#include <unistd.h>

#include <stdexcept>

namespace grant::test {

/// A pipe to wait on.
class Pipe {
 public:
  Pipe() {
    if (::pipe(ends_) != 0) throw std::runtime_error("pipe");
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  [[nodiscard]] int read_end() const noexcept { return ends_[0]; }
  [[nodiscard]] int write_end() const noexcept { return ends_[1]; }
  void write() const {
    if (::write(ends_[1], "x", 1) != 1) throw std::runtime_error("write");
  }

 private:
  int ends_[2]{};
};

}  // namespace grant::test
