// Statements, from their text to their result.
#include <fmt/format.h>

#include <new>
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "grant/core/error.hpp"
#include "guard.hpp"
#include "lexer.hpp"
#include "result.hpp"

namespace grant::mariadb {
namespace {

/// Closed without waiting for the next statement that has to be prepared, which may never come.
constexpr std::size_t kMostDiscarded = 8;

}  // namespace

Task<std::unique_ptr<Result>> MariadbConnection::execute(io::Call call, Statement statement) try {
  auto operation = start(call, statement.effect);
  if (rolled_back_ && first_word(statement.sql) != "ROLLBACK") fail_rolled_back();
  const auto watch = operation.watch;
  // The server has no such protection for what is inside a transaction.
  if (statement.guarded && in_transaction()) {
    co_return co_await execute_guarded(call, statement);
  }
  std::string guarded_text;
  if (statement.guarded) {
    guarded_text = with_guard(statement.sql);
    statement.sql = guarded_text;
    guard_was_set_ = true;
  }
  std::unique_ptr<Result> result;
  while (!result) {
    Prepared* prepared = find_prepared(statement.sql);
    const bool cached = prepared != nullptr;
    if (!cached) {
      prepared = keep(co_await prepare(call, statement.sql, statement.guarded ? kGuard : ""));
    } else if (cache_.discarded().size() > kMostDiscarded) {
      co_await close_discarded(call);
    }
    operation = operation_of(statement, prepared->commits, watch);
    binder_.bind(statement.params, prepared->order, prepared->parameters);
    if (prepared->mentions_session) session_changed_ = true;
    const auto size = binder_.message_size();
    if (size >= kTakenByAll) co_await check_size(call, size);
    if (prepared->handle) {
      result = co_await run_prepared(call, operation, prepared);
    } else {
      result = co_await run_text(call, operation, prepared);
    }
    if (result) {
      note_schema(call, prepared->effect);
      if (cancelling_) co_await settle(call);  // it ended before it could be cancelled
      break;
    }
    if (is_outdated_statement(failure_.number)) {
      cache_.erase(statement.sql);
      // Once: the second time round it is not cached. A procedure may have got far before.
      if (cached && operation.commits != Commits::within) continue;
    } else if (has_other_columns(failure_.number)) {
      const auto text = statement.sql.substr(statement.guarded ? kGuard.size() : 0);
      const bool again = cached && is_query(text);
      cache_.erase(statement.sql);
      if (again) continue;
      fail_unread();
    }
    co_await fail(call, operation, statement.params);
  }
  rolled_back_ = false;
  if (operation.guarded) {
    guard_was_set_ = true;
    // What it left is not told apart then from what guarded it.
    if (result->column_count() == 0) session_changed_ = true;
  }
  follow_transaction(statement.sql, operation.commits);
  if (statement.wants_position && statement.effect == Effect::write && !position_told_ &&
      !in_transaction()) {
    co_await ask_position(call);
  }
  co_return result;
} catch (const std::bad_alloc&) {
  // What was not committed is gone with the connection.
  fail_without_memory(in_transaction() ? Effect::read : statement.effect);
}

Task<std::unique_ptr<Result>> MariadbConnection::run_prepared(io::Call call, Operation operation,
                                                              Prepared* prepared) {
  MYSQL_STMT* const statement = prepared->handle.get();
  std::unique_ptr<Result> result;
  if (!prepared->order.empty() && mysql_stmt_bind_param(statement, binder_.data()) != 0) {
    throw std::bad_alloc();
  }
  co_await send_prepared(call, operation, statement);
  binder_.trim();
  int failed = failure_.number != 0 ? 1 : 0;
  int events = 0;
  if (failed == 0 && mysql_stmt_field_count(statement) == 0) {
    result = std::make_unique<MariadbResult>(mysql_stmt_affected_rows(statement));
    take_changes(call, prepared->sql);
  } else if (failed == 0) {
    events = quietly([&] { return mysql_stmt_store_result_start(&failed, statement); });
    if (events != 0) {
      co_await finish(call, operation, events, [&](int seen) {
        return mysql_stmt_store_result_cont(&failed, statement, seen);
      });
    }
    if (failed != 0) failure_ = failure_of(statement);
    check(operation);
    if (failed == 0) {
      result = prepared->bound_reader().read_all(prepared->changes_rows);
      if (!result) {
        failure_ = failure_of(statement);
        fail_lost(operation);
      }
      mysql_stmt_free_result(statement);
    }
  }
  // A procedure gives a last result of its own after its rows.
  if (result && mysql_stmt_more_results(statement) != 0) {
    const bool skipped = co_await skip_results(call, operation, statement);
    if (!skipped) result.reset();
    if (skipped) take_changes(call, prepared->sql);
  }
  co_return result;
}

/// Leaves what went wrong in failure_.
Task<void> MariadbConnection::send_prepared(io::Call call, Operation operation,
                                            MYSQL_STMT* statement) {
  int failed = 0;
  int events = quietly([&] { return mysql_stmt_execute_start(&failed, statement); });
  if (events != 0) {
    co_await finish(call, operation, events,
                    [&](int seen) { return mysql_stmt_execute_cont(&failed, statement, seen); });
  }
  if (failed != 0) failure_ = failure_of(statement);
  check(operation);
  if (has_other_columns(failure_.number)) {
    // The rows are on their way all the same.
    my_bool unread = 0;
    events = quietly([&] { return mysql_stmt_free_result_start(&unread, statement); });
    if (events != 0) {
      co_await finish(call, operation, events, [&](int seen) {
        return mysql_stmt_free_result_cont(&unread, statement, seen);
      });
    }
    check(operation);
  }
}

Task<bool> MariadbConnection::skip_results(io::Call call, Operation operation,
                                           MYSQL_STMT* statement) {
  int failed = 0;
  while (failed == 0 && mysql_stmt_more_results(statement) != 0) {
    int events = quietly([&] { return mysql_stmt_next_result_start(&failed, statement); });
    if (events != 0) {
      co_await finish(call, operation, events, [&](int seen) {
        return mysql_stmt_next_result_cont(&failed, statement, seen);
      });
    }
    if (failed == 0 && mysql_stmt_field_count(statement) > 0) {
      events = quietly([&] { return mysql_stmt_store_result_start(&failed, statement); });
      if (events != 0) {
        co_await finish(call, operation, events, [&](int seen) {
          return mysql_stmt_store_result_cont(&failed, statement, seen);
        });
      }
      if (failed == 0) mysql_stmt_free_result(statement);
    }
    if (failed > 0) failure_ = failure_of(statement);
    check(operation);
  }
  co_return failed <= 0;  // -1: there are no more
}

// Null for `text`: nothing to do, only to hear from the server.
Task<std::unique_ptr<Result>> MariadbConnection::run_text(io::Call call, Operation operation,
                                                          const Prepared* text) {
  MYSQL* const handle = handle_.get();
  const std::string_view sql = text != nullptr ? std::string_view(text->sql) : "DO 0";
  std::unique_ptr<Result> result;
  failure_ = {};
  int failed = 0;
  int events =
      quietly([&] { return mysql_real_query_start(&failed, handle, sql.data(), sql.size()); });
  if (events != 0) {
    co_await finish(call, operation, events,
                    [&](int seen) { return mysql_real_query_cont(&failed, handle, seen); });
  }
  while (true) {
    if (failed > 0) failure_ = failure_of(handle);
    check(operation);
    if (failed > 0) co_return nullptr;
    if (mysql_field_count(handle) == 0) {
      take_changes(call, sql);
      if (!result) result = std::make_unique<MariadbResult>(mysql_affected_rows(handle));
    } else {
      MYSQL_RES* stored = nullptr;
      events = quietly([&] { return mysql_store_result_start(&stored, handle); });
      if (events != 0) {
        co_await finish(call, operation, events,
                        [&](int seen) { return mysql_store_result_cont(&stored, handle, seen); });
      }
      const ResultHandle rows(stored);
      if (!rows) failure_ = failure_of(handle);
      check(operation);
      if (!rows) co_return nullptr;
      if (!result) {
        result = std::make_unique<MariadbResult>(rows.get(), text != nullptr && text->changes_rows);
      }
    }
    if (mysql_more_results(handle) == 0) co_return result;
    events = quietly([&] { return mysql_next_result_start(&failed, handle); });
    if (events != 0) {
      co_await finish(call, operation, events,
                      [&](int seen) { return mysql_next_result_cont(&failed, handle, seen); });
    }
  }
}

Task<std::unique_ptr<Result>> MariadbConnection::run_simple(io::Call call, std::string_view sql,
                                                            Effect effect, AtDeadline at_deadline) {
  Operation operation = start(call, effect);
  operation.at_deadline = at_deadline;
  const auto most = reading_.most();
  reading_.begin(call, kMostForItself);
  Prepared text;
  text.sql = sql;
  auto result = co_await run_text(call, operation, &text);
  if (!result) co_await fail(call, operation, std::span<const ValueView>());
  if (cancelling_) co_await settle(call);
  reading_.begin(call, most);  // it may be a part of running a statement of the caller's
  co_return result;
}

}  // namespace grant::mariadb
