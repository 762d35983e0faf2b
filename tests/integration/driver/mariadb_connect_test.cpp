// Connecting, and what a node is seen to be.

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "integration/driver/host_names.hpp"
#include "integration/driver/mariadb_fixture.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string id_of(Connection& connection) { return first(connection, "select connection_id()"); }

INSTANTIATE_TEST_SUITE_P(OfMariadb, HostNames,
                         ::testing::Values(NamedServer{
                             mariadb::make_driver,
                             [](const std::string& host) {
                               auto url = cluster().url(0);
                               return url.replace(url.find("127.0.0.1"), 9, host);
                             },
                             [] { return cluster().port(0); },
                             [] {
                               return "?ssl-mode=verify_full&ssl-ca=" + cluster().authority();
                             }}));

TEST(MariadbConnect, UnixSocketsWork) {
  std::string socket;
  for (const char c : cluster().socket(0)) socket += c == '/' ? "%2F" : std::string(1, c);
  const auto url = "mysql://app:app-secret@" + socket + "/app";
  const auto cipher = [&](const std::string& params) {
    const auto connection = connect_to(url + params);
    EXPECT_EQ(first(*connection, "select user()"), "app@localhost");
    const auto rows = exec(*connection, "show session status like 'Ssl_cipher'");
    return std::string(rows->cell(0, 1).as_characters());
  };
  EXPECT_EQ(cipher(""), "");
  EXPECT_NE(cipher("?ssl-mode=preferred"), "");
  EXPECT_NE(cipher("?ssl-mode=required"), "");
  EXPECT_NE(cipher("?ssl-mode=verify_ca&ssl-ca=" + cluster().authority()), "");
}

TEST(MariadbConnect, TlsIsUsedAndVerifiedAsAsked) {
  const auto cipher = [](const std::string& params) {
    const auto connection = connect_to(cluster().url(0) + params);
    const auto rows = exec(*connection, "show session status like 'Ssl_cipher'");
    return std::string(rows->cell(0, 1).as_characters());
  };
  const auto authority = "&ssl-ca=" + cluster().authority();
  EXPECT_NE(cipher(""), "");
  EXPECT_EQ(cipher("?ssl-mode=disabled"), "");
  EXPECT_NE(cipher("?ssl-mode=required"), "");
  EXPECT_NE(cipher("?ssl-mode=verify_ca" + authority), "");
  EXPECT_NE(cipher("?ssl-mode=verify_full" + authority), "");
  EXPECT_NE(cipher("?ssl-ca=" + cluster().authority()), "");
  for (const auto* params : {"?ssl-mode=verify_full", "?ssl-mode=verify_ca&ssl-ca=/etc/hostname",
                             "?ssl-ca=/etc/hostname"}) {
    const auto error = connect_error(cluster().url(0) + params);
    EXPECT_EQ(error.code, Errc::configuration) << error.message;
  }
}

TEST(MariadbConnect, ServerWithoutTlsIsRefusedWhereTlsIsAskedFor) {
  cluster().stop(1);
  cluster().start(1, "--skip-ssl");
  EXPECT_EQ(first(*connect_to(1), "select 1"), "1");
  for (const auto* params : {"?ssl-mode=required", "?ssl-mode=verify_full"}) {
    const auto error = connect_error(cluster().url(1) + params);
    EXPECT_EQ(error.code, Errc::configuration) << error.message;
  }
  cluster().stop(1);
  cluster().start(1);
}

TEST(MariadbConnect, WrongPasswordUserOrDatabaseIsAMatterOfConfiguration) {
  const auto at = fmt::format("@127.0.0.1:{}/", cluster().port(0));
  for (const auto& url :
       {"mariadb://app:guessed-secret" + at + "app", "mariadb://nobody:guessed-secret" + at + "app",
        "mariadb://app:app-secret" + at + "missing"}) {
    const auto error = connect_error(url);
    EXPECT_EQ(error.code, Errc::configuration) << error.message;
    EXPECT_THAT(error.message, Not(HasSubstr("secret")));
    EXPECT_NE(error.native, 0);
  }
}

