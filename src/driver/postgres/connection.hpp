#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bind.hpp"
#include "channel.hpp"
#include "driver/schema_changes.hpp"
#include "driver/stopwatch.hpp"
#include "driver/turns.hpp"
#include "errors.hpp"
#include "grant/driver/connection.hpp"
#include "grant/io/resolver.hpp"
#include "greeting.hpp"
#include "handles.hpp"
#include "settings.hpp"
#include "statement_cache.hpp"
#include "types.hpp"

namespace grant::postgres {

/// What a session means: its transaction, its prepared statements, what was changed on it, and what
/// the server's errors say of that. How it sends and receives is its channel's.
class PostgresConnection final : public Connection, private Meaning {
 public:
  explicit PostgresConnection(const Settings& settings);

  /// Connects. Call it once, before everything else, where a thread may be kept. `settings`,
  /// `resolver` and `turns` must live until the task ends.
  /// Errors: as Driver::connect().
  Task<void> open(io::Call call, const Settings& settings, const io::Resolver& resolver,
                  driver::Turns& turns);

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
  Task<void> reset(io::Call call) override;

  [[nodiscard]] bool session_changed() const noexcept override { return session_changed_; }
  [[nodiscard]] TransactionState transaction_state() const noexcept override;
  [[nodiscard]] TransactionEnd ended_underneath() const noexcept override { return ended_; }
  [[nodiscard]] bool is_open() const noexcept override { return channel_.is_open(); }
  [[nodiscard]] std::optional<Position> last_position() const override { return position_; }
  [[nodiscard]] NodeKind kind_hint() const noexcept override;

 private:
  /// A statement of a pipeline that has no answer yet.
  struct Queued {
    const Statement* statement;
    Answer* answer;
    Prepared* prepared = nullptr;
    bool sent = false;
    bool prepared_anew = false;   // in this pipeline
    bool in_transaction = false;  // when it was sent
  };

  /// Connects to `address`, in numbers; empty: to where `settings` say.
  Task<void> attempt(io::Call call, const Settings& settings, std::string address,
                     driver::Turns& turns);
  /// Reads what the server says before libpq does, and refuses what libpq should not answer.
  Task<io::Outcome> look_at_login(io::Call call, const Settings& settings, PGconn* handle,
                                  LoginScanner& scanner) const;
  Task<void> pin_session(io::Call call);

  /// What execute() knows of its statement.
  struct Execution {
    Operation operation;
    bool may_begin_again = false;  ///< The transaction, which was new.
    bool guarded = false;
    bool placed = false;  ///< Its position is wanted.
    const Prepared* prepared = nullptr;
    bool cached = false;  ///< It was prepared before.
    bool sent = false;    ///< And its answer, an error, is on the channel.
    std::shared_ptr<const Columns> columns{};
    bool is_kept_there = false;
  };

  Execution begin_execution(io::Call call, const Statement& statement);
  /// False: the values do not fit.
  bool binds(const Statement& statement, const Prepared& prepared);
  /// With what is in binder_.
  void send_bound(const Statement& statement, Execution& execution);
  std::unique_ptr<Result> take_result(io::Call call, const Statement& statement,
                                      Execution& execution);
  /// All that execute() may have to do. `begun`: what has been done; empty: nothing.
  Task<std::unique_ptr<Result>> execute_rest(io::Call call, Statement statement,
                                             std::optional<Execution> begun);

  ErrorInfo failure_info(const PGresult* failed, const Operation& operation,
                         std::span<const ValueView> params) override;
  void on_idle(io::Call call) noexcept override { settle_schema(call); }
  void on_closed(bool in_doubt) noexcept override;

  /// Before anything is sent. Errors: as Channel::start().
  Operation start(io::Call call, Effect effect);
  /// Makes `operation` that of `statement`, which is sent now; `may_commit`: see may_commit().
  void complete(Operation& operation, const Statement& statement, bool may_commit) const;
  /// Of what changes nothing, and is sent now.
  [[nodiscard]] Operation harmless(driver::Stopwatch watch) const;
  /// Takes in what a statement of the caller's made of the transaction that begin() started.
  /// `answer`: null where it failed.
  void follow_transaction(const PGresult* answer, std::string_view sql) noexcept;

  void refuse_unguardable(std::string_view sql) const;
  /// `silent`: since the last answer.
  [[nodiscard]] bool needs_guard(const Statement& statement, Duration silent) const;
  /// Runs what is bound where the server refuses writes; leaves its answer on the channel.
  Task<void> run_guarded(io::Call call, Operation operation, const Prepared& prepared);

