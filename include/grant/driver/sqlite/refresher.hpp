#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "grant/core/mutex.hpp"

namespace grant::sqlite {

/// What a Refresher copies, and how often.
struct RefresherOptions {
  /// The file that is written to.
  std::string primary{};
  /// The files that are made copies of it; anything else they hold is lost. At least one, and none
  /// of them the primary.
  std::vector<std::string> replicas{};
  /// From the end of one round of copies to the start of the next. More than 0.
  std::chrono::milliseconds interval{200};
};

/// Keeps some SQLite files copies of another one, on a thread of its own, so that routing,
/// staleness and promotion can be shown and tested in one process with real files and real lag.
///
/// This is not SQLite replication. The replicas are refreshed periodically; the refresh is not part
/// of a commit, and writes since the last one are lost on promotion. Every round copies the whole
/// file. To promote a replica, destroy or pause() the refresher first: it would overwrite what is
/// written there.
///
/// Each round first writes the time into the table `grant_heartbeat` of the primary. The time
/// travels with the copy, and probes of a replica report it as Observation::replayed_at.
///
/// Readers of a replica are not disturbed: they see the new state from their next statement or
/// transaction on. A replica whose file has vanished is left alone until it is back, with the
/// reason kept in last_error(): only the constructor creates files.
///
/// Thread-safe. It belongs to the process that made it: in a forked child it refuses (closed).
class Refresher {
 public:
  /// Creates the files that are missing, makes the first copies and starts the thread. Blocks
  /// meanwhile. Errors: configuration, for options that break a rule; unavailable or configuration,
  /// when a file cannot be opened or copied.
  explicit Refresher(RefresherOptions options);

  /// Waits for a round of copies that is under way.
  ~Refresher();

  Refresher(const Refresher&) = delete;
  Refresher& operator=(const Refresher&) = delete;

  /// Blocks until a round of copies that began after the call has ended, also while paused. Whether
  /// it worked for a replica, last_error() tells.
  void refresh_now();

  /// No round begins by itself until resume(). Waits for the one under way.
  void pause();
  void resume();

  /// Why the last copy to `replica` did not work; empty when it did. Errors: invalid_argument when
  /// there is no such replica.
  [[nodiscard]] std::string last_error(std::string_view replica) const;

 private:
  using Errors = std::map<std::string, std::string, std::less<>>;  // by replica

  void loop();
  bool wait_for_turn();
  void finish_turn(Errors errors);
  [[nodiscard]] Errors copy_to_all() const;

  void refuse_in_child() const;

  const std::uint64_t forks_;       // of the process that it belongs to
  const RefresherOptions options_;  // constant after construction

  // Guards everything below but the thread. Not held while files are copied.
  mutable Mutex mutex_;
  std::unique_ptr<Condition> changed_;  // a forked child leaves it alone
  bool stopping_ GRANT_GUARDED_BY(mutex_) = false;
  bool paused_ GRANT_GUARDED_BY(mutex_) = false;
  bool copying_ GRANT_GUARDED_BY(mutex_) = false;
  std::uint64_t requested_ GRANT_GUARDED_BY(mutex_) = 0;  // calls of refresh_now() so far
  std::uint64_t serving_ GRANT_GUARDED_BY(mutex_) = 0;    // those the round under way will answer
  std::uint64_t served_ GRANT_GUARDED_BY(mutex_) = 0;     // those answered
  std::chrono::steady_clock::time_point next_ GRANT_GUARDED_BY(mutex_);
  Errors errors_ GRANT_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace grant::sqlite
