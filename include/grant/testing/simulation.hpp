#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "grant/core/clock.hpp"
#include "grant/io/runtime.hpp"

namespace grant::testing {

/// Time, chance and background work that are simulated, on one thread: pools, monitors and sessions
/// that are given it run in virtual time, an hour in a moment. What is due at one moment happens in
/// an order that the seed decides; the same seed gives the same run.
///
/// Nothing in it may wait for a descriptor or block a thread. All of it is for one thread.
class Simulation final : public io::Runtime {
 public:
  explicit Simulation(std::uint64_t seed);
  ~Simulation() override;

  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  [[nodiscard]] std::uint64_t random_bits() noexcept override { return random_(); }
  void start(std::function<void(io::Loop& loop)> begin) override;
  void post(std::function<void()> work) override;
  void call_at(TimePoint time, std::function<void()> function) override;

  /// Its time, for RegistryOptions::clock. The time of day begins with 2026.
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }

  /// A waiter for tasks of one's own.
  [[nodiscard]] io::Loop& loop() noexcept;

  /// Starts a task on loop(), up to its first wait.
  void spawn(Task<void> task) { loop().spawn(std::move(task)); }

  /// Lets happen what is due up to `end`, and ends at that time.
  void run_until(TimePoint end);
  void run_for(Duration span) { run_until(after(now_, span)); }

  /// How many things have happened: equal for runs that went the same way.
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

 private:
  class SimulatedClock final : public Clock {
   public:
    explicit SimulatedClock(const Simulation& owner) noexcept : owner_(owner) {}
    [[nodiscard]] TimePoint now() const noexcept override { return owner_.now(); }
    [[nodiscard]] Timestamp wall_time() const noexcept override;

   private:
    const Simulation& owner_;
  };

  class SimulatedLoop;

  // Far from zero, so that "an hour ago" is a point in time as well.
  static constexpr TimePoint kStart{std::chrono::hours(24)};

  /// What is due at the same time is in the order of the random number, and then of being asked
  /// for.
  struct When {
    TimePoint time;
    std::uint64_t order;
    std::uint64_t number;
    friend auto operator<=>(const When&, const When&) = default;
  };

  When schedule(TimePoint time, std::function<void()> function);

  TimePoint now_ = kStart;
  std::mt19937_64 random_;
  std::map<When, std::function<void()>> due_;
  std::uint64_t scheduled_ = 0;
  std::uint64_t steps_ = 0;
  const SimulatedClock clock_{*this};
  std::shared_ptr<SimulatedLoop> loop_;
};

}  // namespace grant::testing
