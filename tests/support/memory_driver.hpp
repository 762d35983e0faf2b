#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/core/mutex.hpp"
#include "grant/core/value.hpp"
#include "grant/driver/driver.hpp"

namespace grant::test {

/// Holds callers back while it is shut. Thread-safe.
class Gate {
 public:
  void shut();

  /// Lets those who are held go, and all who come later.
  void open();

  /// How many are held now.
  [[nodiscard]] std::size_t held() const;

  /// Waits until the gate is open; otherwise until the call ends.
  Task<io::Outcome> pass(io::Call call);

 private:
  mutable Mutex mutex_;
  bool shut_ GRANT_GUARDED_BY(mutex_) = false;
  std::list<std::shared_ptr<io::Signal>> held_ GRANT_GUARDED_BY(mutex_);
};

/// A result with these rows.
[[nodiscard]] std::unique_ptr<Result> rows(std::vector<std::string> columns,
                                           std::vector<std::vector<Value>> cells,
                                           std::uint64_t affected = 0);

/// A server that does as it is told. Thread-safe; lives as long as its driver or a connection.
class MemoryServer {
 public:
  /// Answers one statement, "BEGIN", "COMMIT" and "ROLLBACK" included; null stands for no rows.
  /// What it throws with unavailable, outcome_unknown or timeout breaks the connection as well,
  /// unless it has a SQLSTATE: then it is the server's own word.
  using Handler = std::function<std::unique_ptr<Result>(const Statement& statement)>;

  void on_statement(Handler handler);

  /// Connecting fails with `code` until accept_connects(), or for the next `count` times.
  void refuse_connects(Errc code, std::size_t count = SIZE_MAX, std::string sqlstate = {});
  void accept_connects();

  /// What probes see. Empty: they fail as unavailable.
  void observe(std::optional<Observation> observation);

  /// Connections open now fail their next operation as unavailable; nobody notices before.
  void lose_connections();

  /// Connections open now are known to be broken from now on.
  void break_connections();

  Gate connecting;
  Gate answering;
  Gate probing;

  [[nodiscard]] std::size_t attempts() const;  ///< To connect.
  [[nodiscard]] std::size_t opened() const;
  [[nodiscard]] std::size_t closed() const;
  [[nodiscard]] std::size_t open() const { return opened() - closed(); }

  /// Operations on a connection while another one was under way on it.
  [[nodiscard]] std::size_t misuses() const noexcept { return misuses_; }

  /// What the connections were opened for, in this order.
  [[nodiscard]] std::vector<Purpose> purposes() const;

  /// What was executed, in this order; probes are not there.
  [[nodiscard]] std::vector<std::string> statements() const;
  void forget_statements();

 private:
  friend class MemoryConnection;
  friend class MemoryDriver;

  mutable Mutex mutex_;
  Handler handler_ GRANT_GUARDED_BY(mutex_);
  Errc refusal_ GRANT_GUARDED_BY(mutex_){};
  std::string refusal_sqlstate_ GRANT_GUARDED_BY(mutex_);
  std::size_t refusals_ GRANT_GUARDED_BY(mutex_) = 0;
  std::optional<Observation> observation_ GRANT_GUARDED_BY(mutex_);
  std::size_t attempts_ GRANT_GUARDED_BY(mutex_) = 0;
  std::size_t opened_ GRANT_GUARDED_BY(mutex_) = 0;
  std::size_t closed_ GRANT_GUARDED_BY(mutex_) = 0;
  std::vector<Purpose> purposes_ GRANT_GUARDED_BY(mutex_);
  std::vector<std::string> statements_ GRANT_GUARDED_BY(mutex_);
  std::atomic<std::size_t> lost_up_to_ = 0;    // ids of connections
  std::atomic<std::size_t> broken_up_to_ = 0;  // ids of connections
  std::atomic<std::size_t> misuses_ = 0;
};

/// A connection to a MemoryServer.
class MemoryConnection final : public Connection {
 public:
  MemoryConnection(std::shared_ptr<MemoryServer> server, std::string node, std::size_t id);
  ~MemoryConnection() override;

  Task<std::unique_ptr<Result>> execute(io::Call call, Statement statement) override;
  Task<void> begin(io::Call call, TransactionOptions options) override;
  Task<void> commit(io::Call call) override;
  Task<void> rollback(io::Call call) override;
  Task<Observation> probe(io::Call call) override;

  /// Is a statement to its server: "RESET".
  Task<void> reset(io::Call call) override;

  /// After a statement that begins with "SET ".
  [[nodiscard]] bool session_changed() const noexcept override { return session_changed_; }
  [[nodiscard]] TransactionState transaction_state() const noexcept override { return state_; }
  /// By a statement "COMMIT", "ROLLBACK" or "CALL", of which the last does not say how.
  [[nodiscard]] TransactionEnd ended_underneath() const noexcept override { return ended_; }
  [[nodiscard]] bool is_open() const noexcept override;
  [[nodiscard]] NodeKind kind_hint() const noexcept override { return NodeKind::unknown; }

  /// Counted from 1 in the order of opening, for each server.
  [[nodiscard]] std::size_t id() const noexcept { return id_; }

 private:
  class Busy;

  Task<std::unique_ptr<Result>> answer(io::Call call, Statement statement);
  Task<void> command(io::Call call, std::string_view sql);
  [[noreturn]] void fail(Errc code, std::string_view what);

  const std::shared_ptr<MemoryServer> server_;
  const std::string node_;
  const std::size_t id_;
  std::atomic<bool> busy_ = false;
  bool open_ = true;
  bool session_changed_ = false;
  TransactionState state_ = TransactionState::none;
  TransactionEnd ended_ = TransactionEnd::none;
};

/// A driver whose servers are scripted, one for each host name. Thread-safe.
class MemoryDriver final : public Driver {
 public:
  explicit MemoryDriver(Adapter adapter = Adapter::mariadb) noexcept : adapter_(adapter) {}

  /// Connections to each server are to be used like this; for nodes made later.
  void share(Sharing sharing) noexcept { sharing_ = sharing; }

  /// The server with this host name; the same one each time.
  [[nodiscard]] MemoryServer& server(const std::string& host) const;

  [[nodiscard]] Adapter adapter() const noexcept override { return adapter_; }
  [[nodiscard]] Sharing sharing(const ConnectOptions& /*target*/) const override {
    return sharing_;
  }

  /// Refuses URLs with a parameter.
  void validate(const Url& url) const override;
  Task<std::unique_ptr<Connection>> connect(io::Call call, ConnectOptions options) const override;

  /// With the SQLSTATE 53300.
  [[nodiscard]] bool says_full(const ErrorInfo& failure) const noexcept override {
    return failure.sqlstate == "53300";
  }

 private:
  [[nodiscard]] std::shared_ptr<MemoryServer> find(const std::string& host) const;

  const Adapter adapter_;
  std::atomic<Sharing> sharing_ = Sharing::free;
  mutable Mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<MemoryServer>> servers_ GRANT_GUARDED_BY(mutex_);
};

/// What a healthy primary or replica would tell a probe.
[[nodiscard]] Observation observed(NodeKind kind, std::uint64_t position = 100,
                                   std::uint64_t branch = 1);

}  // namespace grant::test
