#pragma once

#include <cstddef>
#include <ctime>
#include <optional>
#include <unordered_map>
#include <vector>

#include "grant/io/waiter.hpp"

namespace grant::io {

/// The waits of one loop that are for descriptors, and the poll that ends them. Several may be for
/// one descriptor. What cannot be polled, such as a regular file or no descriptor at all, counts as
/// ready: the read or write that follows shows what it is. For one thread.
class Descriptors {
 public:
  Descriptors() = default;
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors();

  void add(Wait& wait);

  /// Before its end.
  void remove(Wait& wait) noexcept;

  /// Blocks until one of the descriptors is ready, or `other` is readable, or `timeout` has passed
  /// (none: for ever), or a system call was interrupted. Moves the waits that are ready from here
  /// to the end of `ready`. Whether `other` is readable.
  [[nodiscard]] bool poll(int other, const std::optional<timespec>& timeout,
                          std::vector<Wait*>& ready);

 private:
  bool poll_each(int other, const timespec* timeout, std::vector<Wait*>& ready);
  bool poll_epoll(int other, const timespec* timeout, std::vector<Wait*>& ready);
  void take_events(std::vector<Wait*>& ready);
  void take_ready(int fd, unsigned seen, std::vector<Wait*>& ready);
  void take_all(std::vector<Wait*>& ready);

  void open_epoll();
  void enter(Wait& wait);
  [[nodiscard]] bool arm(int fd, const std::vector<Wait*>& waits) const noexcept;

  // Few are given to each poll, which is quicker than to tell an epoll of them, and takes no
  // descriptor more. When there are many, they move there, and those that come later as well.
  std::vector<Wait*> few_;
  int epoll_ = -1;
  std::unordered_map<int, std::vector<Wait*>> many_;
  std::vector<Wait*> refused_;  // by the epoll
};

}  // namespace grant::io
