#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdlib>

#include "integration/postgres_registry.hpp"

namespace grant::test {
namespace {

using Exit = SharedCluster;

/// How the program ends that leaves main `by` that way.
int status_of_leaving(const std::string& by) {
  const auto command =
      fmt::format("'{}' '{}?sslmode=require' {}", GRANT_LEAVE_MAIN, cluster().url(0), by);
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// OpenSSL takes itself down in an exit handler of its own: who comes later must not need it.
TEST_F(Exit, ProgramMayReturnFromMainWithTlsConnectionsOpen) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status_of_leaving("return"), 0);
}

TEST_F(Exit, ProgramMayExitWithTlsConnectionsOpen) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status_of_leaving("exit"), 0);
}

}  // namespace
}  // namespace grant::test
