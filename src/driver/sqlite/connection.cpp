#include "driver/sqlite/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "driver/failures.hpp"
#include "driver/sqlite/errors.hpp"
#include "driver/sqlite/lexer.hpp"
#include "driver/words.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kExecuting = "cannot execute the statement";

/// Whether `rest`, the text after the first statement, holds another one or is not SQL.
bool has_statement(sqlite3* database, std::string_view rest) {
  while (!rest.empty()) {
    sqlite3_stmt* raw = nullptr;
    const char* tail = nullptr;
    const int code =
        sqlite3_prepare_v3(database, rest.data(), static_cast<int>(rest.size()), 0, &raw, &tail);
    const StatementHandle handle(raw);
    if (code != SQLITE_OK || handle) return true;
    const auto taken = static_cast<std::size_t>(tail - rest.data());
    if (taken == 0) return false;
    rest.remove_prefix(taken);
  }
  return false;
}

}  // namespace

Connection::OperationScope::OperationScope(Connection& connection, io::Call call) noexcept
    : connection_(connection), outer_(std::exchange(connection.call_, call)) {
  connection_.busy_since_ = kNever;
  // Nobody else changes an idle connection's activity.
  outermost_ = connection_.activity_->load(std::memory_order_relaxed) == Activity::idle;
  if (outermost_ || connection_.stream_ != nullptr) inside_.emplace(gate());
  if (outermost_) connection_.activity_->store(Activity::running, std::memory_order_release);
}

Connection::OperationScope::~OperationScope() {
  connection_.call_ = outer_;
  if (outermost_ && connection_.stream_ == nullptr) {
    connection_.activity_->store(Activity::idle, std::memory_order_release);
  }
}

Connection::Connection(io::Call call, Options options, std::string node)
    : options_(std::move(options)),
      node_(std::move(node)),
      statements_(options_.statement_cache_size) {
  if (call.deadline() <= call.now()) {
    throw_at(Errc::unavailable, node_, "the deadline had passed before the file was opened");
  }
  if (gate().is_shut()) throw_error(failures::shut_out(node_, "SQLite"));
  const OperationScope scope(*this, call);
  open();
  configure();
  kind_ = options_.read_only ? NodeKind::replica : NodeKind::primary;
}

int Connection::on_progress(void* self) noexcept {
  const auto& connection = *static_cast<const Connection*>(self);
  if (connection.is_cancelled()) return 1;
  const auto& call = connection.call_;
  return call && call->deadline() != kNever && call->deadline() <= call->now() ? 1 : 0;
}

