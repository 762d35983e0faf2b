#include "cancel.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/stopwatch.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "grant/io/worker.hpp"
#include "io/process_workers.hpp"

namespace grant::postgres {
namespace {

// PQcancel() blocks, without a limit of its own where the server hangs. So it gets workers of its
// own, and a server no more than a few of them.
constinit io::ProcessWorkers cancelling{1024};
constexpr int kTurnsForEachServer = 8;

/// What libpq says about why it did not work; empty when it did.
std::string cancel_now(const CancelHandle& handle, driver::Turns& turns, TimePoint deadline) {
  const auto turn = turns.take(deadline);
  if (!turn) return "earlier requests to cancel keep the server busy";
  std::array<char, 256> why{};
  if (PQcancel(handle.get(), why.data(), static_cast<int>(why.size())) == 1) return {};
  return std::string(first_line(why.data()));
}

std::string_view or_empty(const char* text) noexcept { return text != nullptr ? text : ""; }

}  // namespace

std::shared_ptr<PostgresCanceller> PostgresCanceller::of(const std::string& node,
                                                         PGconn* connection) {
  CancelHandle handle(PQgetCancel(connection), FreeCancel{});
  if (!handle) return nullptr;
  const auto server = fmt::format("{}:{}:{}", or_empty(PQhost(connection)),
                                  or_empty(PQhostaddr(connection)), or_empty(PQport(connection)));
  auto turns = driver::Turns::at(fmt::format(
      "cancelling {} on postgres://{}", PQbackendPID(connection) % kTurnsForEachServer, server));
  return std::make_shared<PostgresCanceller>(node, std::move(handle), std::move(turns));
}

Task<void> PostgresCanceller::cancel(io::Call call) {
  auto work = [handle = handle_, turns = turns_, deadline = call.deadline()] {
    return cancel_now(handle, *turns, deadline);
  };
  const driver::Stopwatch watch(call);
  auto done = co_await io::offload(call, std::move(work), cancelling.get());
  if (done.outcome != io::Outcome::ready) {
    throw_error(failures::gave_up_cancelling(node_, done.outcome, watch.elapsed()));
  }
  if (!done.value->empty()) {
    throw_error(failures::at(node_, Errc::unavailable, "cannot cancel: " + *done.value));
  }
}

void PostgresCanceller::cancel_unseen(TimePoint deadline) const {
  cancelling.get().post([handle = handle_, turns = turns_, deadline] {
    static_cast<void>(cancel_now(handle, *turns, deadline));
  });
}

std::shared_ptr<Canceller> PostgresConnection::canceller() {
  return handle_ ? PostgresCanceller::of(node_, handle_.get()) : nullptr;
}

Task<bool> PostgresConnection::cancel_late(io::Call& call, io::Outcome outcome,
                                           Operation operation) {
  if (operation.unwanted_until) {
    const auto end = *operation.unwanted_until;
    if (outcome == io::Outcome::cancelled || end <= call.now()) co_return false;
    co_return co_await cancel_again(call, end);
  }
  if (!operation.cancellable || cancelled_late_ || cancel_timeout_.count() == 0) co_return false;
  const auto canceller = PostgresCanceller::of(node_, handle_.get());
  if (!canceller) co_return false;
  cancelled_late_ = true;
  if (outcome == io::Outcome::cancelled) {
    // Every further wait would be cancelled as well.
    constexpr std::chrono::seconds limit(10);
    canceller->cancel_unseen(after(call.now(), limit));
    co_return false;
  }
  call = io::Call(call.waiter(), after(call.now(), cancel_timeout_));
  bool delivered = true;
  try {
    co_await canceller->cancel(call);
  } catch (const Error&) {
    delivered = false;
  }
  co_return delivered;
}

PostgresConnection::Operation PostgresConnection::unwanted(io::Call& call) {
  Operation operation{Effect::read, driver::Stopwatch(call)};
  operation.unwanted_until = call.deadline();
  call = call.until(operation.watch.started());  // ask at once, unless the answer is there
  return operation;
}

Task<bool> PostgresConnection::cancel_again(io::Call& call, TimePoint end) {
  constexpr auto pause = std::chrono::milliseconds(50);
  const auto canceller = PostgresCanceller::of(node_, handle_.get());
  bool delivered = canceller != nullptr;
  try {
    if (canceller) co_await canceller->cancel(io::Call(call.waiter(), end));
  } catch (const Error&) {
    delivered = false;
  }
  call = io::Call(call.waiter(), end).until(after(call.now(), pause));
  co_return delivered;
}

}  // namespace grant::postgres
