#include "connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "driver/failures.hpp"
#include "errors.hpp"

namespace grant::sqlite {
namespace {

using namespace std::chrono_literals;

}  // namespace

SqliteConnection::OperationScope::OperationScope(SqliteConnection& connection,
                                                 io::Call call) noexcept
    : connection_(connection), outer_(std::exchange(connection.call_, call)) {
  connection_.busy_since_ = kNever;
  // Nobody else changes an idle connection's activity.
  outermost_ = connection_.activity_->load(std::memory_order_relaxed) == Activity::idle;
  if (outermost_ || connection_.stream_ != nullptr) inside_.emplace(gate());
  if (outermost_) connection_.activity_->store(Activity::running, std::memory_order_release);
}

SqliteConnection::OperationScope::~OperationScope() {
  connection_.call_ = outer_;
  if (outermost_ && connection_.stream_ == nullptr) {
    connection_.activity_->store(Activity::idle, std::memory_order_release);
  }
}

SqliteConnection::SqliteConnection(io::Call call, Settings settings, std::string node)
    : settings_(std::move(settings)),
      node_(std::move(node)),
      statements_(settings_.statement_cache_size) {
  if (call.deadline() <= call.now()) {
    throw_at(Errc::unavailable, node_, "the deadline had passed before the file was opened");
  }
  if (gate().is_shut()) throw_error(failures::shut_out(node_, "SQLite"));
  const OperationScope scope(*this, call);
  open();
  configure();
  kind_ = settings_.read_only ? NodeKind::replica : NodeKind::primary;
}

int SqliteConnection::on_progress(void* self) noexcept {
  const auto& connection = *static_cast<const SqliteConnection*>(self);
  if (connection.is_cancelled()) return 1;
  const auto& call = connection.call_;
  return call && call->deadline() != kNever && call->deadline() <= call->now() ? 1 : 0;
}

int SqliteConnection::on_busy(void* self, int count) noexcept {
  auto& connection = *static_cast<SqliteConnection*>(self);
  if (!connection.call_) return 0;
  const io::Call call = *connection.call_;
  const auto time = call.now();
  if (count == 0) {
    connection.busy_since_ = time;
    connection.busy_until_ =
        std::min(call.deadline(), after(time, connection.settings_.busy_timeout));
  }
  if (time >= connection.busy_until_ || connection.is_cancelled()) return 0;
  const Duration pause = std::min(count + 1, 20) * 1ms;
  {
    // SQLite holds no lock of its own here, and a fork need not wait for this.
    const grant::detail::LibraryGate::Outside outside(gate());
    io::Wait wait;
    wait.deadline = std::min(after(time, pause), connection.busy_until_);
    call.waiter().finish_now(wait);
  }
  return 1;
}

/// What is in the way, and how long it was waited for.
std::string SqliteConnection::about_lock() const {
  // SQLite does not wait where that could never help.
  const auto waited = busy_since_ == kNever ? Duration::zero() : call_->now() - busy_since_;
  const bool by_deadline = busy_since_ != kNever && busy_until_ == call_->deadline();
  return fmt::format(
      "{} is locked by another connection, perhaps of another process; waited {} ms ({} {} ms)",
      settings_.in_memory() ? "the database" : "the file " + settings_.file,
      std::chrono::duration_cast<std::chrono::milliseconds>(waited).count(),
      by_deadline ? "up to the deadline; busy_timeout is" : "busy_timeout is",
      settings_.busy_timeout.count());
}

void SqliteConnection::refuse_in_child() const {
  if (forks_ != grant::detail::forks()) throw_error(failures::of_parent(node_));
}

void SqliteConnection::refuse_unless_ready(io::Call call, std::string_view tried) const {
  refuse_in_child();
  if (!open_) throw_at(Errc::unavailable, node_, fmt::format("{}: connection is closed", tried));
  refuse_while_streaming(tried);
  if (call.deadline() != kNever && call.deadline() <= call.now()) {
    throw_at(Errc::timeout, node_,
             fmt::format("{}: the deadline had passed before it started", tried));
  }
}

void SqliteConnection::refuse_while_streaming(std::string_view tried) const {
  if (stream_ == nullptr) return;
  throw_at(Errc::invalid_argument, node_,
           fmt::format("{}: a stream is open on the connection; close it first", tried));
}

void SqliteConnection::refuse_failed_transaction(std::string_view tried) const {
  if (transaction_state() != TransactionState::failed) return;
  if (failed_by_) throw_error(failures::failed_before(*failed_by_, tried));
  throw_at(
      Errc::invalid_argument, node_,
      fmt::format("{}: an earlier error has ended the transaction; roll it back first", tried));
}

void SqliteConnection::fail(int code, std::string_view tried, const Statement& statement) {
  try {
    fail_as_it_stands(code, tried, statement);
  } catch (const Error& error) {
    if (transaction_state() == TransactionState::failed && !failed_by_) failed_by_ = error.info();
    throw;
  }
}

void SqliteConnection::fail_as_it_stands(int code, std::string_view tried,
                                         const Statement& statement) {
  const std::string words = sqlite3_errmsg(database_.get());
  std::string message = told(code, words, !statement.sql.empty(), statement.params);
  const bool commits_by_itself = !in_transaction_ && statement.effect == Effect::write;
  follow_transaction(false);
  const int primary = code & 0xff;
  if ((code == SQLITE_INTERRUPT || primary == SQLITE_BUSY) && take_cancellation()) {
    throw_at(Errc::cancelled, node_, fmt::format("{}: it was cancelled", tried), code);
  }
  if (code == SQLITE_INTERRUPT) {
    message = "it did not end within the deadline and was stopped";
  } else if (primary == SQLITE_BUSY && code != SQLITE_BUSY_SNAPSHOT) {
    message = about_lock();
  } else if (primary == SQLITE_READONLY && settings_.query_only) {
    message = "it writes, but was marked as a read";
  } else if (primary == SQLITE_READONLY && query_only_) {
    message = "it writes, but the transaction is for reading";
  } else if (const auto limit = limit_met(code, message)) {
    message +=
        fmt::format(": SQLite takes no more than {}", sqlite3_limit(database_.get(), *limit, -1));
  } else if (primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
    open_ = false;  // nothing good comes from a handle whose file cannot be read any more
    if (!settings_.in_memory()) message += fmt::format(" (file {})", settings_.file);
    // The last page may have reached the file all the same.
    if (primary == SQLITE_IOERR && commits_by_itself) {
      throw_at(Errc::outcome_unknown, node_, fmt::format("{}: {}", tried, message), code);
    }
  }
  throw_failure(code, node_, tried, message, words);
}

TransactionState SqliteConnection::transaction_state() const noexcept {
  if (sqlite3_get_autocommit(database_.get()) == 0) return TransactionState::open;
  return in_transaction_ ? TransactionState::failed : TransactionState::none;
}

}  // namespace grant::sqlite
