// Leaves main with connections open, by return or by std::exit: leave_main URL return|exit
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <grant/grant.hpp>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    grant::ConnectionSpec spec;
    spec.url = argv[1];
    grant::establish_connections({{"primary", spec}});
    const auto rows = grant::sql("select ssl from pg_stat_ssl where pid = pg_backend_pid()").run();
    if (!rows[0].get<bool>("ssl")) return 3;
    if (argv[2] == std::string_view("exit")) std::exit(0);
  } catch (const grant::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
