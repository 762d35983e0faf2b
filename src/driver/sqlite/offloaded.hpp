#pragma once

#include <memory>

#include "grant/driver/canceller.hpp"
#include "grant/driver/connection.hpp"
#include "grant/io/worker.hpp"

namespace grant::sqlite {

/// The threads that open files and look whether they can be read, which must not wait until others
/// have run their statements.
[[nodiscard]] io::Workers& watchers();

/// A connection that awaiting callers do not wait for on their own thread: a worker does what they
/// ask, one operation at a time. Blocking callers do it themselves.
///
/// A wait that is cancelled stops the statement, and blocks until the worker has let go of it. So
/// the connection is never in use when nobody waits for it, stays usable, and what the caller is
/// told about a statement is what became of it.
class OffloadedConnection final : public grant::Connection {
 public:
  /// `connection` must have a canceller.
  explicit OffloadedConnection(std::unique_ptr<grant::Connection> connection);

  Task<std::unique_ptr<Result>> execute(io::Call call, Statement statement) override;
  Task<std::unique_ptr<RowStream>> stream(io::Call call, Statement statement,
                                          StreamOptions options) override;
  Task<std::vector<Answer>> pipeline(io::Call call, std::span<const Statement> statements) override;
  Task<std::uint64_t> load(io::Call call, LoadTarget target, RowSource& source) override;
  [[nodiscard]] std::shared_ptr<Canceller> canceller() override;
  Task<void> begin(io::Call call, TransactionOptions options) override;
  Task<void> commit(io::Call call) override;
  Task<void> rollback(io::Call call) override;
  Task<Observation> probe(io::Call call) override;

  [[nodiscard]] bool session_changed() const noexcept override;
  [[nodiscard]] TransactionState transaction_state() const noexcept override;
  [[nodiscard]] TransactionEnd ended_underneath() const noexcept override {
    return connection_->ended_underneath();
  }
  [[nodiscard]] bool is_open() const noexcept override;
  [[nodiscard]] NodeKind kind_hint() const noexcept override;

 private:
  const std::unique_ptr<grant::Connection> connection_;
  const std::shared_ptr<Canceller> canceller_;
};

}  // namespace grant::sqlite
