// How a connection opens and configures its file.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <set>
#include <system_error>

#include "connection.hpp"
#include "errors.hpp"
#include "functions.hpp"
#include "grant/core/mutex.hpp"

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

bool may_create(const Settings& options) {
  switch (options.missing) {
    case Missing::create: return true;
    case Missing::fail: return false;
    case Missing::create_once: break;
  }
  // A primary whose file was taken away must not come back as an empty one.
  return options.in_memory() || !known_files().contains(options.file);
}

/// What sqlite3_open_v2() takes; a URI for a database in memory that has a name.
std::string name_to_open(const Settings& options) {
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

void SqliteConnection::open() {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (settings_.read_only) {
    flags |= SQLITE_OPEN_READONLY;
  } else {
    flags |= SQLITE_OPEN_READWRITE | (may_create(settings_) ? SQLITE_OPEN_CREATE : 0);
  }
  give_up_inherited();
  if (!settings_.in_memory()) refuse_other_than_files();
  sqlite3* raw = nullptr;
  const std::string file = name_to_open(settings_);
  if (!settings_.memory.empty()) flags |= SQLITE_OPEN_URI;
  const int code = sqlite3_open_v2(file.c_str(), &raw, flags, nullptr);
  if (raw != nullptr) remember(raw);
  database_.reset(raw);
  if (code != SQLITE_OK) fail_open(code);
  sqlite3_busy_handler(raw, &SqliteConnection::on_busy, this);
  sqlite3_set_authorizer(raw, &SqliteConnection::on_compile, this);
  sqlite3_progress_handler(raw, kInstructionsBetweenChecks, &SqliteConnection::on_progress, this);
}

// Opening a pipe waits for whoever writes to it, and a device may be read for ever.
void SqliteConnection::refuse_other_than_files() const {
  std::error_code unknown;
  const auto status = std::filesystem::status(settings_.file, unknown);
  if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status) ||
      std::filesystem::is_directory(status)) {
    return;
  }
  throw_at(Errc::configuration, node_,
           fmt::format("cannot open the SQLite file {}: it is no file", settings_.file));
}

void SqliteConnection::fail_open(int code) const {
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
      reason = reason_not_opened(settings_.file, settings_.read_only, std::move(reason));
      break;
    default: break;
  }
  const auto what = settings_.in_memory() ? std::string("an SQLite database in memory")
                                          : "the SQLite file " + settings_.file;
  throw_at(reason.code, node_, fmt::format("cannot open {}: {}", what, reason.text), code);
}

void SqliteConnection::configure() {
  sqlite3* const database = database_.get();
  // Text in double quotes must be a column, as on other engines: otherwise a misspelt column
  // quietly becomes a text.
  sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);

  // What it does with one value, such as comparing it, it does in one piece: no deadline ends that.
  const auto longest = std::min<std::uint64_t>(settings_.max_result_size, INT_MAX);
  if (longest != 0) sqlite3_limit(database, SQLITE_LIMIT_LENGTH, static_cast<int>(longest));

  if (const int code = add_functions(database); code != SQLITE_OK) fail_open(code);

  // The first look into the file: tells whether it is a database at all.
  const auto run = [&](const std::string& sql) {
    return sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  };
  if (const int code = run("PRAGMA schema_version"); code != SQLITE_OK) fail_open(code);
  if (!settings_.read_only && !settings_.in_memory()) {
    // SQLite opens a file read-only, without a word, when it may not write to it.
    if (sqlite3_db_readonly(database, "main") == 1) fail_open(SQLITE_READONLY);
    enter_wal_mode();
  }
  const int code = run("PRAGMA synchronous=" + settings_.synchronous);
  if (code != SQLITE_OK) fail_open(code);
  restore_query_only();
  if (!settings_.in_memory()) known_files().add(settings_.file);
}

void SqliteConnection::enter_wal_mode() {
  // SQLite does not call the busy handler for every lock that this takes.
  for (int attempt = 0;; ++attempt) {
    const int code =
        sqlite3_exec(database_.get(), "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return;
    if ((code & 0xff) != SQLITE_BUSY || on_busy(this, attempt) == 0) fail_open(code);
  }
}

}  // namespace grant::sqlite
