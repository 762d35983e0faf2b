#include "grant/session/execution.hpp"

#include <exception>

#include "grant/core/error.hpp"
#include "node_finder.hpp"

namespace grant::detail {
namespace {

/// Losing the connection before COMMIT was sent loses the whole transaction: nothing is in doubt.
[[noreturn]] void throw_rolled_back(ErrorInfo info) {
  info.code = Errc::unavailable;
  info.message += "; the transaction was not committed";
  throw_error(std::move(info));
}

Task<Executed> execute_in(OpenTransaction& transaction, Statement statement, io::Call call) {
  std::unique_ptr<Result> result;
  try {
    result = co_await transaction.connection().execute(call, statement);
  } catch (const Error& error) {
    // A transaction for reading refuses writes on any node.
    const auto effect = transaction.effect() == Effect::read ? Effect::read : statement.effect;
    report_failure(*transaction.cluster(), transaction.node(), effect, error,
                   transaction.connection());
    if (error.code() == Errc::outcome_unknown) throw_rolled_back(error.info());
    throw;
  }
  if (statement.effect == Effect::write) transaction.note_write();
  transaction.session().served(transaction.cluster(), transaction.node(), RouteReason::transaction);
  co_return Executed{std::move(result), &transaction.cluster()->origin()};
}

/// Runs one query and hands on its chunks. `begun`, once the first one came: what fails then must
/// not be tried again.
Task<void> hand_on(Connection& connection, Statement statement, StreamOptions options,
                   io::Call call, const Origin* origin, const TakeChunk& take, bool& begun) {
  const auto rows = co_await connection.stream(call, statement, options);
  while (true) {
    const Result* chunk = co_await rows->next(call);
    begun = true;
    if (chunk == nullptr) co_return;
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
    std::rethrow_exception(refused);
  }
}

Task<void> stream_chunks(const Access& access, Statement statement, StreamOptions options,
                         const TakeChunk& take) {
  const auto located = locate(access);
  const io::Call call(io::blocking_waiter(), located.target.deadline);
  const auto* origin = &located.cluster->origin();
  bool begun = false;
  if (auto* transaction = located.transaction) {
    try {
      co_await hand_on(transaction->connection(), statement, options, call, origin, take, begun);
    } catch (const Error& error) {
      report_failure(*transaction->cluster(), transaction->node(), Effect::read, error,
                     transaction->connection());
      throw;
    }
    transaction->session().served(transaction->cluster(), transaction->node(),
                                  RouteReason::transaction);
    co_return;
  }

  NodeFinder finder(access, located, Effect::read, call.deadline());
  while (true) {
    auto& node = located.cluster->node(co_await finder.next(call));
    const Node::InFlight in_flight(node);
    auto& pool = node.pool(Effect::read);
    auto lease = pool.try_acquire(call, access.place);
    try {
      if (!lease) lease = co_await pool.acquire(call, access.place);
    } catch (const Error& error) {
      if (!finder.retry_after_checkout_failure(error)) throw;
    }
    if (!lease) continue;
    bool done = false;
    try {
      co_await hand_on(*lease, statement, options, call, origin, take, begun);
      done = true;
    } catch (const Error& error) {
      if (!finder.retry_after_failure(error, *lease) || begun) throw;
    }
    if (!done) continue;
    finder.succeeded(Effect::read, *lease);
    co_return;
  }
}

}  // namespace

Adapter adapter_of(const Access& access) { return locate(access).cluster->adapter(); }

Timestamp wall_time_of(const Access& access) { return locate(access).cluster->clock().wall_time(); }

Task<Executed> execute(Access access, Statement statement, io::Call call) {
  const auto located = locate(access);
  const auto limited = call.until(located.target.deadline);
  refuse_prevented_write(located, statement.effect);
  if (located.transaction != nullptr) {
    co_return co_await execute_in(*located.transaction, statement, limited);
  }

  NodeFinder finder(access, located, statement.effect, limited.deadline());
  while (true) {
    auto index = finder.next_now();
    if (!index) index = co_await finder.next(limited);
    auto& node = located.cluster->node(*index);
    const Node::InFlight in_flight(node);
    auto& pool = node.pool(statement.effect);
    auto lease = pool.try_acquire(limited, access.place);
    try {
      if (!lease) lease = co_await pool.acquire(limited, access.place);
    } catch (const Error& error) {
      if (!finder.retry_after_checkout_failure(error)) throw;
    }
    if (!lease) continue;
    std::unique_ptr<Result> result;
    try {
      result = co_await lease->execute(limited, statement);
    } catch (const Error& error) {
      if (!finder.retry_after_failure(error, *lease)) throw;
    }
    if (!result) continue;
    finder.succeeded(statement.effect, *lease);
    co_return Executed{std::move(result), &located.cluster->origin()};
  }
}

Executed execute(const Access& access, const Statement& statement) {
  return run(execute(access, statement, io::Call(io::blocking_waiter())));
}

void stream(const Access& access, const Statement& statement, StreamOptions options,
            const TakeChunk& take) {
  run(stream_chunks(access, statement, options, take));
}

RouteExplanation explain_route(const Access& access, Effect effect) {
  const auto located = locate(access);
  auto explanation = located.cluster->explain(route_request(access, located, effect));
  if (located.transaction != nullptr) {
    explanation.node = located.cluster->node(located.transaction->node()).name();
    explanation.reason = RouteReason::transaction;
    for (auto& candidate : explanation.candidates) {
      candidate.chosen = candidate.node == explanation.node;
    }
  }
  return explanation;
}

}  // namespace grant::detail
