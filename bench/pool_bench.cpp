// What leasing a connection costs, and how fairly those who must wait are served: grant::Pool
// beside other pools, and beside the least that a pool can do.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <chrono>
#include <initializer_list>
#include <vector>

#include "bench/harness.hpp"
#include "bench/pool/load.hpp"
#include "bench/pool/peers.hpp"

namespace {

using namespace grant::bench;
using namespace std::chrono_literals;

using Peer = Implementation (*)(const Load&);

#ifdef GRANT_BENCH_HIKARI
constexpr Peer kHikari = hikari::lease;
#else
constexpr Peer kHikari = nullptr;
#endif

Case case_of(const Load& load, std::initializer_list<Peer> peers) {
  Case one{.name = load.name(), .cpu = Cpu::process};
  for (const Peer peer : peers) {
    if (peer != nullptr) one.implementations.push_back(peer(load));
  }
  return one;
}

/// A connection is free for every thread that has a core.
Case enough_for_all(const Load& load) {
  return case_of(load, {kHikari, plain::mutex_and_condition_variable, plain::compare_and_swap,
                        soci::lease, soci::session, poco::session, pool::lease});
}

/// Every connection that comes back is wanted at once.
Case too_few(const Load& load) {
  return case_of(load, {plain::mutex_and_condition_variable, kHikari, soci::lease, soci::session,
                        pool::lease});
}

/// The connections are always busy: who waits how long. Few and long rounds, of more than a second,
/// for the rare long waits to be in each, and for a cycle more or less not to count as unfair.
Case too_few_held(const Load& load) {
  Case one =
      case_of(load, {kHikari, plain::mutex_and_condition_variable, soci::lease, pool::lease});
  one.iterations = 20'000;
  one.max_rounds = 11;
  return one;
}

}  // namespace

int main(int argc, char** argv) {
#ifndef GRANT_BENCH_HIKARI
  fmt::print(stderr,
             "HikariCP is left out: what bench/pool/packages.txt lists was not installed "
             "when this was built.\n");
#endif
  // Whoever sleeps for 100 us shall not sleep for 150. All threads inherit it, HikariCP's too.
  ::prctl(PR_SET_TIMERSLACK, 1'000UL);  // ns
  std::vector<Case> cases;
  for (const Load& load : {Load{1, 10}, Load{2, 10}, Load{8, 10}, Load{32, 10}}) {
    cases.push_back(enough_for_all(load));
  }
  for (const Load& load : {Load{8, 2}, Load{32, 2}}) cases.push_back(too_few(load));
  for (const Load& load : {Load{8, 2, 100us}, Load{32, 2, 100us}}) {
    cases.push_back(too_few_held(load));
  }
  return run_bench(argc, argv, "pool", cases);
}
