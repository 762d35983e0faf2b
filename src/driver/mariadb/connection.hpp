#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "bind.hpp"
#include "errors.hpp"
#include "grant/driver/connection.hpp"
#include "grant/io/resolver.hpp"
#include "statement_cache.hpp"
#include "types.hpp"

namespace grant::mariadb {

enum class TlsMode : std::uint8_t { disabled, preferred, required, verify_ca, verify_full };

/// ConnectOptions in libmariadb's terms.
struct Settings {
  std::string node{};
  std::string host{};
  std::string socket{};  ///< The unix socket's file; empty: TCP.
  unsigned int port{};
  std::string user{};
  std::string password{};
  std::string database{};
  TlsMode tls = TlsMode::preferred;
  std::string tls_authority{};
  std::string tls_certificate{};
  std::string tls_key{};
  std::size_t statement_cache_size{};
  std::optional<std::chrono::seconds> connect_timeout{};
};

class MariadbConnection final : public Connection {
 public:
  explicit MariadbConnection(const Settings& settings);
  ~MariadbConnection() override;

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
  [[nodiscard]] bool is_open() const noexcept override { return handle_ != nullptr; }
  [[nodiscard]] NodeKind kind_hint() const noexcept override { return NodeKind::unknown; }

 private:
  /// What has been sent, for the error that losing the connection becomes.
  struct Operation {
    Effect effect;
    TimePoint started;
  };

  Task<void> attempt(io::Call call, const Settings& settings, std::string host);

  /// Until the socket is ready for `events`, which a libmariadb call has asked for.
  [[nodiscard]] static io::Call::Awaiter ready(io::Call call, MYSQL* handle, int events);

  /// What to tell that call: `events`, or that the time is over. Then it gives up.
  int seen(io::Outcome outcome, MYSQL* handle, int events) noexcept;

  static void forget_tls_errors() noexcept;

  /// Before anything is sent. Errors: unavailable, timeout.
  Operation start(io::Call call, Effect effect);
  void check_idle();

  Task<Prepared*> prepare(io::Call call, std::string_view sql);
  Task<void> close_discarded(io::Call call);

  /// Each of these gives null when the statement failed; failure_ says how.
  Task<std::unique_ptr<Result>> run_prepared(io::Call call, Operation operation,
                                             Prepared* prepared);
  Task<std::unique_ptr<Result>> run_text(io::Call call, Operation operation, const Prepared* text);
  Task<bool> skip_results(io::Call call, Operation operation, MYSQL_STMT* statement);

  /// Runs one statement in the text protocol, without parameters.
  Task<std::unique_ptr<Result>> run_simple(io::Call call, std::string_view sql, Effect effect);

  /// Throws failure_ as an Error, after finding out whether it took the transaction with it.
  Task<void> fail(io::Call call, Operation operation, std::span<const ValueView> params);

  void check(Operation operation);
  void close() noexcept;
  [[nodiscard]] unsigned int server_status() const noexcept;
  [[nodiscard]] bool in_transaction() const noexcept;
  [[noreturn]] void fail_lost(Operation operation);
  [[noreturn]] void fail_unread();
  [[noreturn]] void fail_unsent(std::string_view why);
  [[noreturn]] void give_up(Operation operation);

  std::string node_;
  ConnectionHandle handle_;  // null once closed
  int process_;              // that opened it
  StatementCache cache_;
  Prepared uncached_;  // instead of the cache when that has no room for anything
  Binder binder_;
  Failure failure_;
  io::Outcome interrupted_ = io::Outcome::ready;  // how the last wait ended, unless it was ready
  TimePoint last_used_{};
  Effect transaction_effect_ = Effect::write;
  bool rolled_back_ = false;  // by the server; nobody has called rollback() yet
};

}  // namespace grant::mariadb
