// Transactions: how they begin and end, and what statements make of them.
#include <fmt/format.h>

#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/words.hpp"
#include "errors.hpp"

namespace grant::sqlite {

Task<void> SqliteConnection::begin(io::Call call, TransactionOptions options) {
  begin_now(call, options);
  co_return;
}

Task<void> SqliteConnection::commit(io::Call call) {
  commit_now(call);
  co_return;
}

Task<void> SqliteConnection::rollback(io::Call call) {
  rollback_now(call);
  co_return;
}

/// Takes in that a statement of the caller's has ended the transaction that begin() started.
void SqliteConnection::note_end(std::string_view sql) {
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

/// Keeps `in_transaction_` in step after a statement: SQLite ends a transaction by itself when a
/// write inside it is stopped or the disk is full, and the caller must not go on as if it had not.
void SqliteConnection::follow_transaction(bool statement_succeeded) {
  const bool inside = sqlite3_get_autocommit(database_.get()) == 0;
  if (inside || statement_succeeded) in_transaction_ = inside;
  if (!in_transaction_) restore_query_only();
}

void SqliteConnection::restore_query_only() {
  if (query_only_ != settings_.query_only) set_query_only(settings_.query_only);
}

void SqliteConnection::set_query_only(bool on) {
  // Not through run(): this must work whatever became of the transaction and the deadline.
  const int code = sqlite3_exec(database_.get(), on ? "PRAGMA query_only=1" : "PRAGMA query_only=0",
                                nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    open_ = false;
    throw_failure(code, node_, "cannot switch write protection", sqlite3_errmsg(database_.get()));
  }
  query_only_ = on;
}

void SqliteConnection::begin_now(io::Call call, TransactionOptions options) {
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

void SqliteConnection::commit_now(io::Call call) {
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

void SqliteConnection::rollback_now(io::Call call) {
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
