#pragma once

#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "grant/core/mutex.hpp"

// A forked child has what its parent had, and one thread of it. What the others were in the middle
// of stays as it was for ever: locks locked, waits waiting. So the locks that a child needs are
// held while the process forks, and what belonged to threads that are gone is left alone and made
// anew.
namespace grant::detail {

inline constinit std::atomic<std::uint64_t> fork_count = 0;

/// How often this process, or one that it stems from, was forked from its parent since Grant was
/// first used. Costs a load.
[[nodiscard]] inline std::uint64_t forks() noexcept {
  return fork_count.load(std::memory_order_relaxed);
}

/// Keeps a mutex locked while the process forks: the child finds it free, and what it guards whole.
/// The thread that holds such a mutex must not ask for another one. A member after the mutex.
class HeldOverForks {
 public:
  explicit HeldOverForks(Mutex& mutex);
  HeldOverForks(const HeldOverForks&) = delete;
  HeldOverForks& operator=(const HeldOverForks&) = delete;
  ~HeldOverForks();

 private:
  Mutex& mutex_;
};

/// Calls `renew(object)` in each forked child, on its only thread, before fork() returns there. It
/// must not use anything that is called so itself.
class RenewedInChildren {
 public:
  RenewedInChildren(void* object, void (*renew)(void* object));
  RenewedInChildren(const RenewedInChildren&) = delete;
  RenewedInChildren& operator=(const RenewedInChildren&) = delete;
  ~RenewedInChildren();

 private:
  void* const object_;
};

/// A socket that forked children have no business with. There its number stands for nothing: what
/// is written to it goes nowhere, and the peer sees the end of the parent though a child lives on.
class HiddenFromChildren {
 public:
  explicit HiddenFromChildren(int socket);
  HiddenFromChildren(const HiddenFromChildren&) = delete;
  HiddenFromChildren& operator=(const HiddenFromChildren&) = delete;
  ~HiddenFromChildren();

  /// In the child of a fork, with a descriptor of nothing.
  void hide(int nothing) const noexcept;

 private:
  const int socket_;
  struct stat seen_ {};  // tells it from a later one with the same number
};

/// The way into a library that has locks of its own, which Grant cannot hold over a fork. While the
/// process forks nobody gets in, and who is inside is waited for, for a moment. If somebody stays,
/// the child cannot use the library: it might wait for a lock that nobody will ever unlock. A
/// thread that was inside once is so again while it ends. Thread-safe. Make it a static object.
class LibraryGate {
 public:
  /// Longest time that a fork waits for those who are inside.
  static constexpr auto kPatience = std::chrono::seconds(1);

  LibraryGate();
  LibraryGate(const LibraryGate&) = delete;
  LibraryGate& operator=(const LibraryGate&) = delete;

  /// A call into the library, which should be short. They nest on a thread.
  class Inside {
   public:
    explicit Inside(LibraryGate& gate) noexcept;
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside();

   private:
    friend class LibraryGate;

    LibraryGate& gate_;
    const std::uint64_t forks_;
    const Inside* const outer_;
    const bool counted_;
  };

  /// Within such a call, a time in which it holds none of the library's locks. Outside of one,
  /// nothing.
  class Outside {
   public:
    explicit Outside(LibraryGate& gate) noexcept;
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;
    ~Outside();

   private:
    LibraryGate& gate_;
    const bool counted_;
  };

  /// Whether this process was forked while another thread was inside, and so must stay out.
  [[nodiscard]] bool is_shut() const noexcept { return shut_.load(std::memory_order_relaxed); }

  // While the process forks.
  void close() noexcept;
  void open_in_parent() noexcept;
  void open_in_child() noexcept;

 private:
  void enter() noexcept;

  /// Whether `call`, or one that it is nested in, is a call of `gate`'s library.
  [[nodiscard]] static bool is_in(const LibraryGate& gate, const Inside* call) noexcept;

  Mutex closing_mutex_;  // held by who forks
  std::atomic<bool> closing_ = false;
  std::atomic<std::size_t> inside_ = 0;
  std::atomic<bool> shut_ = false;
};

}  // namespace grant::detail
