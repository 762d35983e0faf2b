#pragma once

#include <sys/types.h>

#include <string>

namespace grant::bench {

/// What to measure against, as `./dev bench` starts it.
struct Server {
  std::string url{};
  pid_t process{};  ///< 0: unknown, such as a server of somebody else's; or there is none.
};

/// From GRANT_BENCH_POSTGRES_URL and GRANT_BENCH_POSTGRES_PID. TLS is off unless the URL asks for
/// it, because it would cost more than what is measured here.
[[nodiscard]] Server postgres_server();

/// From GRANT_BENCH_MARIADB_URL and GRANT_BENCH_MARIADB_PID, without TLS likewise.
[[nodiscard]] Server mariadb_server();

/// From GRANT_BENCH_SQLITE_URL.
[[nodiscard]] Server sqlite_file();

/// From now on this thread, and connections that `server` accepts, run on one core: where the
/// scheduler happens to put two processes makes a factor of three, and would decide every
/// comparison.
void share_one_core(const Server& server);

/// Takes share_one_core() back.
void use_all_cores(const Server& server);

}  // namespace grant::bench
