#pragma once

#include <memory>
#include <vector>

#include "grant/io/loop.hpp"

namespace grant::io {

/// A small event loop over poll(2): many tasks, one thread. The health monitor runs on one.
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
  bool finish_if_over(Wait& wait, short seen, TimePoint now) const;
  void wait_once();

  std::shared_ptr<Wakeup> wakeup_;  // shared with the signals, which may outlive the loop
  std::vector<Wait*> waits_;
  std::size_t tasks_ = 0;
};

}  // namespace grant::io
