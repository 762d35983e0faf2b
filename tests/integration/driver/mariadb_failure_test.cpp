// What a node that goes away, hangs, refuses or is overtaken means for a statement.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "integration/driver/mariadb_fixture.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

std::string id_of(Connection& connection) { return first(connection, "select connection_id()"); }

TEST(MariadbFailures, HungServerEndsAReadAtItsDeadline) {
  for (const auto* tls : {"?ssl-mode=disabled", "?ssl-mode=required"}) {
    const auto connection = connect_to(cluster().url(1) + tls);
    exec(*connection, "select 1", {}, Effect::read);
    const Hung hung(cluster(), 1);
    const auto error = exec_error(*connection, "select 1", {}, Effect::read, 150ms);
    EXPECT_EQ(error.code, Errc::timeout);
    EXPECT_THAT(error.message, HasSubstr("the connection was closed"));
    EXPECT_FALSE(connection->is_open());
    EXPECT_EQ(exec_error(*connection, "select 1").code, Errc::unavailable);
    EXPECT_EQ(connection->transaction_state(), TransactionState::none);
  }
}

TEST(MariadbFailures, HungServerLeavesAWriteUnknownOnceItWasPrepared) {
  const auto prepared = connect_to(1);
  const auto unprepared = connect_to(1);
  exec(*prepared, "do 1");
  const Hung hung(cluster(), 1);
  EXPECT_EQ(exec_error(*prepared, "do 1", {}, Effect::write, 100ms).code, Errc::outcome_unknown);
  EXPECT_EQ(exec_error(*unprepared, "do 1", {}, Effect::write, 100ms).code, Errc::timeout);
}

TEST(MariadbFailures, HungServerLeavesACommitUnknownUnlessItOnlyRead) {
  const auto writing = connect_to(0);
  const auto reading = connect_to(0);
  TransactionOptions options;
  run(writing->begin(within(kPatience), options));
  options.effect = Effect::read;
  run(reading->begin(within(kPatience), options));
  const Hung hung(cluster(), 0);
  EXPECT_EQ(exec_error(*writing, "commit", {}, Effect::read, 100ms).code, Errc::timeout);
  EXPECT_EQ(error_of([&] {
              run(reading->commit(within(100ms)));
              return 0;
            }).code,
            Errc::timeout);
}

TEST(MariadbFailures, HungServerEndsConnectingAtTheDeadline) {
  const Hung hung(cluster(), 1);
  const auto started = Clock::system().now();
  EXPECT_EQ(connect_error(cluster().url(1), 150ms).code, Errc::unavailable);
  EXPECT_LT(Clock::system().now() - started, 5s);
}

/// Asks for TLS in its greeting, and never says a word again.
class StuckInTls {
 public:
  StuckInTls() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 5) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
    greeted_ = std::async(std::launch::async, [this] { greet(); });
  }
  ~StuckInTls() {
    ::shutdown(listener_, SHUT_RDWR);  // nobody may have come
    greeted_.wait();
    ::close(client_);
    ::close(listener_);
  }
  StuckInTls(const StuckInTls&) = delete;
  StuckInTls& operator=(const StuckInTls&) = delete;

  [[nodiscard]] std::string url() const {
    return fmt::format("mariadb://app:app-secret@127.0.0.1:{}/app", port_);
  }

 private:
  void greet() {
    using namespace std::string_literals;
    client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    // Protocol 10, version, session 1, half of the salt; capabilities with TLS and plugins; utf8;
    // the other half, and the plugin that they are for.
    const std::string body =
        "\x0a"
        "10.11.0\0\x01\0\0\0abcdefgh\0"s +
        "\xff\xff\x21\x02\0\xff\xc1\x15"s + std::string(10, '\0') +
        "ijklmnopqrst\0mysql_native_password\0"s;
    const std::string packet = std::string(1, static_cast<char>(body.size())) + "\0\0\0"s + body;
    static_cast<void>(::send(client_, packet.data(), packet.size(), MSG_NOSIGNAL));
  }

  int listener_;
  int client_ = -1;
  int port_{};
  std::future<void> greeted_;
};

