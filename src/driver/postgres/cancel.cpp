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
  PGconn* const handle = channel_.handle();
  return handle != nullptr ? PostgresCanceller::of(node_, handle) : nullptr;
}

}  // namespace grant::postgres
