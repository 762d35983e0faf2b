// Files that are no databases, or bad ones: what opening, probing and reading them ends with.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <string>

#include "grant/core/error.hpp"
#include "grant/driver/sqlite/driver.hpp"
#include "support/temporary_directory.hpp"

namespace grant::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr auto kDeadline = 1s;
constexpr auto kLate = 4s;

struct Bad {
  std::string name;
  std::function<void(const std::string& file)> make;
  bool opens = false;  ///< A connection may be had; else none ever is.
};

std::ostream& operator<<(std::ostream& out, const Bad& bad) { return out << bad.name; }

void exec(const std::string& file, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  char* error = nullptr;
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
  sqlite3_free(error);
  sqlite3_close(database);
}

/// A sound one with the table t(id, v) of 2,000 rows, in pages of 4 KiB.
void make_sound(const std::string& file) {
  exec(
      file,
      "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); CREATE INDEX t_v ON t(v);"
      "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
      " SELECT i, hex(randomblob(20)) FROM n");
}

std::string garbage(std::size_t size) {
  std::minstd_rand dice(7);
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(dice());
  return bytes;
}

void write(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

void overwrite(const std::string& file, std::streamoff at, const std::string& bytes) {
  std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(at);
  out << bytes;
}

/// `sql` changes the schema's own table, as no statement of a program's may.
void write_schema(const std::string& file, const std::string& sql) {
  make_sound(file);
  exec(file, "PRAGMA writable_schema = ON; " + sql);
}

std::vector<Bad> all() {
  return {
      {"garbage", [](const auto& file) { write(file, garbage(65'536)); }},
      {"text", [](const auto& file) { write(file, std::string(5'000, 'x')); }},
      {"one_byte", [](const auto& file) { write(file, "S"); }, true},
      {"empty", [](const auto& file) { write(file, ""); }, true},
      {"directory", [](const auto& file) { fs::create_directory(file); }},
      {"pipe", [](const auto& file) { EXPECT_EQ(::mkfifo(file.c_str(), 0600), 0); }},
      {"device", [](const auto& file) { fs::create_symlink("/dev/zero", file); }},
      {"loop_of_links", [](const auto& file) { fs::create_symlink(file, file); }},
      {"cut_in_the_header",
       [](const auto& file) {
         make_sound(file);
         fs::resize_file(file, 50);
       }},
      {"cut_in_a_page",
       [](const auto& file) {
         make_sound(file);
         fs::resize_file(file, 3 * 4'096 + 100);
       },
       true},
      {"header_of_other_pages",
       [](const auto& file) {
         make_sound(file);
         overwrite(file, 16, std::string("\x01\x00", 2));
       },
       true},
      {"header_of_a_later_version",
       [](const auto& file) {
         make_sound(file);
         overwrite(file, 18, "\x09\x09");
       },
       true},
      {"pages_of_garbage",
       [](const auto& file) {
         make_sound(file);
         overwrite(file, 4'096, garbage(40'960));
       },
       true},
      {"first_page_of_garbage",
       [](const auto& file) {
         make_sound(file);
         overwrite(file, 100, garbage(3'996));
       },
       true},
      {"log_of_garbage",
       [](const auto& file) {
         make_sound(file);
         exec(file, "PRAGMA journal_mode = WAL");
         write(file + "-wal", garbage(65'536));
         write(file + "-shm", garbage(32'768));
       },
       true},
      {"journal_of_garbage",
       [](const auto& file) {
         make_sound(file);
         write(file + "-journal", garbage(65'536));
       },
       true},
      {"schema_that_does_not_parse",
       [](const auto& file) {
         write_schema(file, "UPDATE sqlite_schema SET sql = 'CREATE TABLE t(((' WHERE name = 't'");
       },
       true},
      {"schema_of_a_far_page",
       [](const auto& file) {
         write_schema(file, "UPDATE sqlite_schema SET rootpage = 999999 WHERE name = 't'");
       },
       true},
      {"two_tables_on_one_page",
       [](const auto& file) { write_schema(file, "UPDATE sqlite_schema SET rootpage = 2"); }, true},
      {"table_that_is_a_view_of_itself",
       [](const auto& file) {
         exec(file, "CREATE VIEW t AS SELECT * FROM u; CREATE VIEW u AS SELECT * FROM t");
       },
       true},
      {"rows_without_an_end",
       [](const auto& file) {
         exec(
             file,
             "CREATE VIEW t(id, v) AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
             "n) SELECT i, hex(zeroblob(5000)) FROM n");
       },
       true},
      {"rows_of_a_huge_size",
       [](const auto& file) {
         exec(file, "CREATE VIEW t(id, v) AS SELECT 1, zeroblob(900000000)");
       },
       true},
      {"text_that_is_none",
       [](const auto& file) {
         make_sound(file);
         exec(file, "UPDATE t SET v = CAST(x'ff00fe80' AS TEXT)");
       },
       true},
  };
}

class HostileFiles : public ::testing::TestWithParam<Bad> {
 protected:
  static io::Call call() {
    return io::Call(io::blocking_waiter(), after(Clock::system().now(), kDeadline));
  }

  /// Whether `action` succeeds. It ends in time, and an error has a code that says what to do.
  template <class Action>
  static bool succeeds(const Action& action) {
    const auto started = Clock::system().now();
    bool succeeded = false;
    try {
      action();
      succeeded = true;
    } catch (const Error& error) {
      EXPECT_THAT(error.code(),
                  AnyOf(Errc::unavailable, Errc::configuration, Errc::timeout,
                        Errc::invalid_argument, Errc::read_only, Errc::outcome_unknown))
          << error.what();
      EXPECT_THAT(error.what(), HasSubstr("hostile"));
    }
    EXPECT_LT(Clock::system().now() - started, kDeadline + kLate);
    return succeeded;
  }

  static void read(Connection& connection, std::string_view sql) {
    Statement statement;
    statement.sql = sql;
    statement.effect = Effect::read;
    const auto rows = run(connection.execute(call(), statement));
    for (std::size_t row = 0; row < rows->row_count(); ++row) {
      for (std::size_t column = 0; column < rows->column_count(); ++column) {
        static_cast<void>(rows->cell(row, column));
      }
    }
  }
};

TEST_P(HostileFiles, HarmNobody) {
  const TemporaryDirectory directory;
  const auto file = (directory.path() / "bad.db").string();
  GetParam().make(file);
  for (const auto access : {Effect::write, Effect::read}) {
    ConnectOptions options;
    options.url = Url::parse("sqlite:" + file + "?max_result_size=16");
    options.node = "hostile";
    options.access = access;
    std::unique_ptr<Connection> connection;
    const bool opened =
        succeeds([&] { connection = run(sqlite::driver().connect(call(), options)); });
    EXPECT_TRUE(GetParam().opens || !opened);
    if (!opened) continue;
    const auto still_open = [&] { return connection->is_open(); };
    if (still_open()) succeeds([&] { run(connection->probe(call())); });
    for (const auto* sql : {"SELECT id, v FROM t", "SELECT v FROM t ORDER BY v",
                            "SELECT count(*) FROM t WHERE v > 'A'", "PRAGMA integrity_check"}) {
      if (still_open()) succeeds([&] { read(*connection, sql); });
    }
    if (access != Effect::write || !still_open()) continue;
    Statement write;
    write.sql = "INSERT INTO t(v) VALUES ('new')";
    succeeds([&] { run(connection->execute(call(), write)); });
  }
}

INSTANTIATE_TEST_SUITE_P(Sqlite, HostileFiles, ::testing::ValuesIn(all()),
                         [](const auto& bad) { return bad.param.name; });

}  // namespace
}  // namespace grant::test
