#include "grant/driver/sqlite/refresher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "driver/failures.hpp"
#include "errors.hpp"
#include "grant/core/clock.hpp"
#include "grant/core/error.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/io/runtime.hpp"
#include "handles.hpp"
#include "io/signals_blocked.hpp"

namespace grant::sqlite {
namespace {

constexpr int kBusyTimeoutMilliseconds = 1'000;

enum class IfMissing { create, fail };

void check(int code, sqlite3* database, const std::string& file, std::string_view tried) {
  if (code == SQLITE_OK) return;
  const int extended = database == nullptr ? code : sqlite3_extended_errcode(database);
  throw_failure(extended, {}, fmt::format("{} {}", tried, file),
                database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database));
}

Database open_file(const std::string& file, IfMissing if_missing) {
  // "./" keeps SQLite from taking a name such as "file:x" for a URI of its own.
  const auto name = file.starts_with('/') ? file : "./" + file;
  const int create = if_missing == IfMissing::create ? SQLITE_OPEN_CREATE : 0;
  if (gate().is_shut()) throw_error(failures::shut_out({}, "SQLite"));
  const grant::detail::LibraryGate::Inside inside(gate());
  give_up_inherited();
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &raw,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | create, nullptr);
  if (raw != nullptr) remember(raw);
  Database database(raw);
  check(code, raw, file, "cannot open");
  sqlite3_busy_timeout(raw, kBusyTimeoutMilliseconds);
  return database;
}

void execute(const Database& database, const std::string& file, const std::string& sql) {
  const grant::detail::LibraryGate::Inside inside(gate());
  check(sqlite3_exec(database.get(), sql.c_str(), nullptr, nullptr, nullptr), database.get(), file,
        "cannot write to");
}

void beat(const Database& primary, const std::string& file) {
  execute(primary, file,
          "CREATE TABLE IF NOT EXISTS grant_heartbeat"
          " (id INTEGER PRIMARY KEY CHECK (id = 1), at TEXT NOT NULL)");
  execute(primary, file,
          fmt::format("INSERT INTO grant_heartbeat (id, at) VALUES (1, '{}')"
                      " ON CONFLICT (id) DO UPDATE SET at = excluded.at",
                      format_timestamp(Clock::system().wall_time())));
}

void copy(const Database& primary, const std::string& file, IfMissing if_missing) {
  const auto replica = open_file(file, if_missing);
  const grant::detail::LibraryGate::Inside inside(gate());
  sqlite3_backup* const backup = sqlite3_backup_init(replica.get(), "main", primary.get(), "main");
  if (backup == nullptr)
    check(sqlite3_errcode(replica.get()), replica.get(), file, "cannot copy to");
  sqlite3_backup_step(backup, -1);
  check(sqlite3_backup_finish(backup), replica.get(), file, "cannot copy to");
  // A copy does not move the log into the file as other writes do: with a reader always connected
  // the log would grow without end.
  sqlite3_wal_checkpoint_v2(replica.get(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

void validate(const RefresherOptions& options) {
  if (options.primary.empty()) {
    throw_error(Errc::configuration, "RefresherOptions::primary is empty");
  }
  if (options.replicas.empty()) {
    throw_error(Errc::configuration, "RefresherOptions::replicas is empty");
  }
  if (std::ranges::find(options.replicas, options.primary) != options.replicas.end()) {
    throw_error(Errc::configuration, "RefresherOptions::replicas holds the primary");
  }
  if (options.interval <= std::chrono::milliseconds::zero()) {
    throw_error(Errc::configuration,
                fmt::format("RefresherOptions::interval is {} ms: it must be more than 0",
                            options.interval.count()));
  }
}

}  // namespace

Refresher::Refresher(RefresherOptions options)
    : forks_(grant::detail::forks()),
      options_(std::move(options)),
      changed_(std::make_unique<Condition>()) {
  validate(options_);
  const auto primary = open_file(options_.primary, IfMissing::create);
  execute(primary, options_.primary, "PRAGMA journal_mode=WAL");
  beat(primary, options_.primary);
  for (const auto& file : options_.replicas) copy(primary, file, IfMissing::create);

  next_ = after(io::system_runtime().now(), options_.interval);
  for (const auto& file : options_.replicas) errors_.emplace(file, "");
  const io::SignalsBlocked blocked;
  thread_ = std::thread([this] { loop(); });
}

Refresher::~Refresher() {
  if (forks_ != grant::detail::forks()) {
    // The thread did not come along, and to end what it waits on would wait for it.
    static_cast<void>(changed_.release());
    static_cast<void>(new std::thread(std::move(thread_)));
    return;
  }
  {
    const Lock lock(mutex_);
    stopping_ = true;
  }
  changed_->notify_all();
  thread_.join();
}

void Refresher::refuse_in_child() const {
  if (forks_ == grant::detail::forks()) return;
  throw_error(Errc::closed,
              "the refresher belongs to the process that this one was forked from: make one here");
}

void Refresher::refresh_now() {
  refuse_in_child();
  const Lock lock(mutex_);
  const auto mine = ++requested_;
  changed_->notify_all();
  while (served_ < mine) changed_->wait(mutex_);
}

void Refresher::pause() {
  refuse_in_child();
  const Lock lock(mutex_);
  paused_ = true;
  while (copying_) changed_->wait(mutex_);
}

void Refresher::resume() {
  refuse_in_child();
  const Lock lock(mutex_);
  paused_ = false;
  changed_->notify_all();
}

std::string Refresher::last_error(std::string_view replica) const {
  refuse_in_child();
  const Lock lock(mutex_);
  const auto found = errors_.find(replica);
  if (found == errors_.end()) {
    throw_error(Errc::invalid_argument, fmt::format("no replica {} to be refreshed", replica));
  }
  return found->second;
}

void Refresher::loop() {
  while (wait_for_turn()) finish_turn(copy_to_all());
}

/// False: stop.
bool Refresher::wait_for_turn() {
  const Lock lock(mutex_);
  while (true) {
    if (stopping_) return false;
    const bool due = !paused_ && next_ <= io::system_runtime().now();
    if (due || requested_ > served_) break;
    changed_->wait_until(mutex_, paused_ ? kNever : next_);
  }
  serving_ = requested_;
  copying_ = true;
  return true;
}

void Refresher::finish_turn(Errors errors) {
  {
    const Lock lock(mutex_);
    errors_ = std::move(errors);
    copying_ = false;
    served_ = serving_;
    next_ = after(io::system_runtime().now(), options_.interval);
  }
  changed_->notify_all();
}

Refresher::Errors Refresher::copy_to_all() const {
  Errors errors;
  Database primary;
  std::string primary_error;
  try {
    // Opened anew each time: open handles go on working on a file that was moved away.
    primary = open_file(options_.primary, IfMissing::fail);
    beat(primary, options_.primary);
  } catch (const std::exception& error) {
    primary_error = error.what();
  }
  for (const auto& file : options_.replicas) {
    auto& outcome = errors[file] = primary_error;
    if (!outcome.empty()) continue;
    try {
      copy(primary, file, IfMissing::fail);
    } catch (const std::exception& error) {
      outcome = error.what();
    }
  }
  return errors;
}

}  // namespace grant::sqlite
