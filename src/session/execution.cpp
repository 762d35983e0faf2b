#include "grant/session/execution.hpp"

#include <fmt/format.h>

#include <exception>
#include <new>

#include "driver/failures.hpp"
#include "grant/core/error.hpp"
#include "node_finder.hpp"
#include "pause.hpp"

namespace grant::detail {
namespace {

constexpr std::string_view kNotSent = "nothing of this statement was sent";

/// Before a statement that has failed `failures` times is tried again. The first time at once: that
/// is on another node, or on a connection that is not as old.
Task<void> pause(io::Call call, std::size_t failures) {
  if (failures < 2) co_return;
  co_await call.sleep_until(after(Clock::system().now(), pause_after(failures - 1, random_bits())));
}

/// Throws ReadOnlyError for a write where writes are prevented.
void refuse_prevented(const Access& access, const Located& located, Effect effect) {
  if (effect == Effect::write && access.raw && located.target.prevent_writes) {
    throw_error(Errc::read_only,
                fmt::format("database \"{}\": writes are prevented, and SQL of your own is taken "
                            "for a write unless it is marked: add .read() where it only reads",
                            located.cluster->name()));
  }
  refuse_prevented_write(located, effect);
}

Task<Executed> execute_in(OpenTransaction& transaction, Statement statement, io::Call call) {
  transaction.refuse_if_over(kNotSent);
  std::unique_ptr<Result> result;
  try {
    result = co_await transaction.connection().execute(call, statement);
  } catch (const Error& error) {
    transaction.fail(statement, error);
  }
  if (statement.effect == Effect::write) transaction.note_write();
  transaction.look(statement.sql);
  transaction.session().served(transaction.cluster(), transaction.node(), RouteReason::transaction);
  co_return Executed{std::move(result), &transaction.cluster()->origin()};
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
  transaction.refuse_if_over(kNotSent);
  bool begun = false;
  // What the caller's function throws says nothing of the node.
  std::exception_ptr refused;
  try {
    refused = co_await hand_on(transaction.connection(), statement, options, call,
                               &transaction.cluster()->origin(), take, begun);
  } catch (const Error& error) {
    transaction.fail(statement, error);
  }
  transaction.look(statement.sql);
  transaction.session().served(transaction.cluster(), transaction.node(), RouteReason::transaction);
  if (refused) std::rethrow_exception(refused);
}

/// `begun`: as hand_on() has it.
Task<void> stream_from(const Access& access, const Located& located, Statement statement,
                       StreamOptions options, const TakeChunk& take, io::Call call, bool& begun) {
  NodeFinder finder(access, located, Effect::read, call.deadline());
  for (std::size_t failures = 0;; co_await pause(call, ++failures)) {
    auto& node = located.cluster->node(co_await finder.next(call));
    const Node::InFlight in_flight(node);
    auto& pool = node.pool(Effect::read);
    auto lease = pool.try_acquire(call, access.place);
    try {
      if (!lease) lease = co_await pool.acquire(call, access.place);
    } catch (const Error& error) {
      if (!finder.retry_after_checkout_failure(error)) throw;
    }
    if (!lease || !co_await finder.verify(call, *lease)) continue;
    std::exception_ptr refused;
    bool done = false;
    try {
      refused = co_await hand_on(*lease, statement, options, call, &located.cluster->origin(), take,
                                 begun);
      done = true;
    } catch (const Error& error) {
      if (!finder.retry_after_failure(error, *lease) || begun) throw;
    }
    if (!done) continue;
    finder.succeeded(Effect::read, *lease);
    if (refused) std::rethrow_exception(refused);
    co_return;
  }
}

Task<void> stream_chunks(const Access& access, Statement statement, StreamOptions options,
                         const TakeChunk& take) {
  statement.guarded = access.raw;
  while (true) {
    const auto located = locate(access);
    const io::Call call(io::blocking_waiter(), located.target.deadline);
    if (located.transaction != nullptr) {
      co_return co_await stream_in(*located.transaction, statement, options, take, call);
    }
    bool begun = false;
    try {
      co_return co_await stream_from(access, located, statement, options, take, call, begun);
    } catch (const Error& error) {
      if (begun || !set_up_anew(error, access, located)) throw;
    }
  }
}

}  // namespace

std::shared_ptr<Cluster> cluster_of(const Access& access) { return locate(access).cluster; }

Adapter adapter_of(const Access& access) { return locate(access).cluster->adapter(); }

Timestamp wall_time_of(const Access& access) { return locate(access).cluster->clock().wall_time(); }

Task<Executed> execute(Access access, Statement statement, io::Call call) {
  statement.guarded = access.raw && statement.effect == Effect::read;
  while (true) {
    const auto located = locate(access);
    const auto limited = call.until(located.target.deadline);
    refuse_prevented(access, located, statement.effect);
    if (located.transaction != nullptr) {
      co_return co_await execute_in(*located.transaction, statement, limited);
    }
    try {
      NodeFinder finder(access, located, statement.effect, limited.deadline());
      for (std::size_t failures = 0;; co_await pause(limited, ++failures)) {
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
        if (!lease || !co_await finder.verify(limited, *lease)) continue;
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
    } catch (const Error& error) {
      if (!set_up_anew(error, access, located)) throw;
    }
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
