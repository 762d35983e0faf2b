// What a file is asked about itself.
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "connection.hpp"
#include "errors.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::sqlite {

Task<Observation> SqliteConnection::probe(io::Call call) { co_return observe(call); }

std::string SqliteConnection::instance() const {
  if (settings_.in_memory()) {
    return settings_.memory.empty()
               ? fmt::format("memory:{}", static_cast<const void*>(database_.get()))
               : "memory:" + settings_.memory;
  }
  const char* const file = sqlite3_db_filename(database_.get(), "main");
  struct stat status {};
  if (::stat(file, &status) != 0) {
    throw_at(Errc::unavailable, node_, fmt::format("the file {} has gone", settings_.file));
  }
  std::error_code error;
  const auto canonical = std::filesystem::canonical(file, error);
  return fmt::format("{}:{}:{}", status.st_dev, status.st_ino,
                     error ? std::string(file) : canonical.string());
}

std::optional<Timestamp> SqliteConnection::heartbeat(io::Call call) {
  Statement statement;
  statement.effect = Effect::read;
  statement.sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'grant_heartbeat'";
  if (run(call, statement, "cannot probe")->row_count() == 0) return std::nullopt;
  statement.sql = "SELECT at FROM grant_heartbeat WHERE id = 1";
  const auto rows = run(call, statement, "cannot probe");
  if (rows->row_count() == 0 || rows->cell(0, 0).kind() != ValueKind::text) return std::nullopt;
  return parse_timestamp(rows->cell(0, 0).as_characters());
}

Observation SqliteConnection::observe(io::Call call) {
  // Open handles go on working on a file that was moved or deleted, so ask.
  int has_moved = 0;
  if (!settings_.in_memory()) {
    sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  }
  if (has_moved != 0) {
    throw_at(Errc::unavailable, node_,
             fmt::format("the file {} has been moved, deleted or replaced", settings_.file));
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