TEST(MariadbConnect, BadParametersAreRefusedByName) {
  const auto complaint = [](const std::string& params) {
    const auto error = error_of([&] {
      mariadb::driver().validate(Url::parse("mariadb://host/db?" + params));
      return 0;
    });
    EXPECT_EQ(error.code, Errc::configuration);
    return error.message;
  };
  EXPECT_THAT(complaint("sslmode=require"), HasSubstr("\"sslmode\""));
  EXPECT_THAT(complaint("ssl-mode=on"), HasSubstr("\"ssl-mode\""));
  EXPECT_THAT(complaint("ssl-mode=verify_ca"), HasSubstr("\"ssl-ca\""));
  EXPECT_THAT(complaint("ssl-cert=a.pem"), HasSubstr("\"ssl-key\""));
  EXPECT_THAT(complaint("ssl-mode=disabled&ssl-ca=a.pem"), HasSubstr("\"ssl-mode\""));
  EXPECT_THAT(complaint("ssl-cert=a.pem&ssl-key=b.pem"), HasSubstr("\"ssl-mode\" is not"));
  EXPECT_THAT(complaint("clear_password=maybe"), HasSubstr("verified, encrypted or always"));
  EXPECT_THAT(complaint("statement_cache_size=many"), HasSubstr("\"statement_cache_size\""));
  EXPECT_THAT(complaint("connect_timeout=-1"), HasSubstr("\"connect_timeout\""));
}

TEST(MariadbConnect, TakesNothingFromTheEnvironment) {
  const auto without = fmt::format("mariadb://app@127.0.0.1:{}/app", cluster().port(0));
  ::setenv("MYSQL_PWD", "app-secret", 1);
  EXPECT_EQ(connect_error(without).code, Errc::configuration);
  ::unsetenv("MYSQL_PWD");
}

TEST(MariadbConnect, SessionsAreAsPromisedWhateverTheServerDoesToThem) {
  MariadbCluster own(0);
  own.stop(0);
  own.start(0, "--skip-character-set-client-handshake --character-set-server=latin1");
  own.sql(0, "SET GLOBAL init_connect = 'SET autocommit = 0, sql_mode = NO_BACKSLASH_ESCAPES'");
  const auto connection = connect_to(own.url(0));
  EXPECT_EQ(first(*connection, "select @@character_set_client"), "utf8mb4");
  EXPECT_EQ(first(*connection, "select @@autocommit"), "1");
  exec(*connection, "create table texts (a text character set utf8mb4)");
  const std::string text = "\xF0\x9F\x90\x98 caf\xC3\xA9";
  exec(*connection, "insert into texts values ($1)", {ValueView::text(text)});
  EXPECT_EQ(first(*connection, "select a from texts"), text);
  EXPECT_EQ(first(*connection, "select hex(a) from texts"), "F09F909820636166C3A9");
}

