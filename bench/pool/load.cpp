#include "bench/pool/load.hpp"

#include <fmt/format.h>

#include <ctime>
#include <future>
#include <latch>

#include "bench/statistics.hpp"

namespace grant::bench {
namespace {

std::vector<double> joined(const std::vector<Seen>& threads, std::vector<double> Seen::*which) {
  std::vector<double> all;
  for (const Seen& seen : threads) {
    all.insert(all.end(), (seen.*which).begin(), (seen.*which).end());
  }
  return all;
}

}  // namespace

std::string Load::name() const {
  std::string name = fmt::format("{} threads, {} connections", threads, connections);
  if (hold.count() > 0) name += fmt::format(", held {} us", hold.count());
  return name;
}

void run_threads(std::size_t threads, Round& round, const std::function<void(std::size_t)>& body) {
  std::latch ready(static_cast<std::ptrdiff_t>(threads));
  std::latch go(1);
  std::vector<std::future<void>> running;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    running.push_back(std::async(std::launch::async, [&, thread] {
      ready.count_down();
      go.wait();
      body(thread);
    }));
  }
  ready.wait();
  const double started = nanoseconds(CLOCK_MONOTONIC);
  go.count_down();
  for (auto& one : running) one.get();
  round.wall_ns = nanoseconds(CLOCK_MONOTONIC) - started;
}

void report(const std::vector<Seen>& threads, Round& round) {
  const std::vector<double> waits = joined(threads, &Seen::waits);
  round.report("wait p50", "us", quantile(waits, 0.5));
  round.report("wait p99", "us", quantile(waits, 0.99));
  round.report("wait max", "us", quantile(waits, 1));
  round.report("hold p50", "us", quantile(joined(threads, &Seen::holds), 0.5));
  std::vector<double> cycles;
  cycles.reserve(threads.size());
  for (const Seen& seen : threads) cycles.push_back(static_cast<double>(seen.waits.size()));
  round.report("fairness", "Jain, 1: even", jain_fairness(cycles));
}

}  // namespace grant::bench
