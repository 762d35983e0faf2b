// Leaves main with connections open, by return or by std::exit: leave_main URL return|exit
// What runs after that is refused, and says why.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <grant/grant.hpp>

namespace {

bool established = false;

/// Is made before the registry, and so ends after it.
struct Last {
  Last() = default;
  Last(const Last&) = delete;
  Last& operator=(const Last&) = delete;
  ~Last() {
    if (!established) return;
    try {
      static_cast<void>(grant::sql("select 1").run());
      ::_exit(4);
    } catch (const grant::Error& error) {
      const bool told =
          std::string_view(error.what()).find("process is ending") != std::string_view::npos;
      if (error.code() != grant::Errc::closed || !told) ::_exit(5);
    }
  }
};
const Last last;

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    grant::ConnectionSpec spec;
    spec.url = argv[1];
    grant::establish_connections({{"primary", spec}});
    established = true;
    const auto rows = grant::sql("select ssl from pg_stat_ssl where pid = pg_backend_pid()").run();
    if (!rows[0].get<bool>("ssl")) return 3;
    if (argv[2] == std::string_view("exit")) std::exit(0);
  } catch (const grant::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
