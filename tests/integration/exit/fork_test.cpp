#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/sanitizers.hpp"
#include "support/shared_server.hpp"
#include "support/temporary_directory.hpp"
#ifdef GRANT_TEST_POSTGRES
#include "support/postgres_cluster.hpp"
#endif
#ifdef GRANT_TEST_MARIADB
#include "support/mariadb_cluster.hpp"
#endif

// The ways to fork are in fork_main.cpp: a program of its own, because a child that leaves by
// exit() would otherwise end what is this program's, such as the servers.

namespace grant::test {
namespace {

/// How fork_main ends. Its scenarios end by themselves.
int end_of(const std::string& url, const std::string& scenario) {
  const int status =
      std::system(fmt::format("timeout 300 '{}' '{}' {}", GRANT_FORK_MAIN, url, scenario).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class OutsideSanitizers : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!kWorkAfterFork) GTEST_SKIP() << "a sanitizer does not survive a fork";
  }
};

class Fork : public OutsideSanitizers {};

#ifdef GRANT_TEST_SQLITE
TEST_P(Fork, OnSqlite) {
  if (GetParam() == "killed_parent") GTEST_SKIP() << "there is no server";
  const TemporaryDirectory directory;
  EXPECT_EQ(end_of("sqlite:" + (directory.path() / "fork.db").string(), GetParam()), 0);
}
#endif

#ifdef GRANT_TEST_POSTGRES
TEST_P(Fork, OnPostgres) {
  EXPECT_EQ(end_of(SharedServer<PostgresCluster>::get().url(0), GetParam()), 0);
}
#endif

#ifdef GRANT_TEST_MARIADB
TEST_P(Fork, OnMariadb) {
  EXPECT_EQ(end_of(SharedServer<MariadbCluster>::get().url(0), GetParam()), 0);
}
#endif

INSTANTIATE_TEST_SUITE_P(Exit, Fork,
                         ::testing::Values("queries", "check_now", "first_thing_in_the_child",
                                           "close_in_child", "establish_in_child", "exit_in_child",
                                           "inside_a_transaction", "inside_a_stream",
                                           "from_an_event_sink", "while_queries_run",
                                           "while_writes_run", "while_connections_open",
                                           "while_reloading", "killed_parent", "signals"),
                         [](const auto& scenario) { return scenario.param; });

#if defined(GRANT_TEST_POSTGRES) || defined(GRANT_TEST_MARIADB)
/// Forks where what TLS keeps is made, used or taken down. The others do the same with it as
/// without.
class ForkWithTls : public OutsideSanitizers {};

#ifdef GRANT_TEST_POSTGRES
TEST_P(ForkWithTls, OnPostgres) {
  const auto url = SharedServer<PostgresCluster>::get().url(0);
  EXPECT_EQ(end_of(url + "?sslmode=require", GetParam()), 0);
}
#endif

#ifdef GRANT_TEST_MARIADB
TEST_P(ForkWithTls, OnMariadb) {
  const auto url = SharedServer<MariadbCluster>::get().url(0);
  EXPECT_EQ(end_of(url + "?ssl-mode=required", GetParam()), 0);
}
#endif

INSTANTIATE_TEST_SUITE_P(Exit, ForkWithTls,
                         ::testing::Values("queries", "check_now", "close_in_child",
                                           "exit_in_child", "inside_a_stream",
                                           "while_connections_open", "while_reloading"),
                         [](const auto& scenario) { return scenario.param; });
#endif

}  // namespace
}  // namespace grant::test
