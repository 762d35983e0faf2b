#include "bench/harness.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <thread>

#include "bench/statistics.hpp"

namespace grant::bench {
namespace {

struct Options {
  int rounds = 41;
  int min_time_ms = 25;
  std::string filter{};
  std::string out{};
};

void call(const std::function<void()>& hook) {
  if (hook) hook();
}

/// The largest there has been at any call. Asked after every round: some of them reset what the
/// system has seen, to measure their own.
double peak_rss_kib() {
  static double largest = 0;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  largest = std::max(largest, static_cast<double>(usage.ru_maxrss));
  return largest;
}

/// Runs one round; its figures are then all there, wall and CPU time per operation first.
void measure(const Run& run, const Case& one, Round& round) {
  const clockid_t cpu_clock =
      one.cpu == Cpu::thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID;
  call(one.before_round);
  const double cpu_before = nanoseconds(cpu_clock);
  const double wall_before = nanoseconds(CLOCK_MONOTONIC);
  run(round);
  const double wall = nanoseconds(CLOCK_MONOTONIC) - wall_before;
  const double used = nanoseconds(cpu_clock) - cpu_before;
  peak_rss_kib();
  call(one.after_round);
  const auto operations = static_cast<double>(round.iterations);
  round.figures.insert(round.figures.begin(),
                       {{"wall", "ns/op", round.wall_ns.value_or(wall) / operations},
                        {"cpu", "ns/op", round.cpu_ns.value_or(used) / operations}});
}

/// How many operations make a round: as many as take about `min_time_ms`, unless the case says.
/// Also the warm-up.
std::size_t calibrate(const Run& run, const Case& one, int min_time_ms) {
  const double wanted = min_time_ms * 1e6;
  for (std::size_t iterations = std::max<std::size_t>(one.iterations, 1);;) {
    Round round{.iterations = iterations};
    measure(run, one, round);
    if (one.iterations > 0) return iterations;
    const double took = round.figures.front().value * static_cast<double>(iterations);
    if (took >= wanted) return iterations;
    // Early turns are slow, so creep up rather than trust them.
    const double factor = std::clamp(wanted / took * 1.1, 1.5, 10.0);
    iterations = static_cast<std::size_t>(static_cast<double>(iterations) * factor) + 1;
  }
}

/// All rounds of one implementation.
struct Measured {
  std::string name{};
  Run run{};
  std::size_t iterations{};
  std::vector<std::vector<Round::Figure>> rounds{};

