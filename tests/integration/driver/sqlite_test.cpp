// What is SQLite's own; the contract suite has what is common to all drivers.

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>

#include "grant/io/poll_loop.hpp"
#include "integration/driver/sqlite_fixture.hpp"

namespace grant::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kEndless =
    "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

TransactionOptions for_writing() { return {}; }

TEST_F(SqliteTest, FilesAreOpenedWithTheDocumentedSettings) {
  const auto connection = connect(url("a.db"));
  EXPECT_EQ(text(*connection, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(number(*connection, "PRAGMA synchronous"), 1);
  EXPECT_EQ(number(*connection, "PRAGMA foreign_keys"), 1);
  EXPECT_EQ(number(*connection, "PRAGMA trusted_schema"), 0);
}

TEST_F(SqliteTest, HasNoPositions) {
  const auto connection = connect(url("a.db"));
  const io::Call call(io::blocking_waiter());
  grant::run(connection->execute(call, {.sql = "CREATE TABLE t (i)", .wants_position = true}));
  EXPECT_EQ(connection->last_position(), std::nullopt);
  EXPECT_EQ(grant::run(connection->probe(call)).position, std::nullopt);
}

TEST_F(SqliteTest, SynchronousFollowsTheUrl) {
  EXPECT_EQ(number(*connect(url("a.db", "synchronous=off")), "PRAGMA synchronous"), 0);
  EXPECT_EQ(number(*connect(url("a.db", "synchronous=full")), "PRAGMA synchronous"), 2);
}

TEST_F(SqliteTest, ModeDecidesWhetherTheFileIsCreated) {
  EXPECT_EQ(error_of([&] { connect(url("a.db", "mode=rw")); }).code, Errc::unavailable);
  EXPECT_EQ(error_of([&] { connect(url("a.db", "mode=ro")); }).code, Errc::unavailable);
  EXPECT_EQ(error_of([&] { connect(url("a.db"), Effect::read); }).code, Errc::unavailable);
  EXPECT_FALSE(fs::exists(path("a.db")));
  connect(url("a.db", "mode=rwc"));
  EXPECT_TRUE(fs::exists(path("a.db")));
  connect(url("a.db", "mode=rw"));
}

TEST_F(SqliteTest, FileThatWasTakenAwayDoesNotComeBackEmpty) {
  connect(url("a.db"));
  fs::rename(path("a.db"), path("b.db"));
  EXPECT_EQ(error_of([&] { connect(url("a.db")); }).code, Errc::unavailable);
  EXPECT_FALSE(fs::exists(path("a.db")));
  connect(url("a.db", "mode=rwc"));
  EXPECT_TRUE(fs::exists(path("a.db")));
}

TEST_F(SqliteTest, ReadOnlyConnectionSeesWritesOfOthersAndRefusesItsOwn) {
  const auto writer = connect(url("a.db"));
  const auto reader = connect(url("a.db", "mode=ro"));
  run(*writer, "CREATE TABLE t (id INTEGER)");
  run(*writer, "INSERT INTO t VALUES (1)");
  EXPECT_EQ(number(*reader, "SELECT count(*) FROM t"), 1);
  const auto error = error_of([&] { run(*reader, "INSERT INTO t VALUES (2)"); });
  EXPECT_EQ(error.code, Errc::read_only);
  EXPECT_EQ(error.native & 0xff, 8);
}

TEST_F(SqliteTest, BadUrlsAreRefusedByName) {
  const std::pair<std::string, std::string> bad[] = {
      {"sqlite:a.db?mode=rwx", "\"mode\" is text of 3 characters: it takes ro, rw or rwc"},
      {"sqlite:a.db?busy_timeout=-1", "busy_timeout"},
      {"sqlite:a.db?busy_timeout=5s", "busy_timeout"},
      {"sqlite:a.db?busy_timeout=3600001", "3600000"},
      {"sqlite:a.db?synchronous=maybe", "it takes off, normal or full"},
      {"sqlite:a.db?statement_cache_size=many", "statement_cache_size"},
      {"sqlite:a.db?cache=shared", "cache"},
      {"sqlite::memory:?mode=ro", "in-memory"}};
  for (const auto& entry : bad) {
    const auto error = error_of([&] { sqlite::driver().validate(Url::parse(entry.first)); });
    EXPECT_EQ(error.code, Errc::configuration) << entry.first;
    EXPECT_THAT(error.message, HasSubstr(entry.second));
  }
  sqlite::driver().validate(
      Url::parse("sqlite:a.db?mode=rw&busy_timeout=0&synchronous=full&statement_cache_size=0"));
  EXPECT_EQ(error_of([&] { sqlite::driver().validate(Url::parse("postgres://h/d")); }).code,
            Errc::configuration);
}

TEST_F(SqliteTest, WhatCannotBeOpenedIsNamedWithTheReason) {
  auto error = error_of([&] { connect(url("missing/a.db")); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("does not exist"));
  EXPECT_THAT(error.message, HasSubstr(path("missing")));
  EXPECT_THAT(error.message, HasSubstr("test/node"));

  fs::create_directory(path("folder"));
  error = error_of([&] { connect(url("folder")); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("directory"));

  std::ofstream(path("rubbish.db")) << std::string(8'192, 'x');
  error = error_of([&] { connect(url("rubbish.db")); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_EQ(error.native, 26);
  EXPECT_THAT(error.message, HasSubstr("not an SQLite database"));
}

/// A user who owns the test's files but may not do as he likes, as root may, while this lives.
class PlainUser {
 public:
  explicit PlainUser(const fs::path& directory) : root_(::geteuid() == 0) {
    if (!root_) return;
    for (const auto& entry : fs::directory_iterator(directory)) give(entry.path());
    give(directory);
    if (::seteuid(kNobody) != 0) ADD_FAILURE() << "seteuid failed";
  }
  PlainUser(const PlainUser&) = delete;
  PlainUser& operator=(const PlainUser&) = delete;
  ~PlainUser() {
    if (root_ && ::seteuid(0) != 0) ADD_FAILURE() << "seteuid failed";
  }

 private:
  static constexpr uid_t kNobody = 65'534;

  static void give(const fs::path& path) {
    if (::chown(path.c_str(), kNobody, static_cast<gid_t>(-1)) != 0) ADD_FAILURE() << path;
  }

  const bool root_;
};

TEST_F(SqliteTest, MissingPermissionIsAConfigurationError) {
  connect(url("a.db"));
  const PlainUser user(path(""));
  fs::permissions(path("a.db"), fs::perms::owner_read);
  auto error = error_of([&] { connect(url("a.db")); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("permission denied"));
  fs::permissions(path("a.db"), fs::perms::none);
  error = error_of([&] { connect(url("a.db"), Effect::read); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("permission denied"));
}

TEST_F(SqliteTest, DirectoryThatIsNotWritableIsAConfigurationError) {
  connect(url("a.db"));
  const PlainUser user(path(""));
  fs::permissions(path(""), fs::perms::owner_read | fs::perms::owner_exec);
  const std::pair<std::string, Effect> refused[] = {
      {"new.db", Effect::write}, {"a.db", Effect::write}, {"a.db", Effect::read}};
  const auto directory = fs::path(path("a.db")).parent_path().string();
  for (const auto& each : refused) {
    const auto error = error_of([&] { connect(url(each.first), each.second); });
    EXPECT_EQ(error.code, Errc::configuration) << each.first;
    EXPECT_THAT(error.message, HasSubstr(path(each.first)));
    EXPECT_THAT(error.message, HasSubstr("directory " + directory + " is not writable"));
  }
  fs::permissions(path(""), fs::perms::owner_all);
}

TEST_F(SqliteTest, LockedFileIsUnavailableToConnect) {
  const auto holder = connect(url("a.db"));
  run(*holder, "PRAGMA journal_mode=DELETE");
  run(*holder, "BEGIN EXCLUSIVE");
  const auto error = error_of([&] { connect(url("a.db", "busy_timeout=20")); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("locked"));
}

TEST_F(SqliteTest, ManyConnectionsMayOpenAFreshFileAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto connection = connect(url("a.db"));
      if (text(*connection, "PRAGMA journal_mode") == "wal") ++opened;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(opened, 8);
}

TEST_F(SqliteTest, NameThatLooksLikeAUriIsAFile) {
  const auto before = fs::current_path();
  fs::current_path(path(""));
  connect("sqlite:file:x.db");
  fs::current_path(before);
  EXPECT_TRUE(fs::exists(path("file:x.db")));
}

TEST_F(SqliteTest, MemoryIsPrivateToEachConnection) {
  const auto one = connect("sqlite::memory:");
  const auto two = connect("sqlite::memory:");
  run(*one, "CREATE TABLE t (id INTEGER)");
  EXPECT_THROW(run(*two, "SELECT * FROM t"), Error);
  EXPECT_EQ(probe(*one).kind, NodeKind::primary);
  EXPECT_NE(probe(*one).instance, probe(*two).instance);
  EXPECT_THROW(connect("sqlite::memory:", Effect::read), ConfigurationError);
}

TEST_F(SqliteTest, MemoryWithANameIsSharedWhileAConnectionIsOpen) {
  ConnectOptions options;
  options.url = Url::parse("sqlite::memory:");
  options.memory = "shared-by-a-test";
  const auto open = [&] { return grant::run(sqlite::driver().connect(call(), options)); };
  auto one = open();
  const auto two = open();
  run(*one, "CREATE TABLE t (id INTEGER)");
  EXPECT_EQ(number(*two, "SELECT count(*) FROM t"), 0);
  EXPECT_EQ(probe(*one).instance, probe(*two).instance);
  EXPECT_THROW(run(*connect("sqlite::memory:"), "SELECT * FROM t"), Error);
  one.reset();
  EXPECT_EQ(number(*open(), "SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteTest, ConnectionForReadingCreatesTheFileSeesEachCommitAndRefusesWrites) {
  ConnectOptions options;
  options.url = Url::parse(url("a.db"));
  options.purpose = Purpose::reading;
  const auto reader = grant::run(sqlite::driver().connect(call(), options));
  const auto writer = connect(url("a.db"));
  EXPECT_EQ(text(*reader, "PRAGMA journal_mode"), "wal");
  run(*writer, "CREATE TABLE t (id INTEGER)");
  for (int i = 1; i <= 3; ++i) {
    run(*writer, "INSERT INTO t VALUES (1)");
    EXPECT_EQ(number(*reader, "SELECT count(*) FROM t"), i);
  }
  EXPECT_EQ(probe(*reader).kind, NodeKind::primary);
  for (const auto* const sql :
       {"DELETE FROM t", "CREATE TABLE u (id INTEGER)", "BEGIN IMMEDIATE"}) {
    const auto error = error_of([&] { run(*reader, sql); });
    EXPECT_EQ(error.code, Errc::read_only) << sql;
    EXPECT_THAT(error.message, HasSubstr("marked as a read")) << sql;
  }
}

TEST_F(SqliteTest, SharingFollowsFromTheUrl) {
  const auto sharing = [](std::string_view url, Effect access) {
    ConnectOptions options;
    options.url = Url::parse(url);
    options.access = access;
    return sqlite::driver().sharing(options);
  };
  EXPECT_EQ(sharing("sqlite:a.db", Effect::write), Sharing::one_writer);
  EXPECT_EQ(sharing("sqlite:a.db", Effect::read), Sharing::free);
  EXPECT_EQ(sharing("sqlite:a.db?mode=ro", Effect::write), Sharing::free);
  EXPECT_EQ(sharing("sqlite::memory:", Effect::write), Sharing::one_connection);
}

TEST_F(SqliteTest, BusyTimeoutEndsAWaitBeforeTheDeadline) {
  const auto holder = connect(url("a.db"));
  const auto waiter = connect(url("a.db", "busy_timeout=30"));
  run(*holder, "CREATE TABLE t (id INTEGER)");
  grant::run(holder->begin(call(), for_writing()));
  const auto started = Clock::system().now();
  const auto error = error_of([&] { run(*waiter, "INSERT INTO t VALUES (1)"); });
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_EQ(error.native, 5);
  EXPECT_THAT(error.message, HasSubstr("busy_timeout"));
  EXPECT_GE(Clock::system().now() - started, 30ms);
  EXPECT_LT(Clock::system().now() - started, 5s);
  grant::run(holder->commit(call()));
  run(*waiter, "INSERT INTO t VALUES (1)");
}

TEST_F(SqliteTest, WaiterGetsTheLockWhenItIsReleased) {
  const auto holder = connect(url("a.db"));
  const auto waiter = connect(url("a.db"));
  run(*holder, "CREATE TABLE t (id INTEGER)");
  grant::run(holder->begin(call(), for_writing()));
  std::thread other([&] { run(*waiter, "INSERT INTO t VALUES (1)"); });
  run(*holder, "INSERT INTO t VALUES (2)");
  grant::run(holder->commit(call()));
  other.join();
  EXPECT_EQ(number(*holder, "SELECT count(*) FROM t"), 2);
}

TEST_F(SqliteTest, WriteOnAnOldSnapshotIsAConflict) {
  const auto one = connect(url("a.db"));
  const auto two = connect(url("a.db"));
  run(*one, "CREATE TABLE t (id INTEGER)");
  run(*one, "BEGIN DEFERRED");
  number(*one, "SELECT count(*) FROM t");
  run(*two, "INSERT INTO t VALUES (1)");
  const auto error = error_of([&] { run(*one, "INSERT INTO t VALUES (2)"); });
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_EQ(error.native, 517);
  grant::run(one->rollback(call()));
  run(*one, "INSERT INTO t VALUES (2)");
}

TEST_F(SqliteTest, WriteStoppedInsideATransactionTakesTheTransactionWithIt) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER)");
  grant::run(connection->begin(call(), for_writing()));
  run(*connection, "INSERT INTO t VALUES (1)");
  EXPECT_EQ(error_of([&] { run(*connection, kEndless, {}, 50ms); }).code, Errc::timeout);
  ASSERT_EQ(connection->transaction_state(), TransactionState::failed);

  // Without a transaction this would be committed by itself. Both tell what failed the transaction.
  EXPECT_EQ(error_of([&] { run(*connection, "INSERT INTO t VALUES (2)"); }).code, Errc::timeout);
  EXPECT_EQ(error_of([&] { grant::run(connection->commit(call())); }).code, Errc::timeout);
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteTest, StatementThatRollsBackByItselfFailsTheTransaction) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
  grant::run(connection->begin(call(), for_writing()));
  run(*connection, "INSERT INTO t VALUES (1)");
  EXPECT_EQ(error_of([&] { run(*connection, "INSERT OR ROLLBACK INTO t VALUES (1)"); }).code,
            Errc::constraint);
  EXPECT_EQ(connection->transaction_state(), TransactionState::failed);
  grant::run(connection->rollback(call()));
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteTest, ReadTransactionThatIsEndedAsSqlAllowsWritesAgain) {
  const auto connection = connect(url("a.db"));
  TransactionOptions reading;
  reading.effect = Effect::read;
  grant::run(connection->begin(call(), reading));
  run(*connection, "COMMIT");
  run(*connection, "CREATE TABLE t (id INTEGER)");
}

TEST_F(SqliteTest, SecondBeginIsRefusedAndLeavesTheFirst) {
  const auto connection = connect(url("a.db"));
  grant::run(connection->begin(call(), for_writing()));
  EXPECT_EQ(error_of([&] { grant::run(connection->begin(call(), for_writing())); }).code,
            Errc::invalid_argument);
  EXPECT_EQ(connection->transaction_state(), TransactionState::open);
}

TEST_F(SqliteTest, StoppedWriteOutsideATransactionLeavesNothing) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER)");
  const auto error = error_of([&] { run(*connection, kEndless, {}, 50ms); });
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_EQ(error.native, 9);
  EXPECT_TRUE(connection->is_open());
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteTest, OtherPlaceholderFormsAreQuestionMarksOnly) {
  const auto connection = connect("sqlite::memory:");
  const auto one = ValueView::integer(1);
  const auto two = ValueView::integer(2);
  EXPECT_EQ(run(*connection, "SELECT ? * 10 + ?", {one, two})->cell(0, 0).as_integer(), 12);
  EXPECT_EQ(run(*connection, "SELECT ?2 * 10 + ?1", {one, two})->cell(0, 0).as_integer(), 21);
  for (const std::string_view sql : {"SELECT :name", "SELECT @name", "SELECT $name", "SELECT $0",
                                     "SELECT $1::text", "SELECT $1 + ?", "SELECT ? + $1"}) {
    const auto error = error_of([&] { run(*connection, sql, {one}); });
    EXPECT_EQ(error.code, Errc::invalid_argument) << sql;
    EXPECT_THAT(error.message, HasSubstr("placeholder")) << sql;
  }
}

TEST_F(SqliteTest, NanIsRefusedBecauseItWouldBecomeNull) {
  const auto connection = connect("sqlite::memory:");
  const auto error = error_of([&] {
    run(*connection, "SELECT $1", {ValueView::real(std::numeric_limits<double>::quiet_NaN())});
  });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("$1"));
}

/// Files cannot grow beyond a few bytes while this lives.
class FullDisk {
 public:
  FullDisk() {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    auto small = before_;
    small.rlim_cur = 1;
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(SqliteTest, CommitThatCannotBeWrittenIsInDoubt) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER)");
  grant::run(connection->begin(call(), for_writing()));
  run(*connection, "INSERT INTO t VALUES (1)");
  ErrorInfo error;
  {
    const FullDisk disk;
    error = error_of([&] { grant::run(connection->commit(call())); });
  }
  EXPECT_EQ(error.code, Errc::outcome_unknown) << error.message;
  EXPECT_EQ(error.native & 0xff, 10);
  EXPECT_THAT(error.message, HasSubstr("a.db"));
  EXPECT_FALSE(connection->is_open());
}

TEST_F(SqliteTest, FunctionsThatQuoteTheirArgumentDoNotLeakIt) {
  const auto connection = connect("sqlite::memory:");
  run(*connection, "CREATE VIRTUAL TABLE f USING fts5(body)");
  const std::pair<std::string_view, std::string_view> leaky[] = {
      {"SELECT json_extract('{}', $1)", "$.[secret's"},
      {"SELECT * FROM f WHERE f MATCH $1", "\"a\" ^^secret's"},
      {"ATTACH $1 AS other", "/no/such/secret's \"place\""},
      {"ATTACH '/no/such/' || lower($1) AS other", "SECRET"}};
  for (const auto& entry : leaky) {
    const auto error =
        error_of([&] { run(*connection, entry.first, {ValueView::text(entry.second)}); });
    EXPECT_THAT(error.message, Not(HasSubstr("secret"))) << entry.first;
  }
}

TEST_F(SqliteTest, DeclaredTypesDecideOnlyWhereTheValueFits) {
  const auto connection = connect("sqlite::memory:");
  run(*connection, "CREATE TABLE t (b bool, at datetime, j json, r double precision)");
  run(*connection,
      "INSERT INTO t VALUES (2, 'soon', '12', 1), (1, '2026-01-01 00:00:00.000000', 'x', 2), "
      "(1, '2026-01-01T00:00:00Z', 'x', 2)");
  const auto rows = run(*connection, "SELECT b, at, j, r FROM t");
  EXPECT_EQ(rows->cell(0, 0).as_integer(), 2);
  EXPECT_EQ(rows->cell(0, 1).as_characters(), "soon");
  EXPECT_EQ(rows->cell(0, 2).kind(), ValueKind::json);
  EXPECT_EQ(rows->cell(0, 2).as_characters(), "12");
  EXPECT_EQ(rows->cell(0, 3).as_real(), 1.0);
  EXPECT_TRUE(rows->cell(1, 0).as_boolean());
  EXPECT_EQ(rows->cell(1, 1).kind(), ValueKind::timestamp);
  EXPECT_EQ(rows->cell(2, 1).kind(), ValueKind::text) << "not as Grant would write it";
}

TEST_F(SqliteTest, StatementsWorkWithoutAndWithATinyCache) {
  for (const std::string_view params : {"statement_cache_size=0", "statement_cache_size=1"}) {
    const auto connection = connect(url("a.db", params));
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(number(*connection, "SELECT 1"), 1);
      EXPECT_EQ(number(*connection, "SELECT 2"), 2);
      EXPECT_EQ(number(*connection, "SELECT 2"), 2);
    }
  }
}

TEST_F(SqliteTest, TriggersDoNotCountAsAffectedRows) {
  const auto connection = connect("sqlite::memory:");
  run(*connection, "CREATE TABLE t (id INTEGER)");
  run(*connection, "CREATE TABLE log (id INTEGER)");
  run(*connection,
      "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1), (2); END");
  EXPECT_EQ(run(*connection, "INSERT INTO t VALUES (1)")->affected_rows(), 1U);
  EXPECT_EQ(run(*connection, "CREATE TABLE u AS SELECT * FROM log")->affected_rows(), 0U);
}

TEST_F(SqliteTest, ProbeNoticesThatTheFileHasGoneAndStatementsDoNotPayForIt) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER)");
  EXPECT_EQ(probe(*connection).kind, NodeKind::primary);

  fs::rename(path("a.db"), path("away.db"));
  const auto error = error_of([&] { probe(*connection); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.node, "test/node");
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM t"), 0);

  fs::rename(path("away.db"), path("a.db"));
  EXPECT_EQ(probe(*connection).kind, NodeKind::primary);
}

TEST_F(SqliteTest, ProbeNoticesThatTheFileWasReplaced) {
  const auto connection = connect(url("a.db"));
  fs::rename(path("a.db"), path("away.db"));
  std::ofstream(path("a.db")) << "another";
  EXPECT_EQ(error_of([&] { probe(*connection); }).code, Errc::unavailable);
}

TEST_F(SqliteTest, InstanceIsTheFileWhateverItIsCalled) {
  const auto one = connect(url("a.db"));
  fs::create_symlink(path("a.db"), path("link.db"));
  const auto two = connect(url("link.db"));
  const auto other = connect(url("b.db"));
  EXPECT_EQ(probe(*one).instance, probe(*two).instance);
  EXPECT_NE(probe(*one).instance, probe(*other).instance);
}

TEST_F(SqliteTest, ReplicaWithoutAHeartbeatHasNoKnownAge) {
  connect(url("a.db"));
  const auto reader = connect(url("a.db"), Effect::read);
  const auto seen = probe(*reader);
  EXPECT_EQ(seen.kind, NodeKind::replica);
  EXPECT_FALSE(seen.replayed_at.has_value());
  EXPECT_FALSE(seen.clock.has_value());
}

TEST_F(SqliteTest, FileThatTurnsToRubbishClosesTheConnection) {
  const auto connection = connect(url("a.db"));
  run(*connection, "CREATE TABLE t (id INTEGER)");
  run(*connection, "PRAGMA wal_checkpoint(TRUNCATE)");
  {
    std::fstream file(path("a.db"), std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(8'192, 'x');
  }
  run(*connect(url("b.db")), "SELECT 1");
  const auto error = error_of([&] {
    run(*connection, "PRAGMA cache_size=0");
    run(*connection, "PRAGMA shrink_memory");
    run(*connection, "SELECT * FROM t");
  });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_FALSE(connection->is_open());
  EXPECT_EQ(error_of([&] { run(*connection, "SELECT 1"); }).code, Errc::unavailable);
}

Task<void> run_for_ever(io::Call call, Connection& connection) {
  Statement statement;
  statement.sql =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
  statement.effect = Effect::read;
  try {
    co_await connection.execute(call, statement);
  } catch (const Error&) {
    // It ends as its waiter does.
  }
}

Task<void> open_and_probe(io::Call call, std::string url, io::PollLoop& loop, ErrorInfo& error,
                          NodeKind& kind) {
  ConnectOptions options;
  options.url = Url::parse(url);
  try {
    const auto connection = co_await sqlite::driver().connect(call, std::move(options));
    kind = (co_await connection->probe(call)).kind;
  } catch (const Error& failure) {
    error = failure.info();
  }
  loop.cancel();
}

TEST_F(SqliteTest, OpeningAndProbingWaitForNoStatements) {
  std::vector<std::unique_ptr<Connection>> busy(40);  // more than there are threads for them
  for (auto& connection : busy) connection = connect("sqlite::memory:");
  io::PollLoop loop;
  for (const auto& connection : busy) loop.spawn(run_for_ever(io::Call(loop), *connection));
  ErrorInfo error;
  auto kind = NodeKind::unknown;
  const io::Call call(loop, after(Clock::system().now(), std::chrono::seconds(20)));
  loop.spawn(open_and_probe(call, url("a.db"), loop, error, kind));
  loop.run();
  EXPECT_EQ(kind, NodeKind::primary) << error.message;
}

}  // namespace
}  // namespace grant::test
