#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include "grant/asio/async_run.hpp"

int main() {
  asio::io_context context;
  const auto seven = [](grant::io::Call) -> grant::Task<int> { co_return 7; };
  auto future = grant::asio::async_run(context.get_executor(), seven, asio::use_future);
  context.run();
  return future.get() == 7 ? 0 : 1;
}
