#include "offloaded.hpp"

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "grant/core/error.hpp"
#include "grant/core/mutex.hpp"
#include "grant/driver/row_stream.hpp"
#include "grant/io/worker.hpp"
#include "io/process_workers.hpp"

namespace grant::sqlite {
namespace {

using namespace std::chrono_literals;

bool blocks(io::Call call) noexcept { return call.waiter().blocks(); }

/// That of the thread, which blocks here.
TimePoint thread_time() noexcept { return io::blocking_waiter().now(); }

/// Work in the hands of a worker, which may use what the waiting call owns until it is over.
class Turn {
 public:
  /// For the worker. False: nobody waits any more.
  bool begin() {
    const Lock lock(mutex_);
    if (state_ != State::queued) return false;
    state_ = State::running;
    return true;
  }

  void end() {
    const Lock lock(mutex_);
    state_ = State::over;
    over_.notify_one();
  }

  /// Keeps work that has not begun from ever beginning. False: it has.
  bool revoke() {
    const Lock lock(mutex_);
    if (state_ == State::queued) state_ = State::revoked;
    return state_ == State::revoked;
  }

  /// Returns when the worker uses nothing of the call any more. Blocks.
  void stop(Canceller& canceller) {
    if (revoke()) return;
    // Again and again: a request has no effect before the statement has begun, or between two.
    while (!is_over_by(thread_time())) {
      try {
        run(canceller.cancel(io::Call(io::blocking_waiter())));
      } catch (const Error&) {
        // Then it ends by itself, at its deadline.
      }
      if (is_over_by(thread_time() + 1ms)) return;
    }
  }

 private:
  enum class State : unsigned char { queued, running, over, revoked };

  bool is_over_by(TimePoint time) {
    const Lock lock(mutex_);
    while (state_ == State::running && thread_time() < time) over_.wait_until(mutex_, time);
    return state_ != State::running;
  }

  Mutex mutex_;
  Condition over_;
  State state_ GRANT_GUARDED_BY(mutex_) = State::queued;
};

[[noreturn]] void fail_unbegun(io::Outcome outcome) {
  if (outcome == io::Outcome::cancelled) {
    throw_error(Errc::cancelled, "cancelled before a thread was free to run the SQLite statement");
  }
  throw_error(Errc::timeout,
              "the deadline passed before a thread was free to run the SQLite statement");
}

/// Has a worker do `work`, which must not throw, and ends when it is done. Errors: timeout,
/// cancelled, when it was never begun.
Task<void> take_turn(io::Call call, Canceller& canceller, const std::function<void()>& work,
                     io::Workers& threads) {
  const auto turn = std::make_shared<Turn>();
  const auto done = call.waiter().make_signal();
  // Also when the task is destroyed while it waits, as with its event loop.
  struct Stop {
    Turn& turn;
    Canceller& canceller;
    ~Stop() { turn.stop(canceller); }
  };
  const Stop stop{*turn, canceller};
  threads.post([turn, done, &work] {
    if (!turn->begin()) return;
    work();
    turn->end();
    done->set();
  });
  const io::Outcome outcome = co_await call.signalled(*done);
  if (outcome == io::Outcome::ready) co_return;
  if (turn->revoke()) fail_unbegun(outcome);
  // SQLite keeps the deadline itself. A wait that is cancelled ends this one at once, too.
  const io::Call unlimited(call.waiter());
  co_await unlimited.signalled(*done);
}

struct Nothing {};

template <class T>
using Operation = std::function<Task<T>(io::Call call)>;

/// Runs `operation`, which blocks, on a worker, and waits for it as `call` says.
template <class T>
Task<T> on_worker(io::Call call, std::shared_ptr<Canceller> canceller, Operation<T> operation,
                  io::Workers& threads = io::workers()) {
  std::optional<std::conditional_t<std::is_void_v<T>, Nothing, T>> value;
  std::exception_ptr error;
  const std::function<void()> work = [&] {
    try {
      const io::Call blocking(io::blocking_waiter(), call.deadline());
      if constexpr (std::is_void_v<T>) {
        run(operation(blocking));
      } else {
        value.emplace(run(operation(blocking)));
      }
    } catch (...) {
      error = std::current_exception();
    }
  };
  co_await take_turn(call, *canceller, work, threads);
  if (error) std::rethrow_exception(error);
  if constexpr (!std::is_void_v<T>) co_return std::move(*value);
}

class OffloadedStream final : public RowStream {
 public:
  OffloadedStream(std::unique_ptr<RowStream> rows, std::shared_ptr<Canceller> canceller)
      : rows_(std::move(rows)), canceller_(std::move(canceller)) {}

