#include "grant/session/execution.hpp"

#include <exception>
#include <new>

#include "driver/failures.hpp"
#include "grant/core/error.hpp"
#include "with_connection.hpp"

namespace grant::detail {
namespace {

constexpr std::string_view kNotSent = "nothing of this statement was sent";

using Rows = std::unique_ptr<Result>;

Task<Rows> execute_in(OpenTransaction& transaction, Statement statement, io::Call call) {
  const OpenTransaction::InUse in_use(transaction);
  transaction.refuse_if_over(kNotSent);
  Rows rows;
  try {
    rows = co_await transaction.connection().execute(call, statement);
  } catch (const Error& error) {
    transaction.fail(statement, error);
  }
  if (statement.effect == Effect::write) transaction.note_write();
  transaction.look(statement.sql);
  transaction.session().served(transaction.node().name(), RouteReason::transaction);
  co_return rows;
}

/// Runs one query and hands on its chunks, until `take` throws: what it threw. `begun`, once the
/// first chunk came: what fails then must not be tried again.
Task<std::exception_ptr> hand_on(Connection& connection, Statement statement, StreamOptions options,
                                 io::Call call, const Origin* origin, const TakeChunk& take,
                                 bool& begun) try {
  const auto rows = co_await connection.stream(call, statement, options);
  while (true) {
    const Result* chunk = co_await rows->next(call);
    begun = true;
    if (chunk == nullptr) co_return nullptr;
    std::exception_ptr refused;
    try {
      take(*chunk, origin);
    } catch (...) {
      refused = std::current_exception();
    }
    if (!refused) continue;
    try {
      co_await rows->close(call);
    } catch (const Error&) {
      // The connection is gone, and the caller knows something more important.
    }
    co_return refused;
  }
} catch (const std::bad_alloc&) {
  throw_error(failures::no_memory({}, Effect::read));
}

Task<void> stream_in(OpenTransaction& transaction, Statement statement, StreamOptions options,
                     const TakeChunk& take, io::Call call) {
  const OpenTransaction::InUse in_use(transaction);
  transaction.refuse_if_over(kNotSent);
  bool begun = false;
  // What the caller's function throws says nothing of the node.
  std::exception_ptr refused;
  try {
    refused = co_await hand_on(transaction.connection(), statement, options, call,
                               &transaction.cluster().origin(), take, begun);
  } catch (const Error& error) {
    transaction.fail(statement, error);
  }
  transaction.look(statement.sql);
  transaction.session().served(transaction.node().name(), RouteReason::transaction);
  if (refused) std::rethrow_exception(refused);
}

Task<void> stream_from(const Place& place, Statement statement, StreamOptions options,
                       const TakeChunk& take, io::Call call) {
  const auto refused =
      co_await with_connection(place, Effect::read, Effect::read, call, [&](Attempt& attempt) {
        return hand_on(*attempt.lease, statement, options, call, &place.origin(), take,
                       attempt.final);
      });
  // What the caller's function throws says nothing of the node.
  if (refused) std::rethrow_exception(refused);
}

/// `place` must outlive the task.
Task<Rows> execute_at(const Place& place, Statement statement, io::Call call) {
  statement.guarded = place.is_raw() && statement.effect == Effect::read;
  call = call.until(place.deadline());
  place.refuse_prevented(statement.effect);
  if (place.transaction() != nullptr) return execute_in(*place.transaction(), statement, call);
  return with_connection(
      place, statement.effect, statement.effect, call,
      [statement, call](Attempt& attempt) { return attempt.lease->execute(call, statement); });
}

}  // namespace

Task<Executed> execute(Place place, Statement statement, io::Call call) {
  auto rows = co_await execute_at(place, statement, call);
  co_return Executed{std::move(rows), &place.origin()};
}

Executed execute(const Place& place, const Statement& statement) {
  return {run(execute_at(place, statement, io::Call(io::blocking_waiter()))), &place.origin()};
}

void stream(const Place& place, const Statement& statement, StreamOptions options,
            const TakeChunk& take) {
  auto guarded = statement;
  guarded.guarded = place.is_raw();
  const io::Call call(io::blocking_waiter(), place.deadline());
  if (const auto& transaction = place.transaction()) {
    return run(stream_in(*transaction, guarded, options, take, call));
  }
  run(stream_from(place, guarded, options, take, call));
}

RouteExplanation explain_route(const Place& place, Effect effect) {
  auto explanation = place.cluster().explain(place.request(effect));
  if (const auto& transaction = place.transaction()) {
    explanation.node = transaction->node().name();
    explanation.reason = RouteReason::transaction;
    for (auto& candidate : explanation.candidates) {
      candidate.chosen = candidate.node == explanation.node;
    }
  }
  return explanation;
}

Task<Executed> execute(Access access, Statement statement, io::Call call) {
  return execute(Place(std::move(access)), statement, call);
}

Executed execute(Access access, const Statement& statement) {
  return execute(Place(std::move(access)), statement);
}

RouteExplanation explain_route(Access access, Effect effect) {
  return explain_route(Place(std::move(access)), effect);
}

}  // namespace grant::detail
