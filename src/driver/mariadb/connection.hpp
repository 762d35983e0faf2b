#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "bind.hpp"
#include "driver/stopwatch.hpp"
#include "driver/turns.hpp"
#include "effects.hpp"
#include "errors.hpp"
#include "grant/driver/connection.hpp"
#include "handles.hpp"
#include "reading.hpp"
#include "settings.hpp"
#include "statement_cache.hpp"
#include "types.hpp"

namespace grant::mariadb {

class Batch;

class MariadbConnection final : public Connection {
 public:
  explicit MariadbConnection(std::shared_ptr<const Target> target);
  ~MariadbConnection() override;

  /// Connects and logs in. Call it once, before everything else, where a thread may be kept.
  /// `turns` must live until the task ends. Errors: as Driver::connect().
  Task<void> open(io::Call call, driver::Turns& turns);

  /// Sets what is promised of each session, and asks whether it is so. Errors: as
  /// Driver::connect().
  Task<void> make_session(io::Call call);

  /// Ends what the session `id` of the same server is running. Errors: unavailable, timeout.
  Task<void> kill_query(io::Call call, unsigned long id);

  Task<std::unique_ptr<Result>> execute(io::Call call, Statement statement) override;
  Task<std::unique_ptr<RowStream>> stream(io::Call call, Statement statement,
                                          StreamOptions options) override;
  Task<std::uint64_t> load(io::Call call, LoadTarget target, RowSource& source) override;
  [[nodiscard]] std::shared_ptr<Canceller> canceller() override;
  Task<void> begin(io::Call call, TransactionOptions options) override;
  Task<void> commit(io::Call call) override;
  Task<void> rollback(io::Call call) override;
  Task<Observation> probe(io::Call call) override;
  Task<void> reset(io::Call call) override;

  [[nodiscard]] bool session_changed() const noexcept override { return session_changed_; }
  [[nodiscard]] TransactionState transaction_state() const noexcept override;
  [[nodiscard]] TransactionEnd ended_underneath() const noexcept override { return ended_; }
  [[nodiscard]] bool is_open() const noexcept override { return handle_ != nullptr; }
  [[nodiscard]] std::optional<Position> last_position() const override;
  [[nodiscard]] NodeKind kind_hint() const noexcept override { return NodeKind::unknown; }

 private:
  friend class MariadbStream;

  /// Whether what has been sent may be ended when nobody waits for it any longer.
  enum class AtDeadline : std::uint8_t { cancel, close };

  /// More bytes than any answer to a command of the driver's own has.
  static constexpr std::uint64_t kMostForItself = (std::uint64_t{16} << 20U) + 1;

  /// What has been sent, for the error that losing the connection becomes.
  struct Operation {
    Effect effect;
    driver::Stopwatch watch;
    AtDeadline at_deadline = AtDeadline::cancel;
    Commits commits = Commits::never;
    bool in_transaction = false;  ///< Open when it was sent.
    bool writes = false;          ///< It could change something, whatever the effect says.
    bool guarded = false;         ///< The server was told to refuse it where it writes.
  };

  /// `host`: a name only where libmariadb needs it.
  Task<void> log_in(io::Call call, std::string host, driver::Turns& turns);

  /// Until the socket is ready for `events`, which a libmariadb call has asked for.
  [[nodiscard]] static io::Call::Awaiter ready(io::Call call, MYSQL* handle, int events);

  /// What to tell that call: `events`, or that the time is over. Then it gives up.
  int seen(io::Outcome outcome, MYSQL* handle, int events) noexcept;

  void forget_tls_errors() noexcept;

  /// What `call`, a call of libmariadb, returns.
  template <class Function>
  auto quietly(Function call) {
    const NoSigpipe quiet(encrypted_);
    const Reading::Here here(reading_);
    return call();
  }

  /// Waits for `events`, and gives them to `go_on`, which goes on with a call of libmariadb and
  /// gives the next ones, until there are none. Without a coroutine where the answer comes in one
  /// piece and nobody has to be waited for elsewhere.
  template <class GoOn>
  Task<void> finish(io::Call call, const Operation& operation, int events, GoOn go_on) {
    if (events == 0 || cancelling_) return finish_rest(call, operation, events, go_on);
    auto wait = ready(call, handle_.get(), events);
    const bool here = wait.await_ready() && wait.await_resume() == io::Outcome::ready;
    if (here) events = go_on_with(call, io::Outcome::ready, events, go_on);
    if (!here || events != 0) return finish_rest(call, operation, events, go_on);
    return Done();
  }