int Connection::on_busy(void* self, int count) noexcept {
  auto& connection = *static_cast<Connection*>(self);
  if (!connection.call_) return 0;
  const io::Call call = *connection.call_;
  const auto time = call.now();
  if (count == 0) {
    connection.busy_since_ = time;
    connection.busy_until_ =
        std::min(call.deadline(), after(time, connection.options_.busy_timeout));
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

bool Connection::is_cancelled() const noexcept { return *activity_ == Activity::cancelled; }

/// Whether the operation under way was cancelled; what cleans up after it is not.
bool Connection::take_cancellation() noexcept {
  auto cancelled = Activity::cancelled;
  return activity_->compare_exchange_strong(cancelled, Activity::running);
}

/// What is in the way, and how long it was waited for.
std::string Connection::about_lock() const {
  // SQLite does not wait where that could never help.
  const auto waited = busy_since_ == kNever ? Duration::zero() : call_->now() - busy_since_;
  const bool by_deadline = busy_since_ != kNever && busy_until_ == call_->deadline();
  return fmt::format(
      "{} is locked by another connection, perhaps of another process; waited {} ms ({} {} ms)",
      options_.in_memory() ? "the database" : "the file " + options_.file,
      std::chrono::duration_cast<std::chrono::milliseconds>(waited).count(),
      by_deadline ? "up to the deadline; busy_timeout is" : "busy_timeout is",
      options_.busy_timeout.count());
}

Prepared& Connection::prepared(std::string_view sql, std::string_view tried) {
  if (Prepared* const known = statements_.find(sql)) return *known;

  if (sql.find('\0') != std::string_view::npos) {
    throw_at(Errc::invalid_argument, node_, fmt::format("{}: a NUL character in its text", tried));
  }
  const auto longest =
      static_cast<std::size_t>(sqlite3_limit(database_.get(), SQLITE_LIMIT_SQL_LENGTH, -1));
  if (sql.size() > longest) {
    throw_at(Errc::invalid_argument, node_,
             fmt::format("{}: its text takes {} bytes, and SQLite takes no more than {}", tried,
                         sql.size(), longest),
             SQLITE_TOOBIG);
  }
  const bool keep = statements_.capacity() > 0;
  Prepared made;
  made.sql = sql;
  const auto text = rewrite_placeholders(
      sql, sqlite3_limit(database_.get(), SQLITE_LIMIT_VARIABLE_NUMBER, -1), node_);
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  compiled_changes_session_ = false;
  compiled_is_about_transaction_ = false;
  const int code =
      sqlite3_prepare_v3(database_.get(), text.c_str(), static_cast<int>(text.size() + 1),
                         keep ? SQLITE_PREPARE_PERSISTENT : 0, &raw, &tail);
  made.handle.reset(raw);
  made.changes_session = compiled_changes_session_;
  made.is_about_transaction = compiled_is_about_transaction_;
  if (code != SQLITE_OK) fail(code, tried, {});
  if (!made.handle) throw_at(Errc::invalid_argument, node_, fmt::format("{}: it is empty", tried));
  if (has_statement(database_.get(),
                    std::string_view(text).substr(static_cast<std::size_t>(tail - text.c_str())))) {
    throw_at(Errc::invalid_argument, node_,
             fmt::format("{}: its text holds more than one statement", tried));
  }
  made.placeholders = placeholders_of(made.handle.get(), node_);
  if (!keep) return uncached_.emplace(std::move(made));
  Prepared* const kept = statements_.insert(std::move(made));
  statements_.discarded().clear();  // nobody else has to be told
  return *kept;
}

void Connection::refuse_in_child() const {
  if (forks_ != grant::detail::forks()) throw_error(failures::of_parent(node_));
}

void Connection::refuse_unless_ready(io::Call call, std::string_view tried) const {
  refuse_in_child();
  if (!open_) throw_at(Errc::unavailable, node_, fmt::format("{}: connection is closed", tried));
  refuse_while_streaming(tried);
  if (call.deadline() != kNever && call.deadline() <= call.now()) {
    throw_at(Errc::timeout, node_,
             fmt::format("{}: the deadline had passed before it started", tried));
  }
}

void Connection::refuse_while_streaming(std::string_view tried) const {
  if (stream_ == nullptr) return;
  throw_at(Errc::invalid_argument, node_,
           fmt::format("{}: a stream is open on the connection; close it first", tried));
}

void Connection::refuse_failed_transaction(std::string_view tried) const {
  if (transaction_state() != TransactionState::failed) return;
  if (failed_by_) throw_error(failures::failed_before(*failed_by_, tried));
  throw_at(
      Errc::invalid_argument, node_,
      fmt::format("{}: an earlier error has ended the transaction; roll it back first", tried));
}

void Connection::refuse_guarded(const Prepared& prepared, std::string_view tried) const {
  const bool reads = sqlite3_stmt_readonly(prepared.handle.get()) != 0;
  if (reads && !prepared.changes_session && !prepared.is_about_transaction) return;
  const auto* const why = !reads                     ? "it writes"
                          : prepared.changes_session ? "it changes the connection"
                                                     : "it is about the transaction";
  throw_error(
      failures::guarded(failures::at(node_, Errc::read_only, fmt::format("{}: {}", tried, why))));
}

std::unique_ptr<Result> Connection::run(io::Call call, const Statement& statement,
                                        std::string_view tried) try {
  refuse_unless_ready(call, tried);
  const OperationScope scope(*this, call);
  Prepared& used = prepared(statement.sql, tried);
  sqlite3_stmt* const handle = used.handle.get();
  const ResetScope reset(handle);
  if (statement.guarded) refuse_guarded(used, tried);
  bind_params(handle, used.placeholders, statement.params, node_);
  if (used.changes_session) session_changed_ = true;

  const auto changes_before = sqlite3_total_changes64(database_.get());
  auto result = std::make_unique<BufferedResult>();
  int code = sqlite3_step(handle);
  if (code == SQLITE_ROW || code == SQLITE_DONE) result->set_columns(used.columns());
  for (; code == SQLITE_ROW; code = sqlite3_step(handle)) {
    result->add_row(handle);
    const auto most = options_.max_result_size;
    if (most != 0 && result->size() > most) {
      const bool reads = sqlite3_stmt_readonly(handle) != 0;
      throw_error(failures::too_large(node_, reads ? Effect::read : Effect::write, most));
    }
  }
  if (code != SQLITE_DONE) fail(code, tried, statement);

  // SQLite's count of changed rows is left over from an earlier statement unless this one changed
  // any; the total tells.
  if (sqlite3_total_changes64(database_.get()) != changes_before) {
    result->set_affected_rows(static_cast<std::uint64_t>(sqlite3_changes64(database_.get())));
  }
  follow_transaction(true);
  note_end(statement.sql);
  return result;
} catch (const std::bad_alloc&) {
  throw_error(failures::no_memory(node_, statement.effect));
}

/// Takes in that a statement of the caller's has ended the transaction that begin() started.
void Connection::note_end(std::string_view sql) {
  if (!begun_ || in_transaction_ || ended_ != TransactionEnd::none) return;
  driver::Words words(sql);
  ended_ = TransactionEnd::unknown;
  // A comment may stand before it.
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    const bool commits = driver::is_word(word, "COMMIT") || driver::is_word(word, "END");
    if (!commits && !driver::is_word(word, "ROLLBACK")) continue;
    ended_ = commits ? TransactionEnd::committed : TransactionEnd::rolled_back;
    return;
  }
}

void Connection::run_plain(io::Call call, std::string_view sql, std::string_view tried) {
  Statement statement;
  statement.sql = sql;
  statement.effect = Effect::read;  // commit_now() sorts its own errors
  static_cast<void>(run(call, statement, tried));
}

void Connection::fail(int code, std::string_view tried, const Statement& statement) {
  try {
    fail_as_it_stands(code, tried, statement);
  } catch (const Error& error) {
    if (transaction_state() == TransactionState::failed && !failed_by_) failed_by_ = error.info();
    throw;
  }
}

void Connection::fail_as_it_stands(int code, std::string_view tried, const Statement& statement) {
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
  } else if (primary == SQLITE_READONLY && options_.query_only) {
    message = "it writes, but was marked as a read";
  } else if (primary == SQLITE_READONLY && query_only_) {
    message = "it writes, but the transaction is for reading";
  } else if (const auto limit = limit_met(code, message)) {
    message +=
        fmt::format(": SQLite takes no more than {}", sqlite3_limit(database_.get(), *limit, -1));
  } else if (primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
    open_ = false;  // nothing good comes from a handle whose file cannot be read any more
    if (!options_.in_memory()) message += fmt::format(" (file {})", options_.file);
    // The last page may have reached the file all the same.
    if (primary == SQLITE_IOERR && commits_by_itself) {
      throw_at(Errc::outcome_unknown, node_, fmt::format("{}: {}", tried, message), code);
    }
  }
  throw_failure(code, node_, tried, message, words);
}

