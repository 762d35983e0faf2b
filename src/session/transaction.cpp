#include "grant/session/transaction.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "grant/driver/connection.hpp"
#include "grant/session/execution.hpp"
#include "node_finder.hpp"
#include "pause.hpp"

namespace grant::detail {
namespace {

/// Longest wait for the answer to a rollback: the caller is on its way out.
constexpr std::chrono::seconds kRollbackLimit{1};

Access access_for(const TransactionSpec& spec) {
  Access access;
  access.context = current_context();
  access.connection = connects_to(spec.database);
  access.connection.lag_threshold = spec.replica_lag_threshold;
  access.connection.retry_attempts = spec.failover_retry_attempts;
  access.shard = spec.shard;
  return access;
}

Task<std::unique_ptr<OpenTransaction>> open(const Access& access, const Located& located,
                                            TransactionOptions options, io::Call call,
                                            CallSite place, TransactionRuns* runs) {
  NodeFinder finder(access, located, options.effect, call.deadline());
  for (std::size_t failures = 0;; ++failures) {
    if (failures > 1) {
      co_await call.sleep_until(
          after(Clock::system().now(), pause_after(failures - 1, random_bits())));
    }
    auto index = finder.next_now();
    if (!index) index = co_await finder.next(call);
    const Node::InFlight in_flight(located.cluster->node(*index));
    auto& pool = located.cluster->node(*index).pool(options.effect);
    auto lease = pool.try_acquire(call, place);
    try {
      if (!lease) lease = co_await pool.acquire(call, place);
    } catch (const Error& error) {
      if (!finder.retry_after_checkout_failure(error)) throw;
    }
    if (!lease) continue;
    bool begun = false;
    try {
      co_await lease->begin(call, options);
      begun = true;
    } catch (const Error& error) {
      if (!finder.retry_after_failure(error, *lease)) throw;
    }
    if (!begun) continue;
    finder.succeeded(Effect::read, *lease);  // nothing has been written yet
    co_return std::make_unique<OpenTransaction>(located.session, located.cluster, *index,
                                                std::move(lease), options.effect, runs);
  }
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
      : access_(access_for(spec)), located_(locate(access_)) {
    refuse_prevented_write(located_, spec.effect);
    call_ = io::Call(io::blocking_waiter(), located_.target.deadline);
    if (located_.transaction != nullptr) {
      begin_savepoint(spec);
    } else {
      TransactionOptions options;
      options.isolation = spec.isolation;
      options.effect = spec.effect;
      while (!owned_) {
        try {
          owned_ = run(open(access_, located_, options, call_, place, runs));
        } catch (const Error& error) {
          if (!set_up_anew(error, access_, located_)) throw;
          located_ = locate(access_);
        }
      }
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
    if (owned_->wrote()) owned_->session().wrote(*owned_->cluster());
  }

  ~Impl() {
    try {
      // What has taken its place is not this one's to end; the pool sees to what is left open.
      if (!done_ && !joined().is_over()) roll_back();
    } catch (...) {
      // The connection is lost, and with it the transaction. The pool closes what is not clean.
    }
    if (located_.transaction != nullptr) located_.transaction->leave();
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

 private:
  OpenTransaction& joined() const { return owned_ ? *owned_ : *located_.transaction; }

  void begin_savepoint(const TransactionSpec& spec) {
    if (spec.isolation != Isolation::engine_default) {
      throw_error(Errc::invalid_argument,
                  fmt::format("database \"{}\": a transaction inside another one cannot have an "
                              "isolation of its own",
                              located_.cluster->name()));
    }
    savepoint_ = fmt::format("grant_{}", located_.transaction->enter());
    try {
      run_command("SAVEPOINT " + savepoint_);
    } catch (...) {
      located_.transaction->leave();
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
    const io::Call call(io::blocking_waiter(), after(Clock::system().now(), kRollbackLimit));
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

  const Access access_;
  Located located_;
  io::Call call_{io::blocking_waiter()};
  std::unique_ptr<OpenTransaction> owned_;  // null: a savepoint of located_.transaction
  std::string savepoint_;
  std::optional<ContextScope> context_;
  bool done_ = false;
};

TransactionRuns::TransactionRuns(const TransactionSpec& spec) : left_(spec.conflict_retries) {
  if (left_ == 0) return;
  // What ends the outermost transaction has left those inside it nothing to repeat.
  const auto access = access_for(spec);
  const auto located = locate(access);
  if (located.transaction != nullptr) left_ = 0;
  deadline_ = located.target.deadline;
}

bool TransactionRuns::again_after(const Error& error) {
  const auto fate = std::exchange(fate_, Fate::usual);
  const bool lost = error.code() == Errc::unavailable && fate == Fate::lost;
  if (left_ == 0 || fate == Fate::kept || (error.code() != Errc::conflict && !lost)) return false;
  const auto until = after(Clock::system().now(), pause_after(++done_, random_bits()));
  if (until >= deadline_) return false;
  --left_;
  run(sleep(io::Call(io::blocking_waiter()), until));
  return true;
}

TransactionScope::TransactionScope(const TransactionSpec& spec, CallSite place,
                                   TransactionRuns* runs)
    : impl_(std::make_unique<Impl>(spec, place, runs)) {}

TransactionScope::~TransactionScope() = default;

void TransactionScope::commit() { impl_->commit(); }

}  // namespace grant::detail
