#pragma once

#include <cstdint>
#include <functional>

#include "grant/core/clock.hpp"
#include "grant/io/loop.hpp"

namespace grant::io {

/// What pools and monitors have beside the threads of their callers: the time, randomness, and work
/// in the background. All of it comes through here, so that they also run where time is simulated.
/// Thread-safe.
class Runtime {
 public:
  Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  virtual ~Runtime() = default;

  /// The time that its loops wait by.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;

  /// Bits that look random, and are no secret.
  [[nodiscard]] virtual std::uint64_t random_bits() noexcept = 0;

  /// Calls `begin` soon, on a loop of its own, where it spawns tasks; the loop goes when they have
  /// ended, and `begin` after it. Returns at once. Errors: unavailable, where there is no thread or
  /// descriptor left for it; then `begin` is not called.
  virtual void start(std::function<void(Loop& loop)> begin) = 0;

  /// Calls `work`, which may block and must not throw, soon. Returns at once. Errors: as start().
  virtual void post(std::function<void()> work) = 0;

  /// Calls `function`, which must not block for long and must not throw, when it is `time`, and not
  /// on the caller's stack. Where no thread can be had for it, it waits for the next call to try.
  virtual void call_at(TimePoint time, std::function<void()> function) = 0;
};

/// The machine's time, and threads of the process, which a forked child has anew. Lives as long as
/// the process.
[[nodiscard]] Runtime& system_runtime() noexcept;

}  // namespace grant::io