/// Keeps `in_transaction_` in step after a statement: SQLite ends a transaction by itself when a
/// write inside it is stopped or the disk is full, and the caller must not go on as if it had not.
void Connection::follow_transaction(bool statement_succeeded) {
  const bool inside = sqlite3_get_autocommit(database_.get()) == 0;
  if (inside || statement_succeeded) in_transaction_ = inside;
  if (!in_transaction_) restore_query_only();
}

void Connection::restore_query_only() {
  if (query_only_ != options_.query_only) set_query_only(options_.query_only);
}

void Connection::set_query_only(bool on) {
  // Not through run(): this must work whatever became of the transaction and the deadline.
  const int code = sqlite3_exec(database_.get(), on ? "PRAGMA query_only=1" : "PRAGMA query_only=0",
                                nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    open_ = false;
    throw_failure(code, node_, "cannot switch write protection", sqlite3_errmsg(database_.get()));
  }
  query_only_ = on;
}

TransactionState Connection::transaction_state() const noexcept {
  if (sqlite3_get_autocommit(database_.get()) == 0) return TransactionState::open;
  return in_transaction_ ? TransactionState::failed : TransactionState::none;
}

Task<std::unique_ptr<Result>> Connection::execute(io::Call call, Statement statement) {
  refuse_failed_transaction(kExecuting);
  co_return run(call, statement, kExecuting);
}