  [[nodiscard]] std::vector<double> samples(std::size_t figure) const {
    std::vector<double> values;
    values.reserve(rounds.size());
    for (const auto& round : rounds) values.push_back(round.at(figure).value);
    return values;
  }
};

std::vector<Measured> measure_case(const Case& one, const Options& options, std::mt19937& random) {
  std::vector<Measured> all;
  call(one.set_up);
  for (const auto& implementation : one.implementations) {
    all.push_back({.name = implementation.name, .run = implementation.set_up()});
  }
  for (auto& measured : all) {
    measured.iterations = calibrate(measured.run, one, options.min_time_ms);
  }
  std::vector<std::size_t> order(all.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const int rounds = one.max_rounds > 0 ? std::min(one.max_rounds, options.rounds) : options.rounds;
  for (int i = 0; i < rounds; ++i) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t index : order) {
      Round round{.iterations = all[index].iterations};
      measure(all[index].run, one, round);
      all[index].rounds.push_back(std::move(round.figures));
    }
  }
  return all;
}

/// To four decimals, for files that people read and compare.
double rounded(double value) { return std::round(value * 1e4) / 1e4; }

/// As exact as its size asks for: a share of the whole needs the decimals that a time does not.
std::string text_of(double value) { return fmt::format("{:.{}f}", value, value < 10 ? 4 : 1); }

void print_and_collect(const std::string& bench, const Case& one, const std::vector<Measured>& all,
                       nlohmann::ordered_json& rows) {
  const Measured& baseline = all.front();
  fmt::print("\n{}: {}\n{:<36}{:>12}{:>14}{:>14}{:>14}{:>11}\n", bench, one.name, "implementation",
             "metric", "median", "min", "max", "ratio");
  for (std::size_t figure = 0; figure < baseline.rounds.front().size(); ++figure) {
    for (const auto& measured : all) {
      const auto& [metric, unit, value] = measured.rounds.front().at(figure);
      const Summary summary = summarise(measured.samples(figure));
      const double ratio = paired_ratio(measured.samples(figure), baseline.samples(figure));
      fmt::print("{:<36}{:>12}{:>14}{:>14}{:>14}{:>11.3f}  {}\n", measured.name, metric,
                 text_of(summary.median), text_of(summary.min), text_of(summary.max), ratio, unit);
      rows.push_back({{"bench", bench},
                      {"case", one.name},
                      {"implementation", measured.name},
                      {"metric", metric},
                      {"unit", unit},
                      {"median", rounded(summary.median)},
                      {"min", rounded(summary.min)},
                      {"max", rounded(summary.max)},
                      {"rounds", measured.rounds.size()},
                      {"baseline", baseline.name},
                      {"ratio", rounded(ratio)}});
    }
  }
}

/// The cases, and of them the implementations, that the filter lets through. A baseline stays as
/// long as anything of its case does.
std::vector<Case> filtered(const std::vector<Case>& cases, const std::string& filter) {
  const auto matches = [&](const std::string& name) {
    return name.find(filter) != std::string::npos;
  };
  std::vector<Case> kept;
  for (const auto& one : cases) {
    if (matches(one.name)) {
      kept.push_back(one);
      continue;
    }
    Case part = one;
    part.implementations.clear();
    for (const auto& implementation : one.implementations) {
      if (matches(implementation.name)) part.implementations.push_back(implementation);
    }
    if (part.implementations.empty()) continue;
    const Implementation& baseline = one.implementations.front();
    if (part.implementations.front().name != baseline.name) {
      part.implementations.insert(part.implementations.begin(), baseline);
    }
    kept.push_back(std::move(part));
  }
  return kept;
}

void run_cases(const std::string& bench, const std::vector<Case>& cases, const Options& options) {
  auto rows = nlohmann::ordered_json::array();
  std::mt19937 random(20'240'101);  // the same order in every run
  for (const auto& one : filtered(cases, options.filter)) {
    print_and_collect(bench, one, measure_case(one, options, random), rows);
  }
  const double rss = peak_rss_kib();
  fmt::print("\npeak memory of the process: {:.1f} MiB\n", rss / 1024);
  if (options.out.empty()) return;

  rows.push_back({{"bench", bench},
                  {"case", "all"},
                  {"implementation", "process"},
                  {"metric", "peak_rss"},
                  {"unit", "KiB"},
                  {"median", rss},
                  {"min", rss},
                  {"max", rss}});
  const nlohmann::ordered_json document{{"cores", std::thread::hardware_concurrency()},
                                        {"compiler", __VERSION__},
                                        {"rounds", options.rounds},
                                        {"min_time_ms", options.min_time_ms},
                                        {"rows", std::move(rows)}};
  std::ofstream file(options.out);
  file << document.dump(1) << '\n';
  if (!file.flush()) throw std::runtime_error(fmt::format("cannot write {}", options.out));
}

}  // namespace

double nanoseconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

int run_bench(int argc, char** argv, const std::string& bench, const std::vector<Case>& cases) {
  Options options;
  CLI::App app{"Measures several ways of doing the same, in turn.", bench + "-bench"};
  app.add_option("--rounds", options.rounds, "How often each one is measured")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--min-time", options.min_time_ms, "Milliseconds that one measurement takes")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  app.add_option("--filter", options.filter, "Only cases and implementations whose name has this");
  app.add_option("--out", options.out, "Where to write the rows as JSON");
  CLI11_PARSE(app, argc, argv);
#ifndef NDEBUG
  fmt::print(stderr, "Not an optimised build: these figures mean nothing.\n");
#endif
  try {
    run_cases(bench, cases, options);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}-bench: {}\n", bench, error.what());
    return 1;
  }
}

}  // namespace grant::bench
