#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "node_finder.hpp"

namespace grant::detail {

/// What one attempt works with.
struct Attempt {
  explicit Attempt(Chosen on) noexcept : chosen(std::move(on)), in_flight(chosen.node) {}

  Chosen chosen;
  Node::InFlight in_flight;
  Lease lease;

  /// What fails from now on must not be tried again: some of it was handed on.
  bool final = false;
};

/// The one way to a connection: chooses a node, leases, lets `work(attempt)`, which gives a task,
/// run, and tells the cluster and the session what came of it; where it was certainly not executed,
/// it is tried again, elsewhere if need be. `effect` decides where it goes, `served` what the
/// session has done when it succeeded. The work may move the attempt's parts away as its last act.
/// `place` must outlive the task. Errors: those of NodeFinder::next(), of Pool::acquire(), and of
/// the work.
template <class Work>
auto with_connection(const Place& place, Effect effect, Effect served, io::Call call, Work work)
    -> std::invoke_result_t<Work&, Attempt&> {
  NodeFinder finder(place, effect, call);
  while (true) {
    Attempt attempt(co_await finder.next());
    auto& pool = attempt.chosen.node.pool(effect);
    bool leased = false;
    try {
      attempt.lease = co_await pool.acquire(call, place.site());
      leased = true;
    } catch (const Error& error) {
      if (!finder.retry_after_checkout_failure(error)) throw;
    }
    if (leased && co_await finder.verify(*attempt.lease)) {
      auto& connection = *attempt.lease;
      try {
        auto result = co_await work(attempt);
        finder.succeeded(served, connection);
        co_return result;
      } catch (const Error& error) {
        if (!finder.retry_after_failure(error, connection) || attempt.final) throw;
      }
    }
    co_await finder.pause();
  }
}

}  // namespace grant::detail
