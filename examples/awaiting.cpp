// Several statements at once on one thread, on an Asio event loop.
//
//     awaiting [URL]        by default sqlite::memory:

#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <grant/asio/async_run.hpp>
#include <grant/core/error.hpp>
#include <grant/pool/pool.hpp>
#include <iostream>
#include <vector>

using namespace std::chrono_literals;

// [task]
grant::Task<std::int64_t> doubled(grant::io::Call call, grant::Pool& pool, std::int64_t number) {
  const auto lease = co_await pool.acquire(call);
  const std::vector params{grant::ValueView::integer(number)};
  const grant::Statement statement{"SELECT 2 * CAST($1 AS integer)", params, grant::Effect::read};
  const auto rows = co_await lease->execute(call, statement);
  co_return rows->cell(0, 0).as_integer();
}
// [task]

int main(int argc, char** argv) try {
  grant::ConnectOptions target;
  target.url = grant::Url::parse(argc > 1 ? argv[1] : "sqlite::memory:");
  target.node = "example";
  grant::PoolOptions options;
  options.max_size = target.url.database == ":memory:" ? 1 : 3;
  grant::Pool pool(options, grant::find_driver(target.url.adapter), target, grant::Clock::system(),
                   grant::stderr_sink(grant::Severity::warning));
  int failures = 0;

  // [run]
  asio::io_context context;
  const auto deadline = grant::Clock::system().now() + 10s;
  for (const std::int64_t number : {1, 2, 3}) {
    grant::asio::async_run(
        context.get_executor(),
        [&pool, number](grant::io::Call call) { return doubled(call, pool, number); }, deadline,
        [&failures, number](const std::exception_ptr& error, std::int64_t result) {
          if (error) {
            ++failures;
          } else {
            std::cout << "twice " << number << " is " << result << '\n';
          }
        });
  }
  context.run();
  // [run]
  return failures == 0 ? 0 : 1;
} catch (const grant::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
