#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "grant/core/clock.hpp"
#include "grant/core/mutex.hpp"

namespace grant::driver {

/// Turns at one server. What a client library does in one piece, such as deriving a key, takes as
/// long as the server likes, and no deadline ends it. One thread at a time does such work for a
/// server, so that a bad one keeps one thread, and no more. Thread-safe.
class Turns {
 public:
  /// How long after its deadline a turn is given up.
  static constexpr auto kSlack = std::chrono::milliseconds(100);

  Turns() = default;
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  ~Turns() = default;

  /// Those at `server`: the same ones in the whole process, while anybody has them. A forked child,
  /// in which its parent's threads do not run, has others.
  [[nodiscard]] static std::shared_ptr<Turns> at(const std::string& server);

  /// A turn of this thread's, until it is destroyed.
  class Turn {
   public:
    explicit Turn(Turns* turns) noexcept : turns_(turns) {}
    Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_ != nullptr) turns_->end();
    }

    /// False: it is another thread's turn still.
    explicit operator bool() const noexcept { return turns_ != nullptr; }

   private:
    Turns* turns_;
  };

  /// Blocks until it is this thread's turn, `deadline` has passed, or the turn of another thread
  /// should have ended by now. The turn should end by `deadline`, too.
  [[nodiscard]] Turn take(TimePoint deadline);

  /// Since when the turn that is under way should have ended, at `now`; empty where none should
  /// have.
  [[nodiscard]] std::optional<TimePoint> overdue_since(TimePoint now) const;

 private:
  void end() noexcept;
  [[nodiscard]] TimePoint given_up_at() const noexcept GRANT_REQUIRES(mutex_);

  mutable Mutex mutex_;
  Condition ended_;
  bool taken_ GRANT_GUARDED_BY(mutex_) = false;
  TimePoint due_ GRANT_GUARDED_BY(mutex_) = kNever;  // when the turn that is taken should end
};

}  // namespace grant::driver
