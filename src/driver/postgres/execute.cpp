// Statements, from their text to their result.
#include <fmt/format.h>

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
  if (!call.waiter().blocks() || statement.guarded) {
    return execute_rest(call, statement, std::nullopt);
  }
  Execution execution = begin_execution(call, statement);
  execution.prepared = find_prepared(statement.sql, execution.operation.watch.started());
  execution.cached = execution.prepared != nullptr;
  if (execution.cached && binds(statement, *execution.prepared)) {
    send_bound(statement, execution);
    run(receive(call, execution.operation));
    if (failure() == nullptr) return take_result(call, statement, execution);
    execution.sent = true;
  }
  return run(execute_rest(call, statement, std::move(execution)));
} catch (const std::bad_alloc&) {
  // What was not committed is gone with the connection.
  fail_without_memory(in_transaction() ? Effect::read : statement.effect);
}

PostgresConnection::Execution PostgresConnection::begin_execution(io::Call call,
                                                                  const Statement& statement) {
  const auto last_answer = last_used_;
  const bool may_begin_again = untouched_;
  const auto operation = start(call, statement.effect);
  const bool guarded = needs_guard(statement, operation.watch.started() - last_answer);
  refuse_too_many(statement.params);
  return {operation, may_begin_again, guarded};
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
  if (!in_transaction()) first_failure_.reset();
  operation = operation_of(statement, prepared.may_commit, operation.watch);
  operation.cancellable = true;
  operation.guarded = execution.guarded;
  execution.columns = prepared.columns;
  execution.is_kept_there = !prepared.name.empty();
  if (execution.guarded) return;  // run_guarded() sends it, among others
  send_execute(prepared, operation);
  binder_.trim();  // libpq has its own copy
}

std::unique_ptr<Result> PostgresConnection::take_result(io::Call call, const Statement& statement,
                                                        Execution& execution) {
  if (execution.prepared->moves_names) note_schema(call, driver::SchemaEffect::session);
  if (PQresultStatus(final_answer(execution.operation)) == PGRES_EMPTY_QUERY) {
    throw_error(Errc::invalid_argument, kEmptyStatement);
  }
  note_command(call, answers_.back().get(), statement.sql);
  follow_transaction(answers_.back().get(), statement.sql);
  auto answer = std::move(answers_.back());
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
      } else {
        co_await receive(call, operation);
      }
    }
    const PGresult* failed = failure();
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
      again = PQtransactionStatus(handle_.get()) == PQTRANS_IDLE && execution.columns->fixed;
      doubted = failure_info(failed, operation, statement.params);
      doubted_types = execution.prepared->parameter_types;
    }
    if (cached || staleness != Staleness::types) forget_outdated(call, staleness, statement.sql);
    if (!again) fail(operation, statement.params);
    if (PQtransactionStatus(handle_.get()) == PQTRANS_IDLE) continue;
    // A failed transaction would refuse; but nobody can tell a new one from it that did nothing.
    if (!std::exchange(execution.may_begin_again, false))
      fail_outdated(operation, statement.params);
    co_await begin_again(call);
  }
} catch (const std::bad_alloc&) {
  // What was not committed is gone with the connection.
  fail_without_memory(in_transaction() ? Effect::read : statement.effect);
}

Prepared* PostgresConnection::find_prepared(std::string_view sql, TimePoint now) {
  if (std::exchange(statements_gone_, false)) cache_.clear();
  Prepared* const known = cache_.find(sql);
  if (known == nullptr) return nullptr;
  if (driver::is_believed(known->described, now, schema_changed(), lifetime_)) return known;
  cache_.erase(sql);
  return nullptr;
}

void PostgresConnection::forget_outdated(io::Call call, Staleness staleness, std::string_view sql) {
  if (staleness == Staleness::none) return;
  cache_.erase(sql);
  if (staleness == Staleness::changed) note_schema(call, driver::SchemaEffect::everyone);
  if (staleness == Staleness::lost) {
    // Nobody here has told the server to forget it: another session has got the statement. From
    // now on nothing is left there that could be lost.
    named_ = false;
    statements_gone_ = true;
  }
}

void PostgresConnection::fail_outdated(const Operation& operation,
                                       std::span<const ValueView> params) {
  auto info = failure_info(failure(), operation, params);
  info.code = Errc::conflict;
  info.message +=
      "; what the statement names has changed since it was prepared: run the transaction again";
  throw_error(std::move(info));
}

std::string PostgresConnection::next_name() { return fmt::format("{}{}", prefix_, ++names_); }

