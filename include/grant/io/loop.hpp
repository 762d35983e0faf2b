#pragma once

#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant::io {

/// A waiter that runs many tasks in turn. Everything but cancel(), is_cancelled() and now() is for
/// the one thread that runs them.
class Loop : public Waiter {
 public:
  /// Starts `task` at once, up to its first wait, and keeps it until it ends. A task that throws
  /// ends the program: catch inside.
  virtual void spawn(Task<void> task) = 0;

  /// Ends each wait that is under way, and from then on every new one at once, with
  /// Outcome::cancelled. Thread-safe; final.
  virtual void cancel() noexcept = 0;

  /// Thread-safe.
  [[nodiscard]] virtual bool is_cancelled() const noexcept = 0;
};

}  // namespace grant::io
