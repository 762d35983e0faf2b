// How a connection opens and configures its file, and what it tells about it.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <set>
#include <system_error>

#include "driver/sqlite/connection.hpp"
#include "driver/sqlite/errors.hpp"
#include "driver/sqlite/functions.hpp"
#include "grant/core/mutex.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::sqlite {
namespace {

/// The files that this process has had open. Thread-safe.
class KnownFiles {
 public:
  void add(const std::string& file) {
    const Lock lock(mutex_);
    files_.insert(std::filesystem::absolute(file).lexically_normal().string());
  }

  [[nodiscard]] bool contains(const std::string& file) const {
    const Lock lock(mutex_);
    return files_.contains(std::filesystem::absolute(file).lexically_normal().string());
  }

 private:
  mutable Mutex mutex_;
  std::set<std::string> files_ GRANT_GUARDED_BY(mutex_);
  const grant::detail::HeldOverForks held_{mutex_};
};

KnownFiles& known_files() {
  // Never destroyed: connections may be opened while the process ends.
  static auto& files = *new KnownFiles;
  return files;
}

bool may_create(const Options& options) {
  switch (options.missing) {
    case Missing::create: return true;
    case Missing::fail: return false;
    case Missing::create_once: break;
  }
  // A primary whose file was taken away must not come back as an empty one.
  return options.in_memory() || !known_files().contains(options.file);
}

/// What sqlite3_open_v2() takes; a URI for a database in memory that has a name.
std::string name_to_open(const Options& options) {
  if (!options.in_memory()) return options.file;
  return options.memory.empty() ? ":memory:" : fmt::format("file:/{}?vfs=memdb", options.memory);
}

struct Reason {
  Errc code;
  std::string text;
};

/// Whether the process may not use `path` in this way, as access() has it.
bool forbidden(const std::filesystem::path& path, int mode) {
  return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) != 0 &&
         (errno == EACCES || errno == EROFS);
}

/// Why opening `file` failed, from what the file system says; SQLite itself only says "unable to
/// open database file". `otherwise`: when nothing is found.
Reason reason_not_opened(const std::string& file, bool read_only, Reason otherwise) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto status = fs::status(file, error);
  if (fs::is_directory(status)) return {Errc::configuration, "it is a directory"};
  if (error == std::errc::permission_denied) return {Errc::configuration, "permission denied"};
  if (!fs::exists(status)) {
    const auto folder = fs::path(file).parent_path();
    if (!fs::exists(folder, error)) {
      return {Errc::unavailable, fmt::format("the directory {} does not exist", folder.string())};
    }
    return forbidden(folder, W_OK) && !read_only
               ? Reason{Errc::configuration,
                        fmt::format("permission denied: its directory {} is not writable",
                                    folder.string())}
               : Reason{Errc::unavailable, "the file does not exist"};
  }
  if (forbidden(file, read_only ? R_OK : R_OK | W_OK)) {
    return {Errc::configuration, "permission denied"};
  }
  if (forbidden(fs::path(file).parent_path(), W_OK)) {
    return {Errc::configuration,
            fmt::format("its directory {} is not writable, and SQLite must create the files of its "
                        "write-ahead log there: {}-wal and {}-shm",
                        fs::path(file).parent_path().string(), file, file)};
  }
  return otherwise;
}

}  // namespace

void Connection::open() {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (options_.read_only) {
    flags |= SQLITE_OPEN_READONLY;
  } else {
    flags |= SQLITE_OPEN_READWRITE | (may_create(options_) ? SQLITE_OPEN_CREATE : 0);
  }
  give_up_inherited();
  if (!options_.in_memory()) refuse_other_than_files();
  sqlite3* raw = nullptr;
  const std::string file = name_to_open(options_);
  if (!options_.memory.empty()) flags |= SQLITE_OPEN_URI;
  const int code = sqlite3_open_v2(file.c_str(), &raw, flags, nullptr);
  if (raw != nullptr) remember(raw);
  database_.reset(raw);
  if (code != SQLITE_OK) fail_open(code);
  sqlite3_busy_handler(raw, &Connection::on_busy, this);
  sqlite3_set_authorizer(raw, &Connection::on_compile, this);
  sqlite3_progress_handler(raw, kInstructionsBetweenChecks, &Connection::on_progress, this);
}

// Opening a pipe waits for whoever writes to it, and a device may be read for ever.
void Connection::refuse_other_than_files() const {
  std::error_code unknown;
  const auto status = std::filesystem::status(options_.file, unknown);
  if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status) ||
      std::filesystem::is_directory(status)) {
    return;
  }
  throw_at(Errc::configuration, node_,
           fmt::format("cannot open the SQLite file {}: it is no file", options_.file));
}