std::size_t PostgresConnection::send_prepare(const Prepared& prepared, const Operation& operation) {
  PGconn* const handle = handle_.get();
  const bool at_length = is_described_at_length(prepared.sql);
  // The server knows the types of named statements only.
  const bool borrows_name = at_length && prepared.name.empty();
  const std::string own = borrows_name ? next_name() : prepared.name;
  const char* const name = own.c_str();
  send(PQsendPrepare(handle, name, prepared.sql.c_str(), 0, nullptr), operation);
  if (at_length) {
    send(PQsendQueryParams(handle, kParameterTypes, 1, nullptr, &name, nullptr, nullptr, 0),
         operation);
  } else {
    send(PQsendDescribePrepared(handle, name), operation);
  }
  if (!borrows_name) return 2;
  send_deallocate(own, operation);
  return 3;
}

void PostgresConnection::send_deallocate(const std::string& name, const Operation& operation) {
  send(PQsendQueryParams(handle_.get(), ("DEALLOCATE " + name).c_str(), 0, nullptr, nullptr,
                         nullptr, nullptr, 1),
       operation);
}

void PostgresConnection::send_execute(const Prepared& prepared, const Operation& operation) {
  PGconn* const handle = handle_.get();
  const int sent =
      prepared.name.empty()
          ? PQsendQueryParams(handle, prepared.sql.c_str(), binder_.count(),
                              prepared.parameter_types.data(), binder_.values(), binder_.lengths(),
                              binder_.formats(), prepared.result_format())
          : PQsendQueryPrepared(handle, prepared.name.c_str(), binder_.count(), binder_.values(),
                                binder_.lengths(), binder_.formats(), prepared.result_format());
  send(sent, operation);
}

Task<Prepared> PostgresConnection::parse_locked(io::Call call, std::string sql, const char* begin) {
  const Operation operation = harmless(driver::Stopwatch(call));
  auto parsed = unprepared(sql, operation.watch.started());
  send(PQenterPipelineMode(handle_.get()), operation);
  if (begin != nullptr) {
    send(PQsendQueryParams(handle_.get(), begin, 0, nullptr, nullptr, nullptr, nullptr, 1),
         operation);
  }
  const auto described = send_prepare(parsed, operation) - 1;
  send(PQpipelineSync(handle_.get()), operation);
  co_await receive(call, operation);
  send(PQexitPipelineMode(handle_.get()), operation);
  if (const PGresult* failed = failure()) {
    auto info = failure_info(failed, operation, {});
    if (begin != nullptr) co_await undo(call);
    throw_error(std::move(info));
  }
  describe(parsed, answers_[answers_.size() - described].get());
  co_return parsed;
}

Task<Prepared*> PostgresConnection::prepare(io::Call call, std::string_view sql) {
  PGconn* const handle = handle_.get();
  // Preparing changes nothing, whatever the statement will do.
  const Operation operation = harmless(driver::Stopwatch(call));
  const bool keep = cache_.capacity() > 0;
  auto prepared = unprepared(sql, operation.watch.started());
  if (keep && named_) prepared.name = next_name();

  // Inside a transaction a DEALLOCATE that fails would spoil it, so the names wait.
  const bool tidy = PQtransactionStatus(handle) == PQTRANS_IDLE;
  std::erase_if(cache_.discarded(), [](const Prepared& gone) { return gone.name.empty(); });
  send(PQenterPipelineMode(handle), operation);
  const auto own_answers = send_prepare(prepared, operation);
  if (tidy) {
    for (const auto& gone : cache_.discarded()) send_deallocate(gone.name, operation);
  }
  send(PQpipelineSync(handle), operation);
  co_await receive(call, operation);
  send(PQexitPipelineMode(handle), operation);
  forget_discarded(own_answers);
  if (failure() != nullptr) fail(operation, {});

  describe(prepared, answers_[1].get());
  if (keep) co_return cache_.insert(std::move(prepared));
  unnamed_ = std::move(prepared);
  co_return &unnamed_;
}

// The answers after the first `own` are those to DEALLOCATE. One that failed named a statement that
// the server does not know any more, and kept the ones after it from being run.
void PostgresConnection::forget_discarded(std::size_t own) {
  auto& gone = cache_.discarded();
  for (std::size_t i = own; i < answers_.size(); ++i) {
    if (PQresultStatus(answers_[i].get()) != PGRES_PIPELINE_ABORTED) gone.pop_front();
  }
  if (answers_.size() > own) answers_.resize(own);
}

Task<void> PostgresConnection::run_simple(io::Call call, const char* commands, Effect effect) {
  Operation operation = start(call, effect);
  operation.in_transaction = in_transaction();
  send(PQsendQuery(handle_.get(), commands), operation);
  co_await receive(call, operation);
  if (failure() != nullptr) fail(operation, {});
  static_cast<void>(final_answer(operation));
}

}  // namespace grant::postgres
