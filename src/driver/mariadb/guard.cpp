// What statements leave behind that fail, and those that the server is told to refuse.
#include "guard.hpp"

#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "grant/core/codec.hpp"
#include "grant/core/error.hpp"
#include "lexer.hpp"
#include "result.hpp"

namespace grant::mariadb {
namespace {

constexpr std::string_view kSavepoint = "SAVEPOINT grant_guard";
constexpr std::string_view kBack = "ROLLBACK TO SAVEPOINT grant_guard";
constexpr std::string_view kForget = "RELEASE SAVEPOINT grant_guard";

// "Some non-transactional changed tables couldn't be rolled back", and Aria's own words.
constexpr std::int64_t kNotRolledBack = 1196;
constexpr std::int64_t kNoRollback = 4173;

// "The storage engine for the table doesn't support SAVEPOINT": Aria is in the transaction.
constexpr unsigned int kNoSavepoint = 1178;

}  // namespace

MariadbConnection::Operation MariadbConnection::operation_of(const Statement& statement,
                                                             Commits commits,
                                                             driver::Stopwatch watch) const {
  Operation operation{statement.effect, watch};
  operation.in_transaction = in_transaction();
  operation.guarded = statement.guarded;
  operation.writes = statement.effect == Effect::write;
  operation.commits = commits;
  // Losing it before the commit loses the transaction, and nothing else.
  const bool keeps = commits != Commits::never || wrote_for_good();
  if (operation.in_transaction && !keeps) operation.effect = Effect::read;
  return operation;
}

Task<bool> MariadbConnection::kept_changes(io::Call call, bool in_transaction) {
  if (in_transaction && wrote_for_good()) co_return true;
  const bool cancelled = std::exchange(cancelling_, false);
  const auto interrupted = std::exchange(interrupted_, io::Outcome::ready);
  const auto failure = failure_;
  const driver::Stopwatch watch(call);
  const io::Call grace(call.waiter(), after(watch.started(), target_->settings.cancel_timeout));
  const io::Call limited = cancelled ? grace : call;
  const Operation operation{Effect::read, watch, AtDeadline::close};
  bool kept = true;
  try {
    Prepared text;
    if (in_transaction) {
      // Going back by nothing tells what cannot be gone back by.
      bool asked = true;
      bool refused = false;
      for (const auto command : {kSavepoint, kBack}) {
        text.sql = command;
        auto answer = co_await run_text(limited, operation, &text);
        // Once more: a request to cancel may have been late.
        if (!answer && is_interruption(failure_.number)) {
          answer = co_await run_text(limited, operation, &text);
        }
        refused = refused || (!answer && failure_.number == kNoSavepoint);
        // Without a transaction there is no such savepoint.
        asked = asked && answer;
      }
      kept = refused || (asked && mysql_warning_count(handle_.get()) > 0);
    } else {
      text.sql = "SHOW WARNINGS";
      auto warnings = co_await run_text(limited, operation, &text);
      if (!warnings && is_interruption(failure_.number)) {
        warnings = co_await run_text(limited, operation, &text);
      }
      constexpr std::size_t columns = 3;
      kept = !warnings || warnings->column_count() != columns;
      for (std::size_t i = 0; !kept && i < warnings->row_count(); ++i) {
        const auto code = warnings->cell(i, 1);
        const auto number = Codec<std::int64_t>::decode(code);
        kept = number == kNotRolledBack || number == kNoRollback;
      }
    }
  } catch (const Error&) {
    // The connection is gone: what came first matters more.
  }
  failure_ = failure;
  if (handle_) cancelling_ = cancelled;
  if (handle_) interrupted_ = interrupted;
  co_return kept;
}

void MariadbConnection::refuse_unguardable(const Prepared& prepared) const {
  // The server tells at once whether a statement gives rows: what changes something gives none, but
  // for what its first word shows.
  const bool gives_rows = prepared.handle && mysql_stmt_field_count(prepared.handle.get()) > 0;
  const auto& sql = prepared.sql;
  if (gives_rows && is_query(sql) && !locks_rows(sql) && !moves_sequence(sql)) return;
  throw_error(failures::guarded(failures::at(node_, Errc::read_only,
                                             "the statement is no query, locks rows, or moves a "
                                             "sequence, and was not executed")));
}

std::string MariadbConnection::with_guard(std::string_view sql) const {
  // To the server it is no write, and it may leave a transaction open.
  if (is_about_transaction(sql)) throw_error(failures::about_transaction(node_));
  return std::string(kGuard).append(sql);
}

// A transaction that is open cannot be made one for reading for the time of a statement. So what is
// no query is refused before it runs; what may call a stored function is undone, whatever it did.
Task<std::unique_ptr<Result>> MariadbConnection::execute_guarded(io::Call call,
                                                                 Statement statement) {
  Prepared* prepared = find_prepared(statement.sql);
  if (prepared == nullptr) prepared = keep(co_await prepare(call, statement.sql));
  refuse_unguardable(*prepared);
  statement.guarded = false;
  if (!may_call_stored(statement.sql)) co_return co_await execute(call, statement);
  co_await run_simple(call, kSavepoint, Effect::read);
  auto result = co_await execute(call, statement);
  co_await run_simple(call, kBack, Effect::read);
  const bool keeps = mysql_warning_count(handle_.get()) > 0;
  co_await run_simple(call, kForget, Effect::read);
  if (keeps) {
    throw_error(failures::guarded(failures::at(
        node_, Errc::read_only,
        "the transaction has written to a table without transactions, which cannot be undone")));
  }
  co_return result;
}

}  // namespace grant::mariadb