  template <class GoOn>
  int go_on_with(io::Call call, io::Outcome outcome, int events, GoOn& go_on) {
    const int news = seen(outcome, handle_.get(), events);
    reading_.go_on(cancelling_ ? io::Call(call.waiter(), grace_) : call);
    return quietly([&] { return go_on(news); });
  }

  template <class GoOn>
  Task<void> finish_rest(io::Call call, Operation operation, int events, GoOn go_on) {
    bool looked_late = false;
    while (events != 0) {
      const io::Call limited = cancelling_ ? io::Call(call.waiter(), grace_) : call;
      io::Outcome outcome = co_await ready(limited, handle_.get(), events);
      // Once more: an answer that has arrived in time counts, however late it is looked at.
      const bool late = outcome == io::Outcome::ready && limited.deadline() <= call.now();
      if (late && std::exchange(looked_late, true)) outcome = io::Outcome::timed_out;
      if (outcome != io::Outcome::ready) {
        outcome = co_await cancel_in_time(call, operation, outcome, events);
      }
      events = go_on_with(call, outcome, events, go_on);
    }
  }

  /// Tries to end what nobody waits for any longer, so that the server answers and the connection
  /// can be kept. Ready: there is more of the answer.
  Task<io::Outcome> cancel_in_time(io::Call call, Operation operation, io::Outcome outcome,
                                   int events);

  /// Takes in a cancellation that may have come after its statement, and looks what became of the
  /// transaction. Closes the connection when the server does not say.
  Task<void> settle(io::Call call);

  /// Whether the statement that has just failed has changed what it cannot change back: a table
  /// without transactions. True where the server does not say. Asks the server.
  Task<bool> kept_changes(io::Call call, bool in_transaction);

  /// What `statement` is, for the errors that it may end with.
  [[nodiscard]] Operation operation_of(const Statement& statement, Commits commits,
                                       driver::Stopwatch watch) const;
  /// Takes in what a statement of the caller's made of the transaction that begin() started.
  void follow_transaction(std::string_view sql, Commits commits);
  [[nodiscard]] bool wrote_for_good() const noexcept;
  /// Runs a guarded statement in the caller's transaction.
  Task<std::unique_ptr<Result>> execute_guarded(io::Call call, Statement statement);
  void refuse_unguardable(const Prepared& prepared) const;
  /// `sql` as the server refuses it where it writes, outside a transaction.
  [[nodiscard]] std::string with_guard(std::string_view sql) const;

  /// Before anything is sent. Errors: unavailable, timeout; invalid_argument while rows are being
  /// streamed.
  Operation start(io::Call call, Effect effect);
  void check_idle();

  Task<void> send_prepared(io::Call call, Operation operation, MYSQL_STMT* statement);
  Task<bool> fetch(io::Call call, Operation operation, MYSQL_STMT* statement);
  Task<void> end_stream(io::Call call, Operation operation, MYSQL_STMT* statement);
  Task<std::uint64_t> load_batches(io::Call call, Effect effect, MYSQL_STMT* statement,
                                   std::span<const std::string_view> columns, RowSource& source);
  Task<void> send_batch(io::Call call, Effect effect, MYSQL_STMT* statement, Batch& batch);
  Task<void> undo_load(io::Call call, bool alone);
  /// Keeps what the server says, with an answer, that has changed: the session, the position.
  /// `sql` is what was answered.
  void take_changes(io::Call call, std::string_view sql);
  /// After a write outside a transaction. Throws nothing: the write is done.
  Task<void> ask_position(io::Call call);
  Task<void> ask_replication(io::Call call, Observation& seen);
  /// Null: it has to be prepared.
  Prepared* find_prepared(std::string_view sql);
  void note_schema(io::Call call, driver::SchemaEffect effect) noexcept;
  /// `opening` goes before it.
  Task<Prepared> prepare(io::Call call, std::string_view sql, std::string_view opening = {});
  /// Leaves what went wrong in failure_.
  Task<void> send_prepare(io::Call call, Operation operation, MYSQL_STMT* statement,
                          std::string_view sql);
  /// In the cache, if it has room for anything.
  Prepared* keep(Prepared prepared);

