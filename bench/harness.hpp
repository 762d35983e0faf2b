#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace grant::bench {

/// One turn of one implementation.
struct Round {
  /// How many operations to do.
  std::size_t iterations{};

  /// What the operations took, where Run does more than these or has another process do them.
  /// Otherwise the whole of Run counts.
  std::optional<double> wall_ns{};
  std::optional<double> cpu_ns{};

  /// Adds a figure of the implementation's own, such as a waiting time. Every round reports the
  /// same ones. Lower is better, unless the unit says otherwise.
  void report(std::string metric, std::string unit, double value) {
    figures.push_back({std::move(metric), std::move(unit), value});
  }

  struct Figure {
    std::string metric{};
    std::string unit{};
    double value{};
  };
  std::vector<Figure> figures{};
};

/// Does round.iterations operations; this is what is timed. Owns what its set-up made.
using Run = std::function<void(Round& round)>;

/// One way of doing what a case is about.
struct Implementation {
  std::string name{};
  /// Called once, before anything of its case is timed. What it makes goes with the Run.
  std::function<Run()> set_up{};
};

/// Whose CPU time counts: the thread that calls Run, or all threads of the process.
enum class Cpu : std::uint8_t { thread, process };

/// The implementations are measured in turn, over several rounds, in an order that is shuffled anew
/// for each. The first one is the baseline of the others.
struct Case {
  std::string name{};
  Cpu cpu = Cpu::thread;
  /// Operations per round; 0: as many as take the command line's --min-time.
  std::size_t iterations = 0;
  /// Most rounds, for operations that take long; 0: as many as the command line says.
  int max_rounds = 0;
  /// Called before the implementations are set up.
  std::function<void()> set_up{};
  /// Called before and after every round, and not timed: where what a round leaves behind is
  /// checked and cleared away.
  std::function<void()> before_round{};
  std::function<void()> after_round{};
  std::vector<Implementation> implementations{};
};

/// What a benchmark's main() calls: reads the command line, measures, prints a table, and writes
/// the rows as JSON when asked to. Returns main()'s result.
[[nodiscard]] int run_bench(int argc, char** argv, const std::string& bench,
                            const std::vector<Case>& cases);

/// What `clock` shows.
[[nodiscard]] double nanoseconds(clockid_t clock);

/// Keeps the compiler from leaving out the computation of `value`.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

}  // namespace grant::bench
