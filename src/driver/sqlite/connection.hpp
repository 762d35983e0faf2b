#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cancel.hpp"
#include "grant/core/clock.hpp"
#include "grant/driver/connection.hpp"
#include "handles.hpp"
#include "settings.hpp"
#include "statement_cache.hpp"

namespace grant::sqlite {

class SqliteStream;

class SqliteConnection final : public grant::Connection {
 public:
  /// Errors: unavailable (missing, locked, deadline passed); configuration (not a database, not
  /// permitted).
  SqliteConnection(io::Call call, Settings settings, std::string node);

  Task<std::unique_ptr<Result>> execute(io::Call call, Statement statement) override;
  Task<std::unique_ptr<RowStream>> stream(io::Call call, Statement statement,
                                          StreamOptions options) override;
  Task<std::uint64_t> load(io::Call call, LoadTarget target, RowSource& source) override;
  [[nodiscard]] std::shared_ptr<Canceller> canceller() override;
  Task<void> begin(io::Call call, TransactionOptions options) override;
  Task<void> commit(io::Call call) override;
  Task<void> rollback(io::Call call) override;
  Task<Observation> probe(io::Call call) override;

  [[nodiscard]] bool session_changed() const noexcept override { return session_changed_; }
  [[nodiscard]] TransactionState transaction_state() const noexcept override;
  [[nodiscard]] TransactionEnd ended_underneath() const noexcept override { return ended_; }
  [[nodiscard]] bool is_open() const noexcept override { return open_; }
  [[nodiscard]] NodeKind kind_hint() const noexcept override { return kind_; }

 private:
  friend class SqliteStream;
  class Load;

  /// While SQLite is at work for a caller, `call`, whose waiter blocks.
  class OperationScope {
   public:
    OperationScope(SqliteConnection& connection, io::Call call) noexcept;
    OperationScope(const OperationScope&) = delete;
    OperationScope& operator=(const OperationScope&) = delete;
    ~OperationScope();

   private:
    SqliteConnection& connection_;
    const std::optional<io::Call> outer_;
    bool outermost_ = false;  // one of its own, and not a part of another one
    std::optional<grant::detail::LibraryGate::Inside> inside_;
  };

  // SQLite calls these during a statement.
  // The deadline is looked at that often: within some ten microseconds, at no cost to be seen.
  static constexpr int kInstructionsBetweenChecks = 1'000;
  static int on_progress(void* self) noexcept;
  static int on_busy(void* self, int count) noexcept;
  /// While a statement is compiled, for each thing that it is going to do.
  static int on_compile(void* self, int action, const char* what, const char* value,
                        const char* database, const char* within) noexcept;

  /// A forked child leaves its parent's connection alone. Errors: closed.
  void refuse_in_child() const;
  void open();
  void configure();
  void enter_wal_mode();
  void refuse_other_than_files() const;
  [[noreturn]] void fail_open(int code) const;

  void refuse_unless_ready(io::Call call, std::string_view tried) const;
  void refuse_while_streaming(std::string_view tried) const;
  void refuse_failed_transaction(std::string_view tried) const;
  [[nodiscard]] bool is_cancelled() const noexcept;
  bool take_cancellation() noexcept;
  std::unique_ptr<Result> run(io::Call call, const Statement& statement, std::string_view tried);
  void run_plain(io::Call call, std::string_view sql, std::string_view tried);
  Prepared& prepared(std::string_view sql, std::string_view tried);
  void refuse_guarded(const Prepared& prepared, std::string_view tried) const;
  [[noreturn]] void fail(int code, std::string_view tried, const Statement& statement);
  [[noreturn]] void fail_as_it_stands(int code, std::string_view tried, const Statement& statement);
  void note_end(std::string_view sql);
  void follow_transaction(bool statement_succeeded);
  [[nodiscard]] std::string about_lock() const;
  void set_query_only(bool on);
  void restore_query_only();

  void begin_now(io::Call call, TransactionOptions options);
  void commit_now(io::Call call);
  void rollback_now(io::Call call);
  Observation observe(io::Call call);
  [[nodiscard]] std::string instance() const;
  std::optional<Timestamp> heartbeat(io::Call call);

  const std::uint64_t forks_ = grant::detail::forks();
  const Settings settings_;
  const std::string node_;
  Database database_;  // outlives its statements
  StatementCache statements_;
  std::optional<Prepared> uncached_;  // the last statement, where the cache is off

  SqliteStream* stream_ = nullptr;  // the one that is open
  const std::shared_ptr<std::atomic<Activity>> activity_ =
      std::make_shared<std::atomic<Activity>>(Activity::idle);

  NodeKind kind_ = NodeKind::unknown;
  bool open_ = true;
  bool in_transaction_ = false;  // as the caller sees it; SQLite may have rolled back by itself
  std::optional<ErrorInfo> failed_by_;  // what has made SQLite roll back
  bool begun_ = false;                  // by begin(), and not ended by commit() or rollback()
  TransactionEnd ended_ = TransactionEnd::none;
  bool query_only_ = false;
  bool session_changed_ = false;
  bool compiled_changes_session_ = false;  // what is being compiled, or was last
  bool compiled_is_about_transaction_ = false;

  std::optional<io::Call> call_;   // that is under way
  TimePoint busy_since_ = kNever;  // of its last wait for a lock; kNever: there was none
  TimePoint busy_until_ = kNever;
};

}  // namespace grant::sqlite