// libmariadb has it ignored. Where it writes to what is gone, these tests would end by it.
TEST(MariadbConnect, LeavesSigpipeToTheProgram) {
  const auto connection = connect_to(0);
  struct sigaction now {};
  ::sigaction(SIGPIPE, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
  sigset_t blocked;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  EXPECT_EQ(sigismember(&blocked, SIGPIPE), 0);
}

TEST(MariadbConnect, ForkedChildLeavesItsParentsSessionAlone) {
  auto connection = connect_to(0);
  const auto id = id_of(*connection);
  const auto child = ::fork();
  if (child == 0) {
    connection.reset();
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(id_of(*connection), id);
}

TEST(MariadbProbe, LagTakesAPrivilegeAndRunningReplication) {
  MariadbCluster own(1);
  const auto probe = [&] {
    auto observation = run(connect_to(own.url(1))->probe(within(kPatience)));
    return std::pair(observation.reported_lag,
                     fmt::format("{}", fmt::join(observation.unknown, "; ")));
  };
  EXPECT_FALSE(probe().first.has_value());
  EXPECT_THAT(probe().second, HasSubstr("REPLICA MONITOR"));
  own.sql(0, "grant replica monitor on *.* to app@'127.0.0.1', app@localhost");
  EXPECT_TRUE(eventually([&] { return probe().first == std::chrono::seconds(0); }));
  EXPECT_THAT(probe().second, Not(HasSubstr("reported_lag")));
  own.sql(1, "stop slave");
  EXPECT_FALSE(probe().first.has_value());
  EXPECT_THAT(probe().second, HasSubstr("replication has stopped"));
}

TEST(MariadbProbe, UnreplayedBytesTakeAPrivilegeAndAreThoseOfTheRelayLog) {
  MariadbCluster own(1);
  const auto probe = [&] { return run(connect_to(own.url(1))->probe(within(kPatience))); };
  const auto plain = probe();
  EXPECT_FALSE(plain.unreplayed_bytes.has_value());
  EXPECT_THAT(fmt::format("{}", fmt::join(plain.unknown, "; ")),
              HasSubstr("unreplayed_bytes: it takes the privilege REPLICA MONITOR"));
  own.sql(0, "grant replica monitor on *.* to app@'127.0.0.1', app@localhost");
  EXPECT_TRUE(eventually([&] { return probe().unreplayed_bytes == 0U; }));
  own.sql(1, "stop slave sql_thread");
  exec(*connect_to(own.url(0)), "create table unreplayed (a int)");
  EXPECT_TRUE(eventually([&] { return probe().unreplayed_bytes > 0U; }));
  own.sql(1, "start slave sql_thread");
  EXPECT_TRUE(eventually([&] { return probe().unreplayed_bytes == 0U; }));
}

TEST(MariadbPosition, ArrivesWithEachWriteAndStaysAfterReads) {
  const auto connection = connect_to(0);
  exec(*connection, "select 1", {}, Effect::read);
  EXPECT_EQ(connection->last_position(), std::nullopt);
  exec(*connection, "create table placed (a int)");
  const auto now = [&] { return cluster().sql(0, "select @@gtid_binlog_pos"); };
  const auto position = [&] { return to_string(connection->last_position().value()); };
  EXPECT_EQ(position(), now());
  const auto made = position();
  EXPECT_EQ(connection->last_position()->epoch, run(connection->probe(within(kPatience))).epoch);
  exec(*connection, "select 1", {}, Effect::read);
  EXPECT_EQ(position(), made);
  exec(*connection, "insert into placed values ($1)", {ValueView::integer(1)});
  EXPECT_EQ(position(), now());
  EXPECT_NE(position(), made);
  run(connection->begin(within(kPatience), TransactionOptions{}));
  exec(*connection, "insert into placed values (2)");
  const auto before = position();
  run(connection->commit(within(kPatience)));
  EXPECT_NE(position(), before);
  EXPECT_EQ(position(), now());
  exec(*connection, "drop table placed");
}

TEST(MariadbProbe, TellsPrimaryAndReplicaAndFollowsAPromotion) {
  MariadbCluster own(2);
  const auto probe = [&](int node) {
    return run(connect_to(own.url(node))->probe(within(kPatience)));
  };
  const auto primary = probe(0);
  EXPECT_EQ(primary.kind, NodeKind::primary);
  EXPECT_EQ(primary.epoch.history, "gtid domain 0");
  EXPECT_THAT(primary.version, HasSubstr("MariaDB"));
  ASSERT_TRUE(primary.position.has_value());
  EXPECT_TRUE(primary.clock.has_value());

  const auto replica = probe(1);
  EXPECT_EQ(replica.kind, NodeKind::replica);
  EXPECT_EQ(replica.epoch, primary.epoch);
  EXPECT_EQ(replica.position, primary.position);
  EXPECT_NE(replica.instance, primary.instance);
  EXPECT_FALSE(replica.clock.has_value());
  EXPECT_FALSE(replica.replayed_at.has_value());
  const auto sequence = [](const std::optional<Position>& position) {
    return std::get<GtidSet>(position.value().place).last().at(0).sequence;
  };
  EXPECT_EQ(to_string(*primary.position), fmt::format("0-{}-{}", 1, sequence(primary.position)));
  EXPECT_FALSE(primary.reported_lag.has_value());

  own.pause(2);
  exec(*connect_to(own.url(0)), "create table moved (a int)");
  const auto moved = probe(0).position;
  EXPECT_GT(moved, primary.position);
  EXPECT_EQ(sequence(moved), sequence(primary.position) + 1);
  EXPECT_TRUE(eventually([&] { return probe(1).position == moved; }));
  EXPECT_EQ(probe(2).position, primary.position);
  own.resume(2);
  EXPECT_TRUE(eventually([&] { return probe(2).position == moved; }));

  own.kill(0);
  own.promote(1);
  own.follow(2, 1);
  EXPECT_EQ(probe(1).kind, NodeKind::primary);
  exec(*connect_to(own.url(1)), "drop table moved");
  const auto dropped = probe(1).position;
  EXPECT_GT(dropped, moved);
  EXPECT_EQ(sequence(dropped), sequence(moved) + 1);
  EXPECT_TRUE(eventually([&] { return probe(2).position == dropped; }));
}

}  // namespace
}  // namespace grant::test
