#include "cancel.hpp"

#include <array>
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "grant/io/worker.hpp"

namespace grant::postgres {
namespace {

// PQcancel() blocks, without a limit of its own where the server hangs. So it gets workers of its
// own: look-ups of host names must not wait for them.
constinit io::ProcessWorkers cancelling{8};

/// What libpq says about why it did not work; empty when it did.
std::string cancel_now(const CancelHandle& handle) {
  std::array<char, 256> why{};
  if (PQcancel(handle.get(), why.data(), static_cast<int>(why.size())) == 1) return {};
  return std::string(first_line(why.data()));
}

}  // namespace

CancelHandle cancel_handle(PGconn* connection) { return {PQgetCancel(connection), FreeCancel{}}; }

Task<void> PostgresCanceller::cancel(io::Call call) {
  auto work = [handle = handle_] { return cancel_now(handle); };
  const auto started = Clock::system().now();
  auto done = co_await io::offload(call, std::move(work), cancelling.get());
  if (done.outcome != io::Outcome::ready) {
    throw_error(failures::gave_up_cancelling(node_, done.outcome, Clock::system().now() - started));
  }
  if (!done.value->empty()) {
    throw_error(failures::at(node_, Errc::unavailable, "cannot cancel: " + *done.value));
  }
}

void PostgresCanceller::cancel_unseen(CancelHandle handle) {
  cancelling.get().post([handle = std::move(handle)] { static_cast<void>(cancel_now(handle)); });
}

std::shared_ptr<Canceller> PostgresConnection::canceller() {
  if (!handle_) return nullptr;
  auto handle = cancel_handle(handle_.get());
  return handle ? std::make_shared<PostgresCanceller>(node_, std::move(handle)) : nullptr;
}

Task<bool> PostgresConnection::cancel_late(io::Call& call, io::Outcome outcome,
                                           Operation operation) {
  if (operation.unwanted_until) {
    const auto end = *operation.unwanted_until;
    if (outcome == io::Outcome::cancelled || end <= Clock::system().now()) co_return false;
    co_return co_await cancel_again(call, end);
  }
  if (!operation.cancellable || cancelled_late_ || cancel_timeout_.count() == 0) co_return false;
  auto handle = cancel_handle(handle_.get());
  if (!handle) co_return false;
  cancelled_late_ = true;
  if (outcome == io::Outcome::cancelled) {
    // Every further wait would be cancelled as well.
    PostgresCanceller::cancel_unseen(std::move(handle));
    co_return false;
  }
  call = io::Call(call.waiter(), after(Clock::system().now(), cancel_timeout_));
  bool delivered = true;
  try {
    co_await PostgresCanceller(node_, std::move(handle)).cancel(call);
  } catch (const Error&) {
    delivered = false;
  }
  co_return delivered;
}

PostgresConnection::Operation PostgresConnection::unwanted(io::Call& call) {
  Operation operation{Effect::read, Clock::system().now()};
  operation.unwanted_until = call.deadline();
  call = call.until(operation.started);  // ask at once, unless the answer is there
  return operation;
}

Task<bool> PostgresConnection::cancel_again(io::Call& call, TimePoint end) {
  constexpr auto pause = std::chrono::milliseconds(50);
  bool delivered = true;
  try {
    co_await PostgresCanceller(node_, cancel_handle(handle_.get()))
        .cancel(io::Call(call.waiter(), end));
  } catch (const Error&) {
    delivered = false;
  }
  call = io::Call(call.waiter(), end).until(after(Clock::system().now(), pause));
  co_return delivered;
}

}  // namespace grant::postgres
