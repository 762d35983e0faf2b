// A pool of its own, watched and changed while it runs.
//
//     pool [URL]        by default sqlite:pool.db

#include <chrono>
#include <grant/core/error.hpp>
#include <grant/driver/driver.hpp>
#include <grant/pool/pool.hpp>
#include <iostream>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

// [options]
grant::PoolOptions pool_options() {
  grant::PoolOptions options;
  options.max_size = 10;
  options.min_idle = 2;           // ready for a rush
  options.checkout_timeout = 2s;  // then somebody else should hear that we are overloaded
  options.max_waiters = 100;      // and sooner than that where the queue is hopeless
  options.max_lifetime = 15min;   // the firewall ends connections after 20
  options.leak_threshold = 30s;   // no statement of ours takes that long
  return options;
}
// [options]

// [borrow]
void ask(grant::Pool& pool) {
  const grant::io::Call call(grant::io::blocking_waiter());
  const auto lease = grant::run(pool.acquire(call));
  grant::run(lease->execute(call, {"SELECT 1", {}, grant::Effect::read}));
}
// [borrow]

// [watch]
void watch(const grant::Pool& pool) {
  const grant::PoolStats seen = pool.stats();
  std::cout << seen.leased << " leased, " << seen.idle << " idle, " << seen.waiting << " waiting; "
            << seen.checkouts << " checkouts, " << seen.timeouts << " in vain\n";
}
// [watch]

// [shut down]
bool shut_down(grant::Pool& pool) {
  const auto deadline = grant::Clock::system().now() + 10s;
  const auto left = grant::run(pool.drain(grant::io::Call(grant::io::blocking_waiter(), deadline)));
  if (left > 0) std::cerr << left << " connections are still in use\n";
  return left == 0;
}
// [shut down]

}  // namespace

int main(int argc, char** argv) try {
  grant::ConnectOptions target;
  target.url = grant::Url::parse(argc > 1 ? argv[1] : "sqlite:pool.db");
  target.node = "example";
  grant::Pool pool(pool_options(), grant::find_driver(target.url.adapter), target,
                   grant::Clock::system(), grant::stderr_sink(grant::Severity::warning));
  std::vector<std::thread> threads(4);
  for (auto& thread : threads) {
    thread = std::thread([&pool] {
      for (int round = 0; round < 100; ++round) ask(pool);
    });
  }
  for (auto& thread : threads) thread.join();
  watch(pool);
  return shut_down(pool) ? 0 : 1;
} catch (const grant::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
