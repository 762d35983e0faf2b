#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <utility>

#include "driver/turns.hpp"
#include "grant/driver/canceller.hpp"

namespace grant::postgres {

struct FreeCancel {
  void operator()(PGcancel* cancel) const noexcept { PQfreeCancel(cancel); }
};
using CancelHandle = std::shared_ptr<PGcancel>;

/// Cancels the statements of one session. libpq needs no memory of the connection for it.
class PostgresCanceller final : public Canceller {
 public:
  /// Null where `connection` has nothing to cancel.
  [[nodiscard]] static std::shared_ptr<PostgresCanceller> of(const std::string& node,
                                                             PGconn* connection);

  PostgresCanceller(std::string node, CancelHandle handle, std::shared_ptr<driver::Turns> turns)
      : node_(std::move(node)), handle_(std::move(handle)), turns_(std::move(turns)) {}

  Task<void> cancel(io::Call call) override;

  /// Does the same on a worker, until `deadline`, and waits for nothing.
  void cancel_unseen(TimePoint deadline) const;

 private:
  const std::string node_;
  const CancelHandle handle_;
  const std::shared_ptr<driver::Turns> turns_;  // of some of the sessions of its server
};

}  // namespace grant::postgres
