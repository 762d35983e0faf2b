#pragma once

#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant {

/// Ends the statement that a connection runs. Thread-safe; may outlive the connection.
class Canceller {
 public:
  Canceller() = default;
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;
  virtual ~Canceller() = default;

  /// Asks the server to end whatever statement the connection is running, and returns when the
  /// request was delivered. The statement then fails with Errc::cancelled, changed nothing, and
  /// leaves the connection usable; it may also be over before the request arrives. Nothing happens
  /// to a connection that runs nothing, but a request that is late may hit its next statement.
  /// Errors: unavailable or timeout, when the request could not be delivered.
  virtual Task<void> cancel(io::Call call) = 0;
};

}  // namespace grant