  Task<const Result*> next(io::Call call) override {
    if (blocks(call)) return rows_->next(call);
    return on_worker<const Result*>(call, canceller_,
                                    [this](io::Call blocking) { return rows_->next(blocking); });
  }

  Task<void> close(io::Call call) override {
    if (blocks(call)) return rows_->close(call);
    return on_worker<void>(call, canceller_,
                           [this](io::Call blocking) { return rows_->close(blocking); });
  }

 private:
  const std::unique_ptr<RowStream> rows_;
  const std::shared_ptr<Canceller> canceller_;
};

}  // namespace

io::Workers& watchers() {
  constexpr std::size_t most = 256;
  static constinit io::ProcessWorkers threads(most);
  return threads.get();
}

OffloadedConnection::OffloadedConnection(std::unique_ptr<grant::Connection> connection)
    : connection_(std::move(connection)), canceller_(connection_->canceller()) {}

Task<std::unique_ptr<Result>> OffloadedConnection::execute(io::Call call, Statement statement) {
  if (blocks(call)) return connection_->execute(call, statement);
  return on_worker<std::unique_ptr<Result>>(call, canceller_, [this, statement](io::Call blocking) {
    return connection_->execute(blocking, statement);
  });
}

Task<std::unique_ptr<RowStream>> OffloadedConnection::stream(io::Call call, Statement statement,
                                                             StreamOptions options) {
  const auto start = [this, statement, options](io::Call how) {
    return connection_->stream(how, statement, options);
  };
  auto rows =
      blocks(call) ? start(call) : on_worker<std::unique_ptr<RowStream>>(call, canceller_, start);
  co_return std::make_unique<OffloadedStream>(co_await rows, canceller_);
}

Task<std::vector<Answer>> OffloadedConnection::pipeline(io::Call call,
                                                        std::span<const Statement> statements) {
  if (blocks(call)) return connection_->pipeline(call, statements);
  return on_worker<std::vector<Answer>>(call, canceller_, [this, statements](io::Call blocking) {
    return connection_->pipeline(blocking, statements);
  });
}

Task<std::uint64_t> OffloadedConnection::load(io::Call call, LoadTarget target, RowSource& source) {
  if (blocks(call)) return connection_->load(call, target, source);
  return on_worker<std::uint64_t>(call, canceller_, [this, target, &source](io::Call blocking) {
    return connection_->load(blocking, target, source);
  });
}

std::shared_ptr<Canceller> OffloadedConnection::canceller() { return connection_->canceller(); }

Task<void> OffloadedConnection::begin(io::Call call, TransactionOptions options) {
  if (blocks(call)) return connection_->begin(call, options);
  return on_worker<void>(call, canceller_, [this, options](io::Call blocking) {
    return connection_->begin(blocking, options);
  });
}

Task<void> OffloadedConnection::commit(io::Call call) {
  if (blocks(call)) return connection_->commit(call);
  return on_worker<void>(call, canceller_,
                         [this](io::Call blocking) { return connection_->commit(blocking); });
}

Task<void> OffloadedConnection::rollback(io::Call call) {
  if (blocks(call)) return connection_->rollback(call);
  return on_worker<void>(call, canceller_,
                         [this](io::Call blocking) { return connection_->rollback(blocking); });
}

Task<Observation> OffloadedConnection::probe(io::Call call) {
  if (blocks(call)) return connection_->probe(call);
  return on_worker<Observation>(
      call, canceller_, [this](io::Call blocking) { return connection_->probe(blocking); },
      watchers());
}

bool OffloadedConnection::session_changed() const noexcept {
  return connection_->session_changed();
}

TransactionState OffloadedConnection::transaction_state() const noexcept {
  return connection_->transaction_state();
}

bool OffloadedConnection::is_open() const noexcept { return connection_->is_open(); }

NodeKind OffloadedConnection::kind_hint() const noexcept { return connection_->kind_hint(); }

}  // namespace grant::sqlite
