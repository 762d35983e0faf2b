#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "grant/driver/observation.hpp"
#include "grant/driver/result.hpp"
#include "grant/driver/statement.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant {

enum class TransactionState : std::uint8_t {
  none,
  open,
  failed,  ///< Only a rollback is accepted.
};

/// One connection to one node. For one caller at a time; different callers may use it one after the
/// other on different threads.
///
/// Every operation obeys the deadline of its Call; one that has passed already ends it with timeout
/// and changes nothing. When an operation ends before the server has answered, the connection is
/// closed: is_open() is false from then on, and the error says whether the statement may have run:
///   - unavailable: the connection was lost, and nothing that changes data was executed;
///   - outcome_unknown: it was sent and could change something;
///   - timeout: the deadline passed, and nothing that changes data was executed.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  /// Runs one statement and gives all its rows. The statement's views must live until the task
  /// ends. Errors: what the server said, sorted by Errc; unavailable, outcome_unknown or timeout.
  virtual Task<std::unique_ptr<Result>> execute(io::Call call, Statement statement) = 0;

  /// Starts a transaction.
  virtual Task<void> begin(io::Call call, TransactionOptions options) = 0;

  /// Errors besides those of execute(): conflict, when the server had already rolled the
  /// transaction back (PostgreSQL answers such a COMMIT with success and the tag ROLLBACK).
  virtual Task<void> commit(io::Call call) = 0;

  virtual Task<void> rollback(io::Call call) = 0;

  /// What the node is, in one round trip, as a plain user.
  virtual Task<Observation> probe(io::Call call) = 0;

  /// As of the last reply; costs nothing.
  [[nodiscard]] virtual TransactionState transaction_state() const noexcept = 0;

  /// False once the connection is known to be broken; true says only that nobody noticed yet.
  [[nodiscard]] virtual bool is_open() const noexcept = 0;

  /// What the node was last seen to be, from what it sends unasked; unknown where it sends nothing.
  [[nodiscard]] virtual NodeKind kind_hint() const noexcept = 0;
};

}  // namespace grant
