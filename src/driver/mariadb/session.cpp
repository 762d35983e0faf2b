// What statements leave on a session, and how it is made as new.
#include "session.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/shape.hpp"
#include "driver/words.hpp"
#include "grant/core/error.hpp"
#include "lexer.hpp"

namespace grant::mariadb {
namespace {

/// Not one of the server's, which has two at signs; nor an account, `user`@`host`, or an address in
/// a text.
bool has_user_variable(std::string_view sql) noexcept {
  constexpr std::string_view in_names =
      "'\"`_.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const auto in_name = [&](std::size_t at) {
    return at < sql.size() && in_names.find(sql[at]) != std::string_view::npos;
  };
  for (std::size_t i = sql.find('@'); i != std::string_view::npos; i = sql.find('@', i + 1)) {
    const bool behind_another = i > 0 && (sql[i - 1] == '@' || in_name(i - 1));
    if (!behind_another && in_name(i + 1)) return true;
  }
  return false;
}

/// Whether `sql` changes nothing of the session, as far as its first word shows.
bool leaves_session(std::string_view sql) {
  const auto first = first_word(sql);
  return first == "INSERT" || first == "UPDATE" || first == "DELETE" || first == "REPLACE" ||
         first == "START" || first == "COMMIT" || first == "ROLLBACK" || first == "SAVEPOINT" ||
         first == "RELEASE" || first == "DO";
}

}  // namespace

bool mentions_session(std::string_view sql) {
  const auto first = first_word(sql);
  if (first == "LOCK" || first == "HANDLER" || has_user_variable(sql)) return true;
  driver::Words words(sql);
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    if (driver::is_word(word, "GET_LOCK")) return true;
  }
  return false;
}

// libmariadb keeps what it was told earlier when an answer tells nothing.
void MariadbConnection::take_changes(io::Call call, std::string_view sql) {
  const bool guard_was_set = std::exchange(guard_was_set_, false);
  position_told_ = true;  // where nothing is told, there is nothing newer
  if ((server_status() & SERVER_SESSION_STATE_CHANGED) == 0) return;
  const char* text = nullptr;
  std::size_t size = 0;
  if (mysql_session_track_get_first(handle_.get(), SESSION_TRACK_STATE_CHANGE, &text, &size) == 0) {
    // What guards a query for its time is told with the first answer after it that has no rows.
    session_changed_ = session_changed_ || !guard_was_set || !leaves_session(sql);
  }
  const auto position_before = position_;
  if (mysql_session_track_get_first(handle_.get(), SESSION_TRACK_SCHEMA, &text, &size) == 0) {
    session_changed_ = true;
    database_changed_ = true;
    // To the server a statement means the tables of the database in which it was prepared.
    note_schema(call, driver::SchemaEffect::session);
  }
  bool is_position = false;
  // Names and values, in turn.
  int ended =
      mysql_session_track_get_first(handle_.get(), SESSION_TRACK_SYSTEM_VARIABLES, &text, &size);
  for (bool is_name = true; ended == 0; is_name = !is_name) {
    const std::string_view told(text, size);
    if (is_name) {
      is_position = told == "last_gtid";
    } else if (is_position && !told.empty()) {
      position_ = told;
    }
    ended =
        mysql_session_track_get_next(handle_.get(), SESSION_TRACK_SYSTEM_VARIABLES, &text, &size);
  }
  if (mysql_session_track_get_first(handle_.get(), SESSION_TRACK_TRANSACTION_TYPE, &text, &size) ==
      0) {
    const std::string_view flags(text, size);
    if (is_another_transaction(transaction_flags_, flags)) committed_within_ = true;
    transaction_flags_ = flags;
  }
  // A write to a table without transactions is in the log at once; everything else is only when it
  // has been committed.
  if (position_ != position_before && transaction_flags_.find('w') == std::string::npos) {
    committed_within_ = true;
  }
}

Task<void> MariadbConnection::make_session(io::Call call) {
  constexpr std::array<std::string_view, 8> names{"character_set_client",
                                                  "character_set_connection",
                                                  "character_set_results",
                                                  "time_zone",
                                                  "sql_mode",
                                                  "sql_mode",
                                                  "sql_mode",
                                                  "autocommit"};
  std::unique_ptr<Result> kept;
  ErrorInfo refused;
  try {
    co_await run_simple(call, kSessionSettings, Effect::read);
    kept = co_await run_simple(call, kSessionCheck, Effect::read);
  } catch (const Error& error) {
    refused = error.info();
  }
  if (!kept) {
    // To the caller this is still connecting, in which nothing can be in doubt.
    if (refused.code == Errc::timeout) refused.code = Errc::unavailable;
    if (refused.code == Errc::invalid_argument) refused.code = Errc::configuration;
    throw_error(std::move(refused));
  }
  driver::check_shape(kept->row_count(), kept->column_count(), node_, 1, names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto cell = kept->cell(0, i);
    if (cell.kind() == ValueKind::integer && cell.as_integer() == 1) continue;
    throw_error(failures::at(
        node_, Errc::configuration,
        fmt::format("cannot connect: the server does not keep the session's {} as it was set",
                    names[i])));
  }
  session_changed_ = false;
}

Task<void> MariadbConnection::reset(io::Call call) {
  if (is_open() && transaction_state() != TransactionState::none) {
    throw_error(failures::reset_in_transaction(node_));
  }
  const auto& database = target_->settings.database;
  if (database_changed_ && database.empty()) {
    throw_error(failures::at(node_, Errc::invalid_argument,
                             "cannot reset the session: it began without a database, which cannot "
                             "be had again"));
  }
  Operation operation = start(call, Effect::read);
  operation.at_deadline = AtDeadline::close;
  int failed = 0;
  failure_ = {};
  int events = quietly([&] { return mysql_reset_connection_start(&failed, handle_.get()); });
  if (events != 0) {
    co_await finish(call, operation, events, [&](int seen) {
      return mysql_reset_connection_cont(&failed, handle_.get(), seen);
    });
  }
  if (failed == 0 && database_changed_) {
    events =
        quietly([&] { return mysql_select_db_start(&failed, handle_.get(), database.c_str()); });
    if (events != 0) {
      co_await finish(call, operation, events,
                      [&](int seen) { return mysql_select_db_cont(&failed, handle_.get(), seen); });
    }
  }
  if (failed != 0) failure_ = failure_of(handle_.get());
  check(operation);
  if (failed != 0) co_await fail(call, operation, std::span<const ValueView>());
  // The server has closed them.
  cache_.clear();
  uncached_.handle.reset();
  rolled_back_ = false;
  begun_ = false;
  ended_ = TransactionEnd::none;
  // The character set is that of the connection again, and not the server's.
  co_await make_session(call);
  database_changed_ = false;
}

}  // namespace grant::mariadb