/// Ends no wait before there is something to read: the greeting is there before anybody asks for
/// it.
class Tardy final : public io::Waiter {
 public:
  std::shared_ptr<io::Signal> make_signal() override { return io::blocking_waiter().make_signal(); }
  bool finish_now(io::Wait& wait) override {
    wait.interest = io::Interest::read;
    return io::blocking_waiter().finish_now(wait);
  }
  void start(io::Wait& wait) override { io::blocking_waiter().start(wait); }
};

TEST(MariadbFailures, ServerStuckInTheHandshakeOfTlsEndsConnectingAtTheDeadline) {
  Tardy tardy;
  for (io::Waiter* waiter : {&io::blocking_waiter(), static_cast<io::Waiter*>(&tardy)}) {
    const StuckInTls server;
    const auto started = Clock::system().now();
    const io::Call call(*waiter, started + 200ms);
    const auto error = error_of([&] {
      ConnectOptions options;
      options.url = Url::parse(server.url());
      return run(mariadb::driver().connect(call, options));
    });
    EXPECT_EQ(error.code, Errc::unavailable) << error.message;
    EXPECT_THAT(error.message, HasSubstr("no answer to the connection attempt within"));
    EXPECT_GE(Clock::system().now() - started, 200ms);
    EXPECT_LT(Clock::system().now() - started, 10s);
  }
}

TEST(MariadbFailures, EndedSessionIsNoticedBeforeSending) {
  const auto connection = connect_to(0);
  exec(*connection, "create table untouched (a int)");
  exec(*connection, "insert into untouched values (1)");
  const auto id = id_of(*connection);
  cluster().sql(0, "kill " + id);
  EXPECT_TRUE(eventually([&] {
    return cluster().sql(
               0, "select count(*) from information_schema.processlist where id = " + id) == "0";
  }));
  EXPECT_EQ(exec_error(*connection, "insert into untouched values (1)").code, Errc::unavailable);
  EXPECT_FALSE(connection->is_open());
  const auto next = connect_to(0);
  EXPECT_EQ(first(*next, "select count(*) from untouched"), "1");
  exec(*next, "drop table untouched");
}

TEST(MariadbFailures, SessionEndedWhileAStatementRuns) {
  for (const auto effect : {Effect::read, Effect::write}) {
    const auto connection = connect_to(0);
    const auto id = id_of(*connection);
    const auto error = error_when(*connection, "select sleep(61)", effect,
                                  [&] { cluster().sql(0, "kill " + id); });
    EXPECT_EQ(error.code, effect == Effect::read ? Errc::unavailable : Errc::outcome_unknown);
    EXPECT_FALSE(connection->is_open());
  }
}

TEST(MariadbFailures, ServerKilledWhileAWriteRuns) {
  const auto connection = connect_to(0);
  const auto idle = connect_to(0);
  const auto error =
      error_when(*connection, "do sleep(62)", Effect::write, [] { cluster().kill(0); });
  EXPECT_EQ(error.code, Errc::outcome_unknown);
  EXPECT_EQ(exec_error(*idle, "do 1").code, Errc::unavailable);
  EXPECT_EQ(connect_error(cluster().url(0)).code, Errc::unavailable);
  cluster().start(0);
  EXPECT_EQ(first(*connect_to(0), "select 1"), "1");
}

