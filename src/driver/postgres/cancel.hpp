#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "grant/driver/canceller.hpp"

namespace grant::postgres {

struct FreeCancel {
  void operator()(PGcancel* cancel) const noexcept { PQfreeCancel(cancel); }
};
using CancelHandle = std::shared_ptr<PGcancel>;

/// What it takes to cancel the statements of `connection`; libpq's own needs no memory of it.
[[nodiscard]] CancelHandle cancel_handle(PGconn* connection);

class PostgresCanceller final : public Canceller {
 public:
  PostgresCanceller(std::string node, CancelHandle handle)
      : node_(std::move(node)), handle_(std::move(handle)) {}

  Task<void> cancel(io::Call call) override;

  /// Does the same on a worker and waits for nothing.
  static void cancel_unseen(CancelHandle handle);

 private:
  const std::string node_;
  const CancelHandle handle_;
};

}  // namespace grant::postgres