Task<void> Connection::begin(io::Call call, TransactionOptions options) {
  begin_now(call, options);
  co_return;
}

Task<void> Connection::commit(io::Call call) {
  commit_now(call);
  co_return;
}

Task<void> Connection::rollback(io::Call call) {
  rollback_now(call);
  co_return;
}

std::shared_ptr<Canceller> Connection::canceller() {
  if (!open_) return nullptr;
  return std::make_shared<NoteCanceller>(activity_);
}

Task<Observation> Connection::probe(io::Call call) { co_return observe(call); }

void Connection::begin_now(io::Call call, TransactionOptions options) {
  constexpr std::string_view tried = "cannot begin a transaction";
  if (in_transaction_) {
    throw_at(Errc::invalid_argument, node_, fmt::format("{}: one is open already", tried));
  }
  const bool writes = options.effect == Effect::write;
  begun_ = false;
  run_plain(call, writes ? "BEGIN IMMEDIATE" : "BEGIN", tried);
  begun_ = true;
  ended_ = TransactionEnd::none;
  failed_by_.reset();
  if (!writes && !query_only_) set_query_only(true);
}

void Connection::commit_now(io::Call call) {
  constexpr std::string_view tried = "cannot commit";
  refuse_while_streaming(tried);
  begun_ = false;
  ended_ = TransactionEnd::none;
  if (transaction_state() == TransactionState::failed) {
    in_transaction_ = false;
    if (failed_by_) {
      throw_error(failures::failed_before(*std::exchange(failed_by_, std::nullopt),
                                          "the transaction was rolled back"));
    }
    throw_at(Errc::conflict, node_,
             fmt::format("{}: an earlier error has rolled the transaction back", tried));
  }
  try {
    run_plain(call, "COMMIT", tried);
  } catch (const Error& error) {
    // As on a server, a commit that fails has ended the transaction; SQLite would keep it open.
    if (in_transaction_ && open_) rollback_now(call);
    if ((error.native() & 0xff) != SQLITE_IOERR) throw;
    // The last page may have reached the file all the same.
    ErrorInfo info = error.info();
    info.code = Errc::outcome_unknown;
    throw_error(std::move(info));
  }
}

void Connection::rollback_now(io::Call call) {
  constexpr std::string_view tried = "cannot roll back";
  refuse_in_child();
  refuse_while_streaming(tried);
  take_cancellation();
  begun_ = false;
  ended_ = TransactionEnd::none;
  failed_by_.reset();
  if (transaction_state() == TransactionState::open) {
    // It waits for nothing, so a passed deadline is no reason to leave the transaction open.
    run_plain(io::Call(call.waiter()), "ROLLBACK", tried);
  } else {
    in_transaction_ = false;
    restore_query_only();
  }
}

}  // namespace grant::sqlite