void Connection::fail_open(int code) const {
  const char* const message = database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
  Reason reason{errc_of(code), message};
  switch (code & 0xff) {
    case SQLITE_NOTADB: reason.text = "it is not an SQLite database"; break;
    case SQLITE_BUSY:
    case SQLITE_INTERRUPT: reason = {Errc::unavailable, about_lock()}; break;
    case SQLITE_READONLY:
      if (code == SQLITE_READONLY) {
        reason = {Errc::configuration, "permission denied: it is not writable"};
      }
      [[fallthrough]];
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      reason = reason_not_opened(options_.file, options_.read_only, std::move(reason));
      break;
    default: break;
  }
  const auto what = options_.in_memory() ? std::string("an SQLite database in memory")
                                         : "the SQLite file " + options_.file;
  throw_at(reason.code, node_, fmt::format("cannot open {}: {}", what, reason.text), code);
}

void Connection::configure() {
  sqlite3* const database = database_.get();
  // Text in double quotes must be a column, as on other engines: otherwise a misspelt column
  // quietly becomes a text.
  sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);

  // What it does with one value, such as comparing it, it does in one piece: no deadline ends that.
  const auto longest = std::min<std::uint64_t>(options_.max_result_size, INT_MAX);
  if (longest != 0) sqlite3_limit(database, SQLITE_LIMIT_LENGTH, static_cast<int>(longest));

  if (const int code = add_functions(database); code != SQLITE_OK) fail_open(code);

  // The first look into the file: tells whether it is a database at all.
  const auto run = [&](const std::string& sql) {
    return sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  };
  if (const int code = run("PRAGMA schema_version"); code != SQLITE_OK) fail_open(code);
  if (!options_.read_only && !options_.in_memory()) {
    // SQLite opens a file read-only, without a word, when it may not write to it.
    if (sqlite3_db_readonly(database, "main") == 1) fail_open(SQLITE_READONLY);
    enter_wal_mode();
  }
  const int code = run("PRAGMA synchronous=" + options_.synchronous);
  if (code != SQLITE_OK) fail_open(code);
  restore_query_only();
  if (!options_.in_memory()) known_files().add(options_.file);
}

void Connection::enter_wal_mode() {
  // SQLite does not call the busy handler for every lock that this takes.
  for (int attempt = 0;; ++attempt) {
    const int code =
        sqlite3_exec(database_.get(), "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return;
    if ((code & 0xff) != SQLITE_BUSY || on_busy(this, attempt) == 0) fail_open(code);
  }
}

std::string Connection::instance() const {
  if (options_.in_memory()) {
    return options_.memory.empty()
               ? fmt::format("memory:{}", static_cast<const void*>(database_.get()))
               : "memory:" + options_.memory;
  }
  const char* const file = sqlite3_db_filename(database_.get(), "main");
  struct stat status {};
  if (::stat(file, &status) != 0) {
    throw_at(Errc::unavailable, node_, fmt::format("the file {} has gone", options_.file));
  }
  std::error_code error;
  const auto canonical = std::filesystem::canonical(file, error);
  return fmt::format("{}:{}:{}", status.st_dev, status.st_ino,
                     error ? std::string(file) : canonical.string());
}

std::optional<Timestamp> Connection::heartbeat(io::Call call) {
  Statement statement;
  statement.effect = Effect::read;
  statement.sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'grant_heartbeat'";
  if (run(call, statement, "cannot probe")->row_count() == 0) return std::nullopt;
  statement.sql = "SELECT at FROM grant_heartbeat WHERE id = 1";
  const auto rows = run(call, statement, "cannot probe");
  if (rows->row_count() == 0 || rows->cell(0, 0).kind() != ValueKind::text) return std::nullopt;
  return parse_timestamp(rows->cell(0, 0).as_characters());
}

Observation Connection::observe(io::Call call) {
  // Open handles go on working on a file that was moved or deleted, so ask.
  int has_moved = 0;
  if (!options_.in_memory()) {
    sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  }
  if (has_moved != 0) {
    throw_at(Errc::unavailable, node_,
             fmt::format("the file {} has been moved, deleted or replaced", options_.file));
  }
  Observation seen;
  seen.kind = kind_;
  seen.instance = instance();
  seen.version = sqlite3_libversion();
  const auto replayed_at = heartbeat(call);  // reads the file in any case
  if (kind_ == NodeKind::replica) {
    seen.replayed_at = replayed_at;
  } else {
    // The machine's is the clock of the database: the server is this process.
    seen.clock = Clock::system().wall_time();
  }
  return seen;
}

}  // namespace grant::sqlite
