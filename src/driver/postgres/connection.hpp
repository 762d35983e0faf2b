#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "grant/driver/connection.hpp"
#include "grant/io/resolver.hpp"
#include "statement_cache.hpp"
#include "types.hpp"

namespace grant::postgres {

/// ConnectOptions in libpq's terms.
struct Settings {
  std::string node{};
  std::string host_name{};  ///< To look up before connecting; empty: nothing to.
  std::vector<std::pair<std::string, std::string>> keywords{};
  std::size_t statement_cache_size{};
  std::optional<std::chrono::seconds>
      connect_timeout{};  ///< libpq's own works only when it blocks.
};

class PostgresConnection final : public Connection {
 public:
  explicit PostgresConnection(const Settings& settings);
  ~PostgresConnection() override;

  /// Connects. Call it once, before everything else. `settings` and `resolver` must live until the
  /// task ends.
  /// Errors: as Driver::connect().
  Task<void> open(io::Call call, const Settings& settings, const io::Resolver& resolver);

  Task<std::unique_ptr<Result>> execute(io::Call call, Statement statement) override;
  Task<void> begin(io::Call call, TransactionOptions options) override;
  Task<void> commit(io::Call call) override;
  Task<void> rollback(io::Call call) override;
  Task<Observation> probe(io::Call call) override;

  [[nodiscard]] TransactionState transaction_state() const noexcept override;
  [[nodiscard]] bool is_open() const noexcept override;
  [[nodiscard]] NodeKind kind_hint() const noexcept override;

 private:
  /// What has been sent, for the error that losing the connection becomes.
  struct Operation {
    Effect effect;
    TimePoint started;
  };

  static void on_notice(void* self, const PGresult* notice) noexcept;

  /// Connects to `address`, in numbers; empty: to where `settings` say.
  Task<void> attempt(io::Call call, const Settings& settings, std::string address);
  Task<void> pin_session(io::Call call);

  /// Before anything is sent. Errors: unavailable.
  Operation start(io::Call call, Effect effect);
  void check_idle();

  /// Sends the rest of what is queued and reads until the server waits for the next command;
  /// leaves the answers in answers_. Throws for a lost connection, not for the server's errors.
  Task<void> receive(io::Call call, Operation operation);
  bool flush(Operation operation);

  /// Runs `commands`, in the simple protocol: one round trip, text results.
  Task<void> run_simple(io::Call call, const char* commands, Effect effect);

  Task<Prepared*> prepare(io::Call call, std::string_view sql);
  void forget_discarded();

  void send(int queued, Operation operation);
  [[nodiscard]] const PGresult* failure() const noexcept;
  void close() noexcept;
  [[noreturn]] void fail(Operation operation, std::span<const ValueView> params);
  [[noreturn]] void fail_lost(Operation operation);
  [[noreturn]] void fail_unsent(std::string_view why, std::string_view sqlstate = {});
  [[noreturn]] void give_up(io::Outcome outcome, Operation operation);

  std::string node_;
  ConnectionHandle handle_;  // null once closed
  int process_;              // that opened it
  StatementCache cache_;
  std::uint64_t names_ = 0;  // that statements of this connection have had
  Prepared unnamed_;         // instead of the cache when that has no room for anything
  Binder binder_;
  std::vector<ResultHandle> answers_;
  TimePoint last_used_{};
  std::string farewell_;  // the SQLSTATE with which the server announced that it ends the session
  Effect transaction_effect_ = Effect::write;
};

}  // namespace grant::postgres
