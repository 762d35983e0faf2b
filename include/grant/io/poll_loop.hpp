#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "grant/io/loop.hpp"

namespace grant::io {

class Descriptors;

/// A small event loop: many tasks, one thread. What it does when one of them goes on does not
/// depend on how many others wait. The health monitor runs on one.
///
/// A descriptor that is closed while a task waits for it may never become ready: the wait ends at
/// its deadline.
///
/// Everything but cancel() and is_cancelled() is for the thread that calls run().
class PollLoop final : public Loop {
 public:
  PollLoop();
  ~PollLoop() override;

  void spawn(Task<void> task) override;

  /// Returns when every spawned task has ended.
  void run();

  /// So that run() returns soon.
  void cancel() noexcept override;
  [[nodiscard]] bool is_cancelled() const noexcept override;

  [[nodiscard]] std::shared_ptr<Signal> make_signal() override;
  bool finish_now(Wait& wait) override;
  void start(Wait& wait) override;

 private:
  class Wakeup;
  class LoopSignal;
  struct Detached;

  Detached keep(Task<void> task);
  void wait_once();
  void take_due(std::vector<Wait*>& over);

  std::shared_ptr<Wakeup> wakeup_;  // shared with the signals, which may outlive the loop
  std::unique_ptr<Descriptors> descriptors_;
  std::set<std::pair<TimePoint, Wait*>> waits_;  // by deadline
  std::vector<Wait*> ready_;                     // of these, whose signal was set as they began
  std::size_t tasks_ = 0;
};

}  // namespace grant::io
