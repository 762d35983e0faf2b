// A process that holds the write lock of the SQLite file at the URL argv[1]. Writes a line when it
// has it, and ends at the end of its input.

#include <cstdio>
#include <exception>

#include "grant/driver/sqlite/driver.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    grant::ConnectOptions options;
    options.url = grant::Url::parse(argv[1]);
    const grant::io::Call call(grant::io::blocking_waiter());
    const auto connection = grant::run(grant::sqlite::driver().connect(call, options));
    grant::run(connection->begin(call, {}));
    std::puts("locked");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