  /// Refuses a message of `size` bytes, or more, that the server would not take. Errors:
  /// invalid_argument; those of execute(), when the server has to be asked.
  Task<void> check_size(io::Call call, std::size_t size);
  Task<std::uint64_t> ask_message_limit(io::Call call);
  Task<void> close_discarded(io::Call call);

  /// Each of these gives null when the statement failed; failure_ says how.
  Task<std::unique_ptr<Result>> run_prepared(io::Call call, Operation operation,
                                             Prepared* prepared);
  Task<std::unique_ptr<Result>> run_text(io::Call call, Operation operation, const Prepared* text);
  Task<bool> skip_results(io::Call call, Operation operation, MYSQL_STMT* statement);

  /// Runs one statement in the text protocol, without parameters.
  Task<std::unique_ptr<Result>> run_simple(io::Call call, std::string_view sql, Effect effect,
                                           AtDeadline at_deadline = AtDeadline::cancel);

  /// Throws failure_ as an Error, after finding out whether it took the transaction with it.
  Task<void> fail(io::Call call, Operation operation, std::span<const ValueView> params);

  void check(Operation operation);
  /// A forked child leaves its parent's session alone. Errors: closed.
  void refuse_in_child() const;
  void refuse_while_streaming() const;
  void close() noexcept;
  [[nodiscard]] unsigned int server_status() const noexcept;
  [[nodiscard]] bool in_transaction() const noexcept;
  [[noreturn]] void leave(ErrorInfo info, bool wrote);
  [[noreturn]] void fail_lost(Operation operation);
  [[noreturn]] void fail_too_large(Operation operation);
  [[noreturn]] void fail_without_memory(Effect effect);
  [[noreturn]] void fail_rolled_back();
  [[noreturn]] void fail_unread();
  [[noreturn]] void fail_unsent(std::string_view why);
  [[noreturn]] void give_up(Operation operation);

  const std::shared_ptr<const Target> target_;
  const std::string& node_ = target_->settings.node;
  const std::uint64_t forks_ = grant::detail::forks();
  ConnectionHandle handle_;  // null once closed
  std::optional<grant::detail::HiddenFromChildren> hidden_;
  int process_;  // that opened it
  StatementCache cache_;
  TimePoint names_moved_ = TimePoint::min();  // when they last got another meaning here
  TimePoint gave_way_ = TimePoint::min();     // when it last made room for others on the server
  Prepared uncached_;  // instead of the cache when that has no room for anything
  Binder binder_;
  Failure failure_;
  Reading reading_;
  io::Outcome interrupted_ = io::Outcome::ready;  // how the last wait ended, unless it was ready
  TimePoint last_used_{};
  std::string position_;        // of the last write that told it: a GTID
  bool position_told_ = false;  // that was the last write
  bool may_ask_replication_ = true;
  TimePoint grace_{};                // until when a cancelled statement may take to end
  bool cancelling_ = false;          // the server was asked to end what it runs
  bool encrypted_ = true;            // until it is known that it is not
  bool streaming_ = false;           // rows are on their way to a MariadbStream
  std::uint64_t message_limit_ = 0;  // the server takes shorter ones; 0: nobody has asked yet
  Effect transaction_effect_ = Effect::write;
  bool session_changed_ = false;
  bool database_changed_ = false;
  bool rolled_back_ = false;                 // by the server; nobody has called rollback() yet
  std::optional<ErrorInfo> rolled_back_by_;  // the error of a statement
  bool begun_ = false;                       // by begin(), not ended by commit() or rollback()
  TransactionEnd ended_ = TransactionEnd::none;
  std::string transaction_flags_;  // session_track_transaction_info, as of the last word on it
  bool committed_within_ = false;  // the transaction that is open is not the one of before
  bool guard_was_set_ = false;     // the server tells of that with the next answer without rows
};

}  // namespace grant::mariadb
