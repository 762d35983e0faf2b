#include "grant/session/transaction.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "grant/driver/connection.hpp"
#include "grant/session/execution.hpp"
#include "pause.hpp"
#include "with_connection.hpp"

namespace grant::detail {
namespace {

/// Longest wait for the answer to a rollback: the caller is on its way out.
constexpr std::chrono::seconds kRollbackLimit{1};

Access access_for(const TransactionSpec& spec, CallSite place) {
  Access access;
  access.context = current_context();
  access.connection = connects_to(spec.database);
  access.connection.lag_threshold = spec.replica_lag_threshold;
  access.connection.retry_attempts = spec.failover_retry_attempts;
  access.shard = spec.shard;
  access.place = place;
  return access;
}

Task<std::unique_ptr<OpenTransaction>> begin(const Place& place, TransactionOptions options,
                                             io::Call call, TransactionRuns* runs,
                                             Attempt& attempt) {
  co_await attempt.lease->begin(call, options);
  co_return std::make_unique<OpenTransaction>(place, std::move(attempt), options.effect, runs);
}

/// `place` must outlive the task.
Task<std::unique_ptr<OpenTransaction>> open(const Place& place, TransactionOptions options,
                                            io::Call call, TransactionRuns* runs) {
  // Nothing has been written by the time it succeeds.
  return with_connection(place, options.effect, Effect::read, call, [=, &place](Attempt& attempt) {
    return begin(place, options, call, runs, attempt);
  });
}

Statement command(std::string_view sql) {
  Statement statement;
  statement.sql = sql;
  statement.effect = Effect::read;  // losing it loses the transaction, and nothing else
  return statement;
}

Task<void> sleep(io::Call call, TimePoint until) { co_await call.sleep_until(until); }

}  // namespace

class TransactionScope::Impl {
 public:
  Impl(const TransactionSpec& spec, CallSite place, TransactionRuns* runs)
      : place_(access_for(spec, place)), call_(io::blocking_waiter(), place_.deadline()) {
    place_.refuse_prevented(spec.effect);
    if (place_.transaction() != nullptr) {
      begin_savepoint(spec);
    } else {
      TransactionOptions options;
      options.isolation = spec.isolation;
      options.effect = spec.effect;
      owned_ = run(open(place_, options, call_, runs));
    }
    ContextFrame frame;
    frame.only_for = spec.database;
    frame.shard = spec.shard;
    frame.prevent_writes = spec.effect == Effect::read;
    frame.transaction = owned_.get();
    context_.emplace(std::move(frame));
  }

  void commit() {
    if (joined().is_over()) {
      done_ = true;
      joined().refuse_if_over("there was nothing left to commit");
    }
    if (!owned_) {
      run_command("RELEASE SAVEPOINT " + savepoint_);
      done_ = true;
      return;
    }
    done_ = true;
    try {
      run(owned_->connection().commit(call_));
    } catch (const Error& error) {
      owned_->fail_commit(error);
    }
    // From the commit on, not from the write: only now is there something new to see.
    if (owned_->wrote()) place_.wrote();
  }

  ~Impl() {
    try {
      // What has taken its place is not this one's to end; the pool sees to what is left open.
      if (!done_ && !joined().is_over()) roll_back();
    } catch (...) {
      // The connection is lost, and with it the transaction. The pool closes what is not clean.
    }
    if (place_.transaction() != nullptr) place_.transaction()->leave();
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

 private:
  OpenTransaction& joined() const { return owned_ ? *owned_ : *place_.transaction(); }

  void begin_savepoint(const TransactionSpec& spec) {
    if (spec.isolation != Isolation::engine_default) {
      throw_error(Errc::invalid_argument,
                  fmt::format("database \"{}\": a transaction inside another one cannot have an "
                              "isolation of its own",
                              place_.cluster().name()));
    }
    savepoint_ = fmt::format("grant_{}", place_.transaction()->enter());
    try {
      run_command("SAVEPOINT " + savepoint_);
    } catch (...) {
      place_.transaction()->leave();
      throw;
    }
  }

  void run_command(const std::string& sql) const {
    const auto statement = command(sql);
    joined().refuse_if_over("nothing of this one was sent");
    try {
      run(joined().connection().execute(call_, statement));
    } catch (const Error& error) {
      joined().fail(statement, error);
    }
  }

  void roll_back() {
    const io::Call call(io::blocking_waiter(), after(io::blocking_waiter().now(), kRollbackLimit));
    auto& connection = joined().connection();
    if (!connection.is_open()) return;
    if (owned_) {
      if (connection.transaction_state() != TransactionState::none) run(connection.rollback(call));
      return;
    }
    const auto to_savepoint = "ROLLBACK TO SAVEPOINT " + savepoint_;
    const auto release = "RELEASE SAVEPOINT " + savepoint_;
    run(connection.execute(call, command(to_savepoint)));
    run(connection.execute(call, command(release)));
  }

  const Place place_;
  const io::Call call_;
  std::unique_ptr<OpenTransaction> owned_;  // null: a savepoint of the place's transaction
  std::string savepoint_;
  std::optional<ContextScope> context_;
  bool done_ = false;
};

TransactionRuns::TransactionRuns(const TransactionSpec& spec) : left_(spec.conflict_retries) {
  if (left_ == 0) return;
  // What ends the outermost transaction has left those inside it nothing to repeat.
  const Place place(access_for(spec, {}));
  if (place.transaction() != nullptr) left_ = 0;
  deadline_ = place.deadline();
}

bool TransactionRuns::again_after(const Error& error) {
  const auto fate = std::exchange(fate_, Fate::usual);
  const bool lost = error.code() == Errc::unavailable && fate == Fate::lost;
  if (left_ == 0 || fate == Fate::kept || (error.code() != Errc::conflict && !lost)) return false;
  const io::Call call(io::blocking_waiter());
  const auto random = io::system_runtime().random_bits();
  const auto until = after(call.now(), pause_after(++done_, random));
  if (until >= deadline_) return false;
  --left_;
  run(sleep(call, until));
  return true;
}

TransactionScope::TransactionScope(const TransactionSpec& spec, CallSite place,
                                   TransactionRuns* runs)
    : impl_(std::make_unique<Impl>(spec, place, runs)) {}

TransactionScope::~TransactionScope() = default;

void TransactionScope::commit() { impl_->commit(); }

}  // namespace grant::detail
