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

Access access_for(const TransactionSpec& spec, Scope scope, CallSite place) {
  Access access;
  access.scope = std::move(scope);
  access.connection = spec.connection();
  access.shard = spec.shard;
  access.place = place;
  return access;
}

Task<std::shared_ptr<OpenTransaction>> begin(const Place& place, TransactionOptions options,
                                             io::Call call, TransactionRuns* runs,
                                             Attempt& attempt) {
  co_await attempt.lease->begin(call, options);
  co_return std::make_shared<OpenTransaction>(place, std::move(attempt), options.effect, runs);
}

/// `place` must outlive the task.
Task<std::shared_ptr<OpenTransaction>> open(const Place& place, TransactionOptions options,
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

}  // namespace grant::detail

namespace grant {

using detail::OpenTransaction;
using detail::Place;

class Transaction::Impl {
 public:
  Impl(const TransactionSpec& spec, detail::Scope scope, CallSite site,
       detail::TransactionRuns* runs)
      : Impl(scope.handed, spec, std::move(scope), site, runs) {}

  Impl(bool handed, const TransactionSpec& spec, detail::Scope scope, CallSite site,
       detail::TransactionRuns* runs)
      : place_(detail::access_for(spec, std::move(scope), site)),
        call_(io::blocking_waiter(), place_.deadline()) {
    place_.refuse_prevented(spec.effect);
    if (place_.transaction() != nullptr) {
      begin_savepoint(spec);
    } else {
      TransactionOptions options;
      options.isolation = spec.isolation;
      options.effect = spec.effect;
      owned_ = run(detail::open(place_, options, call_, runs));
      if (handed) owned_->hand_over();
    }
    inside_.only_for = spec.database;
    inside_.shard = spec.shard;
    inside_.prevent_writes = spec.effect == Effect::read;
    inside_.transaction = joined();
    inside_.transaction_on = &place_.origin();
  }

  /// The level of the context that is inside of it.
  [[nodiscard]] detail::ContextFrame inside() const { return inside_; }

  /// The same, in the context that it was begun in.
  [[nodiscard]] detail::ContextPtr context() const {
    auto frame = inside_;
    frame.outer = place_.context();
    return std::make_shared<const detail::ContextFrame>(std::move(frame));
  }

  void commit() {
    refuse_if_done("commit");
    const auto open = joined();
    const OpenTransaction::InUse in_use(*open);
    if (open->is_over()) {
      end();
      open->refuse_if_over("there was nothing left to commit");
    }
    if (!owned_) {
      run_command(*open, "RELEASE SAVEPOINT " + savepoint_);
      end();
      return;
    }
    end();
    try {
      run(open->connection().commit(call_));
    } catch (const Error& error) {
      open->fail_commit(error);
    }
    // From the commit on, not from the write: only now is there something new to see.
    if (open->wrote()) place_.wrote();
  }

  void rollback() {
    refuse_if_done("roll back");
    const auto open = joined();
    const OpenTransaction::InUse in_use(*open);
    const bool whole = owned_ != nullptr;
    end();
    // What has taken its place is not this one's to end; the pool sees to what is left open.
    if (!open->is_over()) roll_back(*open, whole);
  }

  ~Impl() {
    try {
      if (!done_) rollback();
    } catch (...) {
      // The connection is lost, and with it the transaction; or somebody else is still at it, and
      // gives the connection back when he is done. The pool cleans or closes what is not clean.
    }
    if (place_.transaction()) place_.transaction()->leave();
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

 private:
  [[nodiscard]] const std::shared_ptr<OpenTransaction>& joined() const {
    return owned_ ? owned_ : place_.transaction();
  }

  void refuse_if_done(std::string_view what) const {
    if (!done_) return;
    throw_error(Errc::invalid_argument,
                fmt::format("database \"{}\": the transaction has ended: there is nothing to {}",
                            place_.cluster().name(), what));
  }

  void begin_savepoint(const TransactionSpec& spec) {
    if (spec.isolation != Isolation::engine_default) {
      throw_error(Errc::invalid_argument,
                  fmt::format("database \"{}\": a transaction inside another one cannot have an "
                              "isolation of its own",
                              place_.cluster().name()));
    }
    auto& outer = *place_.transaction();
    const OpenTransaction::InUse in_use(outer);
    savepoint_ = fmt::format("grant_{}", outer.enter());
    try {
      run_command(outer, "SAVEPOINT " + savepoint_);
    } catch (...) {
      outer.leave();
      throw;
    }
  }

  void run_command(OpenTransaction& open, const std::string& sql) const {
    const auto statement = detail::command(sql);
    open.refuse_if_over("nothing of this one was sent");
    try {
      run(open.connection().execute(call_, statement));
    } catch (const Error& error) {
      open.fail(statement, error);
    }
  }

  /// Queries that are handed it from now on find that it is gone.
  void end() noexcept {
    done_ = true;
    owned_.reset();
  }

  /// `whole`: it is no savepoint.
  void roll_back(OpenTransaction& open, bool whole) const {
    const io::Call call(io::blocking_waiter(),
                        after(io::blocking_waiter().now(), detail::kRollbackLimit));
    auto& connection = open.connection();
    if (!connection.is_open()) return;
    if (whole) {
      if (connection.transaction_state() != TransactionState::none) run(connection.rollback(call));
      return;
    }
    const auto to_savepoint = "ROLLBACK TO SAVEPOINT " + savepoint_;
    const auto release = "RELEASE SAVEPOINT " + savepoint_;
    run(connection.execute(call, detail::command(to_savepoint)));
    run(connection.execute(call, detail::command(release)));
  }

  const Place place_;
  const io::Call call_;
  std::shared_ptr<OpenTransaction> owned_;  // null: a savepoint of the place's transaction
  std::string savepoint_;
  detail::ContextFrame inside_;
  bool done_ = false;
};

Transaction::Transaction(const TransactionSpec& spec, detail::Scope scope, CallSite place,
                         detail::TransactionRuns* runs)
    : impl_(std::make_unique<Impl>(spec, std::move(scope), place, runs)) {}

Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Transaction Transaction::begin(const TransactionSpec& spec, const Context& in, CallSite place) {
  return Transaction(spec, in.scope(), place, nullptr);
}

void Transaction::commit() { impl_->commit(); }
void Transaction::rollback() { impl_->rollback(); }
Context Transaction::context() const { return Context(impl_->context()); }
detail::ContextFrame Transaction::inside() const { return impl_->inside(); }

}  // namespace grant

namespace grant::detail {

TransactionRuns::TransactionRuns(const TransactionSpec& spec) : left_(spec.conflict_retries) {
  if (left_ == 0) return;
  // What ends the outermost transaction has left those inside it nothing to repeat.
  const Place place(access_for(spec, Scope::here(), {}));
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

}  // namespace grant::detail
