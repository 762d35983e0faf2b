// What statements leave on a session, and how it is made as new.
#include "session.hpp"

#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/words.hpp"
#include "effects.hpp"
#include "grant/core/error.hpp"

namespace grant::postgres {
namespace {

using driver::is_word;
using driver::Words;

// What DISCARD ALL does, but for the statements that are prepared. Advisory locks and LISTEN are
// not in RESET ALL.
constexpr const char* kReset =
    "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *;"
    "SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

/// Whether the last argument in `arguments`, which is what follows the name of a function, is the
/// word TRUE.
bool ends_in_true(std::string_view arguments) noexcept {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const char c = arguments[i];
    if (c == '\'') quoted = !quoted;
    if (quoted) continue;
    if (c == '(') ++depth;
    if (c != ')' || --depth > 0) continue;
    const auto comma = arguments.substr(0, i).rfind(',');
    if (comma == std::string_view::npos) return false;
    Words last(arguments.substr(comma, i - comma));
    return is_word(last.next(), "TRUE") && last.next().empty();
  }
  return false;
}

bool takes_lock(std::string_view word) noexcept {
  return is_word(word, "PG_ADVISORY_LOCK") || is_word(word, "PG_ADVISORY_LOCK_SHARED") ||
         is_word(word, "PG_TRY_ADVISORY_LOCK") || is_word(word, "PG_TRY_ADVISORY_LOCK_SHARED");
}

bool comes_before_temporary(std::string_view word) noexcept {
  return is_word(word, "CREATE") || is_word(word, "REPLACE") || is_word(word, "INTO") ||
         is_word(word, "LOCAL") || is_word(word, "GLOBAL");
}

}  // namespace

bool mentions_session(std::string_view sql) noexcept {
  Words words(sql);
  std::string_view before;
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    if (takes_lock(word)) return true;
    if (is_word(word, "SET_CONFIG") && !ends_in_true(words.rest())) return true;
    if ((is_word(word, "TEMP") || is_word(word, "TEMPORARY")) && comes_before_temporary(before)) {
      return true;
    }
    if (is_word(word, "HOLD") && is_word(before, "WITH")) return true;
    before = word;
  }
  return false;
}

SessionChange change_by(std::string_view tag, std::string_view sql) noexcept {
  if (tag == "SET") {
    Words words(sql);
    // A comment may stand before it.
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      if (!is_word(word, "SET")) continue;
      const auto what = words.next();
      const bool ends_with_transaction =
          is_word(what, "LOCAL") || is_word(what, "TRANSACTION") || is_word(what, "CONSTRAINTS");
      return ends_with_transaction ? SessionChange::none : SessionChange::kept;
    }
    return SessionChange::kept;
  }
  if (tag == "RESET" || tag == "LISTEN" || tag == "DO") return SessionChange::kept;
  if (tag == "PREPARE" || tag.starts_with("DEALLOCATE") || tag.starts_with("DISCARD")) {
    return SessionChange::named_statements;
  }
  return SessionChange::none;
}

void PostgresConnection::note_command(io::Call call, const PGresult* answer,
                                      std::string_view sql) noexcept {
  if (PQresultStatus(answer) != PGRES_COMMAND_OK) return;
  const std::string_view tag = PQcmdStatus(const_cast<PGresult*>(answer));
  if (tag == "ROLLBACK") first_failure_.reset();  // to a savepoint, too
  note_schema(call, effect_of(tag, sql));
  if (tag == "ROLLBACK") settle_schema(call);  // to a savepoint
  const auto change = change_by(tag, sql);
  if (change == SessionChange::none) return;
  session_changed_ = true;
  if (change != SessionChange::named_statements) return;
  named_statements_ = true;
  if (tag == "DEALLOCATE ALL" || tag == "DISCARD ALL") statements_gone_ = true;
}

Task<void> PostgresConnection::reset(io::Call call) {
  if (channel_.is_open() && transaction_state() != TransactionState::none) {
    throw_error(failures::reset_in_transaction(node_));
  }
  co_await run_simple(call, named_statements_ ? "DISCARD ALL" : kReset, Effect::read);
  if (named_statements_) cache_.clear();
  statements_gone_ = false;
  // The search path is what it was, and temporary tables have gone.
  if (names_moved_ != TimePoint::min()) names_moved_ = call.now();
  co_await pin_session(call);
  session_changed_ = false;
  named_statements_ = false;
}

}  // namespace grant::postgres