  /// Runs what is bound, and asks for its position; leaves its answer on the channel.
  Task<void> run_placed(io::Call call, Operation operation, const Prepared& prepared);
  /// Commits, and asks for the position; leaves the answer to COMMIT.
  Task<void> commit_placed(io::Call call, Effect effect);
  /// Asks behind what was sent in a pipeline; leaves the answers to that, and no pipeline.
  Task<void> receive_placed(io::Call call, Operation operation);

  /// Sees to session_changed_, and to what is known of the schema, after a command has succeeded.
  void note_command(io::Call call, const PGresult* answer, std::string_view sql) noexcept;
  void note_schema(io::Call call, driver::SchemaEffect effect) noexcept;
  void note_schema(TimePoint now, driver::SchemaEffect effect) noexcept;
  /// The last time, as far as this connection and this process know.
  [[nodiscard]] TimePoint schema_changed() const noexcept;
  /// A transaction, or a part of one, is over: what was done in it now holds for all, or for none.
  void settle_schema(io::Call call) noexcept;
  void settle_schema(TimePoint now) noexcept;

  /// Runs `commands`, in the simple protocol: one round trip, text results.
  Task<void> run_simple(io::Call call, const char* commands, Effect effect);

  /// Null: it has to be prepared.
  Prepared* find_prepared(std::string_view sql, TimePoint now);
  Task<Prepared*> prepare(io::Call call, std::string_view sql);
  [[nodiscard]] std::string next_name();
  /// Gives the number of answers that will come; describe() takes the second.
  std::size_t send_prepare(const Prepared& prepared, const Operation& operation);
  void send_deallocate(const std::string& name, const Operation& operation);
  /// With what is in binder_.
  void send_execute(const Prepared& prepared, const Operation& operation);
  void forget_discarded(std::size_t own);
  /// What is kept of the statement `sql` may not fit the server any longer.
  void forget_outdated(io::Call call, Staleness staleness, std::string_view sql);
  /// A transaction that has not been used yet, once more: one whose first statement failed.
  Task<void> begin_again(io::Call call);

  Task<void> prepare_queued(io::Call call, std::vector<Queued>& queue);
  Task<void> run_queued(io::Call call, std::vector<Queued>& queue);
  /// False: the statement is to be run again.
  bool take_answer(io::Call call, Queued& queued, ResultHandle& answer, bool in_transaction);

  /// One COPY, in the transaction that is open.
  Task<std::uint64_t> copy(io::Call call, LoadTarget target, std::span<const Oid> types,
                           RowSource& source);
  Task<void> copy_rows(io::Call call, Operation operation, LoadTarget target,
                       std::span<const Oid> types, RowSource& source);

  /// Parses `sql`, without the cache, in a transaction whose locks keep the columns what they are:
  /// one that `begin` starts, or, where that is null, the one that is open. Errors: as those of
  /// execute(), and no transaction of its own is left.
  Task<Prepared> parse_locked(io::Call call, std::string sql, const char* begin);
  /// Rolls back, or closes the connection. Throws nothing: what led here matters more.
  Task<void> undo(io::Call call);
  [[noreturn]] void fail(const Operation& operation, std::span<const ValueView> params);
  [[noreturn]] void fail_outdated(const Operation& operation, std::span<const ValueView> params);

  const std::string node_;
  Channel channel_;
  StatementCache cache_;
  std::string prefix_;       // of their names: nobody else's, whoever else uses the same session
  std::uint64_t names_ = 0;  // that statements of this connection have had
  Prepared unnamed_;         // instead of the cache when that has no room for anything
  const Duration lifetime_;  // of what the server said of a statement
  TimePoint names_moved_ = TimePoint::min();  // when they last got another meaning here
  // The most that the open transaction has done to the schema.
  driver::SchemaEffect unsettled_ = driver::SchemaEffect::none;
  bool named_;                    // the server keeps what was prepared, as far as is known
  bool statements_gone_ = false;  // it has forgotten them all
  Binder binder_;
  bool begun_ = false;  // by begin(), and not ended by commit() or rollback()
  TransactionEnd ended_ = TransactionEnd::none;
  std::optional<ErrorInfo> first_failure_;  // which failed the transaction that is open
  TransactionOptions transaction_{};        // that begin() started, while it is open
  Effect at_stake_ = Effect::read;          // what losing the statement under way may have changed
  std::optional<Position> position_;        // of the last write, where it was asked for
  bool untouched_ = false;  // nothing was done in it yet, and it was begun by begin()
  const std::uint64_t max_result_size_;
  bool session_changed_ = false;
  bool named_statements_ = false;  // the user may have changed which there are
};

}  // namespace grant::postgres
