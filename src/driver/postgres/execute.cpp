// Statements, from their text to their result.
#include <new>
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "result.hpp"

namespace grant::postgres {

// Who blocks has nothing to come back to: a statement that is prepared and succeeds, as most do,
// then takes no coroutine.
Task<std::unique_ptr<Result>> PostgresConnection::execute(io::Call call, Statement statement) try {
  if (!call.waiter().blocks() || statement.guarded || statement.wants_position) {
    return execute_rest(call, statement, std::nullopt);
  }
  Execution execution = begin_execution(call, statement);
  execution.prepared = find_prepared(statement.sql, execution.operation.watch.started());
  execution.cached = execution.prepared != nullptr;
  if (execution.cached && binds(statement, *execution.prepared)) {
    send_bound(statement, execution);
    run(channel_.receive(call, execution.operation));
    if (channel_.failure() == nullptr) return take_result(call, statement, execution);
    execution.sent = true;
  }
  return run(execute_rest(call, statement, std::move(execution)));
} catch (const std::bad_alloc&) {
  channel_.fail_without_memory(at_stake_);
}

PostgresConnection::Execution PostgresConnection::begin_execution(io::Call call,
                                                                  const Statement& statement) {
  const auto last_answer = channel_.last_used();
  const bool may_begin_again = untouched_;
  Execution execution{start(call, statement.effect), may_begin_again};
  execution.guarded = needs_guard(statement, execution.operation.watch.started() - last_answer);
  refuse_too_many(statement.params);
  return execution;
}

bool PostgresConnection::binds(const Statement& statement, const Prepared& prepared) try {
  binder_.bind(statement.params, prepared.parameter_types);
  return true;
} catch (const Error&) {
  return false;
}

void PostgresConnection::send_bound(const Statement& statement, Execution& execution) {
  const Prepared& prepared = *execution.prepared;
  auto& operation = execution.operation;
  if (prepared.mentions_session) session_changed_ = true;
  operation.in_transaction = channel_.in_transaction();
  complete(operation, statement, prepared.may_commit);
  at_stake_ = operation.effect;
  if (!operation.in_transaction) first_failure_.reset();
  operation.cancellable = true;
  operation.guarded = execution.guarded;
  execution.columns = prepared.columns;
  execution.is_kept_there = !prepared.name.empty();
  execution.placed =
      statement.wants_position && !operation.in_transaction && statement.effect == Effect::write;
  // run_guarded() and run_placed() send it, among others.
  if (execution.guarded || execution.placed) return;
  send_execute(prepared, operation);
  binder_.trim();  // libpq has its own copy
}

std::unique_ptr<Result> PostgresConnection::take_result(io::Call call, const Statement& statement,
                                                        Execution& execution) {
  if (execution.prepared->moves_names) note_schema(call, driver::SchemaEffect::session);
  if (PQresultStatus(channel_.final_answer(execution.operation)) == PGRES_EMPTY_QUERY) {
    throw_error(Errc::invalid_argument, kEmptyStatement);
  }
  auto answer = std::move(channel_.answers().back());
  note_command(call, answer.get(), statement.sql);
  follow_transaction(answer.get(), statement.sql);
  const bool others = !execution.is_kept_there && !execution.columns->fit(answer.get());
  if (others) cache_.erase(statement.sql);
  if (others || !execution.columns->fixed) {
    return std::make_unique<PostgresResult>(std::move(answer));
  }
  return std::make_unique<PostgresResult>(std::move(answer), std::move(execution.columns));
}

Task<std::unique_ptr<Result>> PostgresConnection::execute_rest(io::Call call, Statement statement,
                                                               std::optional<Execution> begun) try {
  Execution execution = begun ? *std::move(begun) : begin_execution(call, statement);
  const auto& operation = execution.operation;
  std::optional<ErrorInfo> doubted;  // an error that stands, unless the types have changed
  std::vector<Oid> doubted_types;
  while (true) {
    if (!std::exchange(execution.sent, false)) {
      execution.prepared = find_prepared(statement.sql, operation.watch.started());
      execution.cached = execution.prepared != nullptr;
      if (!execution.cached) execution.prepared = co_await prepare(call, statement.sql);
      const Prepared& prepared = *execution.prepared;
      if (doubted && prepared.parameter_types == doubted_types) throw_error(*std::move(doubted));
      doubted.reset();
      if (!execution.cached) {
        binder_.bind(statement.params, prepared.parameter_types);
      } else if (!binds(statement, prepared)) {
        cache_.erase(statement.sql);  // the types may have changed
        continue;
      }
      send_bound(statement, execution);
      if (execution.guarded) {
        co_await run_guarded(call, operation, prepared);
      } else if (execution.placed) {
        co_await run_placed(call, operation, prepared);
      } else {
        co_await channel_.receive(call, operation);
      }
    }
    const PGresult* failed = channel_.failure();
    if (failed == nullptr) co_return take_result(call, statement, execution);
    follow_transaction(nullptr, statement.sql);
    const bool cached = execution.cached;
    // Nothing was executed. The second time round it is not cached, the third time not kept.
    const auto staleness = staleness_of(failed, prefix_);
    bool again = cached ? staleness != Staleness::none
                        : staleness == Staleness::lost && execution.is_kept_there;
    if (again && staleness == Staleness::types) {
      // Most often it is the value's own fault: no transaction is begun again for it, and no
      // procedure called twice, which may have committed.
      again = !channel_.in_transaction() && execution.columns->fixed;
      doubted = failure_info(failed, operation, statement.params);
      doubted_types = execution.prepared->parameter_types;
    }
    if (cached || staleness != Staleness::types) forget_outdated(call, staleness, statement.sql);
    if (!again) fail(operation, statement.params);
    if (!channel_.in_transaction()) continue;
    // A failed transaction would refuse; but nobody can tell a new one from it that did nothing.
    if (!std::exchange(execution.may_begin_again, false))
      fail_outdated(operation, statement.params);
    co_await begin_again(call);
  }
} catch (const std::bad_alloc&) {
  channel_.fail_without_memory(at_stake_);
}

void PostgresConnection::fail_outdated(const Operation& operation,
                                       std::span<const ValueView> params) {
  auto info = failure_info(channel_.failure(), operation, params);
  info.code = Errc::conflict;
  info.message +=
      "; what the statement names has changed since it was prepared: run the transaction again";
  throw_error(std::move(info));
}

void PostgresConnection::send_execute(const Prepared& prepared, const Operation& operation) {
  PGconn* const handle = channel_.handle();
  const int sent =
      prepared.name.empty()
          ? PQsendQueryParams(handle, prepared.sql.c_str(), binder_.count(),
                              prepared.parameter_types.data(), binder_.values(), binder_.lengths(),
                              binder_.formats(), prepared.result_format())
          : PQsendQueryPrepared(handle, prepared.name.c_str(), binder_.count(), binder_.values(),
                                binder_.lengths(), binder_.formats(), prepared.result_format());
  channel_.send(sent, operation);
}

Task<void> PostgresConnection::run_simple(io::Call call, const char* commands, Effect effect) {
  Operation operation = start(call, effect);
  operation.in_transaction = channel_.in_transaction();
  channel_.send_query(commands, operation);
  co_await channel_.receive(call, operation);
  if (channel_.failure() != nullptr) fail(operation, {});
  static_cast<void>(channel_.final_answer(operation));
}

}  // namespace grant::postgres