TEST(MariadbFailures, KilledQueryIsCancelledAndTheConnectionServesOn) {
  const auto connection = connect_to(0);
  const auto id = id_of(*connection);
  const auto query = "select count(*) from seq_1_to_1000000000 where seq % 7 = 8";
  const auto error =
      error_when(*connection, query, Effect::read, [&] { cluster().sql(0, "kill query " + id); });
  EXPECT_EQ(error.code, Errc::cancelled);
  EXPECT_EQ(error.native, 1317);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(MariadbFailures, ServersOwnTimeLimitIsATimeout) {
  const auto connection = connect_to(0);
  exec(*connection, "set max_statement_time = 0.05");
  EXPECT_EQ(exec_error(*connection, "select count(*) from seq_1_to_1000000000 where seq % 7 = 8",
                       {}, Effect::read)
                .code,
            Errc::timeout);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(MariadbFailures, ReplicaRefusesWrites) {
  const auto connection = connect_to(1);
  const auto error = exec_error(*connection, "create table refused (a int)");
  EXPECT_EQ(error.code, Errc::read_only);
  EXPECT_EQ(error.native, 1290);
  EXPECT_EQ(error_of([&] {
              run(connection->begin(within(kPatience), TransactionOptions{}));
              return 0;
            }).code,
            Errc::read_only);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(MariadbFailures, CommitRefusedByADemotedPrimaryIsReadOnlyAndRolledBack) {
  const auto connection = connect_to(0);
  exec(*connection, "create table demoted (a int)");
  run(connection->begin(within(kPatience), TransactionOptions{}));
  exec(*connection, "insert into demoted values (1)");
  cluster().sql(0, "set global read_only = 1");
  const auto error = error_of([&] {
    run(connection->commit(within(kPatience)));
    return 0;
  });
  cluster().sql(0, "set global read_only = 0");
  EXPECT_EQ(error.code, Errc::read_only);
  run(connection->rollback(within(kPatience)));
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);
  EXPECT_EQ(first(*connection, "select count(*) from demoted"), "0");
  exec(*connection, "drop table demoted");
}

TEST(MariadbFailures, DeadlockIsAConflictAndEndsTheTransaction) {
  const auto one = connect_to(0);
  const auto two = connect_to(0);
  exec(*one, "create table locked (id int primary key, a int)");
  exec(*one, "insert into locked values (1, 0), (2, 0)");
  run(one->begin(within(kPatience), TransactionOptions{}));
  run(two->begin(within(kPatience), TransactionOptions{}));
  // The one that has changed more survives.
  exec(*one, "update locked set a = 1 where id = 1");
  exec(*one, "insert into locked values (3, 0), (4, 0), (5, 0)");
  exec(*two, "update locked set a = 2 where id = 2");
  const std::string update = "update locked set a = 3 where id = 2";
  auto waiting = std::async(std::launch::async, [&] { exec(*one, update); });
  EXPECT_TRUE(eventually([&] { return running(update) == 1; }));
  const auto error = exec_error(*two, "update locked set a = 4 where id = 1");
  waiting.get();
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_EQ(error.native, 1213);
  EXPECT_EQ(two->transaction_state(), TransactionState::failed);
  // Outside the transaction that it was meant for, this would be committed at once.
  EXPECT_EQ(exec_error(*two, "insert into locked values (6, 0)").code, Errc::conflict);
  EXPECT_EQ(error_of([&] {
              run(two->commit(within(kPatience)));
              return 0;
            }).code,
            Errc::conflict);
  EXPECT_EQ(two->transaction_state(), TransactionState::none);
  run(one->commit(within(kPatience)));
  EXPECT_EQ(first(*two, "select count(*) from locked"), "5");
  exec(*two, "drop table locked");
}

TEST(MariadbFailures, LockWaitIsATimeoutAndTheTransactionGoesOn) {
  const auto one = connect_to(0);
  const auto two = connect_to(0);
  exec(*one, "create table waited (id int primary key)");
  exec(*one, "insert into waited values (1)");
  run(one->begin(within(kPatience), TransactionOptions{}));
  exec(*one, "update waited set id = 2 where id = 1");
  run(two->begin(within(kPatience), TransactionOptions{}));
  exec(*two, "insert into waited values (7)");
  const auto error = exec_error(*two, "select * from waited where id = 1 for update nowait");
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_EQ(error.native, 1205);
  EXPECT_EQ(two->transaction_state(), TransactionState::open);
  run(one->rollback(within(kPatience)));
  run(two->commit(within(kPatience)));
  EXPECT_EQ(first(*one, "select count(*) from waited"), "2");
  exec(*one, "drop table waited");
}

}  // namespace
}  // namespace grant::test
