#include "grant/testing/simulation.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <optional>

namespace grant::testing {
namespace {

/// A coroutine that nobody awaits: it frees itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

}  // namespace

class Simulation::SimulatedLoop final : public io::Loop,
                                        public std::enable_shared_from_this<SimulatedLoop> {
 public:
  explicit SimulatedLoop(Simulation& owner) noexcept : owner_(owner) {}

  /// `begin` may own what its tasks use.
  void begin(std::function<void(io::Loop& loop)> begin) {
    begin_ = std::move(begin);
    begin_(*this);
  }

  [[nodiscard]] TimePoint now() const noexcept override { return owner_.now(); }

  void spawn(Task<void> task) override { keep(shared_from_this(), std::move(task)); }

  void cancel() noexcept override {
    if (std::exchange(cancelled_, true)) return;
    for (const auto& pending : pending_) finish_soon(*pending, io::Outcome::cancelled);
  }

  [[nodiscard]] bool is_cancelled() const noexcept override { return cancelled_; }

  [[nodiscard]] std::shared_ptr<io::Signal> make_signal() override {
    return std::make_shared<SimulatedSignal>(weak_from_this());
  }

  bool finish_now(io::Wait& wait) override {
    if (wait.fd >= 0) {
      std::fputs("grant::testing::Simulation: a wait for a descriptor\n", stderr);
      std::abort();
    }
    if (cancelled_) {
      wait.outcome = io::Outcome::cancelled;
    } else if (wait.signal != nullptr && static_cast<SimulatedSignal*>(wait.signal)->is_set) {
      wait.outcome = io::Outcome::ready;
    } else {
      return false;
    }
    return true;
  }

  void start(io::Wait& wait) override {
    const auto pending = std::make_shared<Pending>(Pending{&wait, {}, false});
    pending_.push_back(pending);
    if (wait.signal != nullptr) {
      static_cast<SimulatedSignal*>(wait.signal)->waiting = pending;
    }
    if (wait.deadline == kNever) return;
    pending->deadline = owner_.schedule(wait.deadline, [self = shared_from_this(), pending] {
      pending->deadline.reset();
      if (!pending->over) self->finish(*pending, io::Outcome::timed_out);
    });
  }

 private:
  struct Pending {
    io::Wait* wait;
    std::optional<When> deadline;
    bool over;
  };

  struct SimulatedSignal final : io::Signal {
    explicit SimulatedSignal(std::weak_ptr<SimulatedLoop> of) : loop(std::move(of)) {}

    void set() noexcept override {
      if (std::exchange(is_set, true)) return;
      const auto owner = loop.lock();
      const auto pending = waiting.lock();
      if (owner && pending) owner->finish_soon(*pending, io::Outcome::ready);
    }

    const std::weak_ptr<SimulatedLoop> loop;
    std::weak_ptr<Pending> waiting;
    bool is_set = false;
  };

  static Detached keep(std::shared_ptr<SimulatedLoop> self, Task<void> task) {
    co_await task;
    static_cast<void>(self);
  }

  /// Not on the caller's stack.
  void finish_soon(Pending& pending, io::Outcome outcome) {
    if (std::exchange(pending.over, true)) return;
    owner_.schedule(owner_.now(), [self = shared_from_this(), &pending, outcome] {
      self->finish(pending, outcome);
    });
  }

  void finish(Pending& pending, io::Outcome outcome) {
    pending.over = true;
    if (pending.deadline) owner_.due_.erase(*pending.deadline);
    auto& wait = *pending.wait;
    std::erase_if(pending_, [&pending](const auto& each) { return each.get() == &pending; });
    wait.outcome = outcome;
    wait.waiting.resume();
  }

  Simulation& owner_;
  std::function<void(io::Loop& loop)> begin_;
  bool cancelled_ = false;
  std::list<std::shared_ptr<Pending>> pending_;
};

Timestamp Simulation::SimulatedClock::wall_time() const noexcept {
  constexpr Timestamp start =
      std::chrono::sys_days(std::chrono::year(2026) / std::chrono::January / 1);
  return start + std::chrono::floor<std::chrono::microseconds>(owner_.now() - kStart);
}

Simulation::Simulation(std::uint64_t seed)
    : random_(seed), loop_(std::make_shared<SimulatedLoop>(*this)) {}

Simulation::~Simulation() = default;

io::Loop& Simulation::loop() noexcept { return *loop_; }

Simulation::When Simulation::schedule(TimePoint time, std::function<void()> function) {
  const When when{std::max(time, now_), random_(), ++scheduled_};
  due_.emplace(when, std::move(function));
  return when;
}

void Simulation::start(std::function<void(io::Loop& loop)> begin) {
  schedule(now_, [this, begin = std::move(begin)]() mutable {
    std::make_shared<SimulatedLoop>(*this)->begin(std::move(begin));
  });
}

void Simulation::post(std::function<void()> work) { schedule(now_, std::move(work)); }

void Simulation::call_at(TimePoint time, std::function<void()> function) {
  schedule(time, std::move(function));
}

void Simulation::run_until(TimePoint end) {
  while (!due_.empty() && due_.begin()->first.time <= end) {
    auto next = due_.extract(due_.begin());
    now_ = next.key().time;
    ++steps_;
    next.mapped()();
  }
  now_ = std::max(now_, end);
}

}  // namespace grant::testing
