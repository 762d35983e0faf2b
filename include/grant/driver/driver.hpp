#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "grant/core/error.hpp"
#include "grant/driver/adapter.hpp"
#include "grant/driver/connection.hpp"
#include "grant/driver/url.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant {

/// What a connection will carry. Where an engine has one writer, those for reading refuse writes.
enum class Purpose : std::uint8_t { any, reading, writing };

/// "", " for reading" or " for writing": to follow "connection" in a message.
[[nodiscard]] std::string_view suffix_of(Purpose purpose) noexcept;

/// How many connections to one database can be used side by side.
enum class Sharing : std::uint8_t {
  free,            ///< Any number, for reads and writes alike.
  one_writer,      ///< Any number that read, and beside them one that writes.
  one_connection,  ///< One altogether.
};

/// How to reach one node.
struct ConnectOptions {
  Url url{};
  /// The node's name in errors, such as "primary/reader-1".
  std::string node{};
  /// Open SQLite files read-only; servers decide for themselves.
  Effect access = Effect::write;
  /// What the connection is for.
  Purpose purpose = Purpose::any;
  /// For a URL of an in-memory database: connections with the same name share one, which is there
  /// while one of them is open. Empty: the connection has a database of its own.
  std::string memory{};
};

/// One database engine. Thread-safe.
class Driver {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  virtual ~Driver() = default;

  [[nodiscard]] virtual Adapter adapter() const noexcept = 0;

  /// Refuses a URL that can never work, without connecting. Errors: configuration.
  virtual void validate(const Url& url) const = 0;

  /// How the connections of a pool over `target` are to be used. By default, freely. Errors:
  /// configuration, where validate() would refuse the URL.
  [[nodiscard]] virtual Sharing sharing(const ConnectOptions& target) const;

  /// Errors: unavailable (refused, unreachable, starting up, too many connections, deadline
  /// passed); configuration (password, user or database refused; TLS that does not verify).
  virtual Task<std::unique_ptr<Connection>> connect(io::Call call,
                                                    ConnectOptions options) const = 0;

  /// Whether connecting failed because the server has as many connections as it takes, in all or
  /// from this user: it works, and has a place again once one of them is closed. By default never.
  [[nodiscard]] virtual bool says_full(const ErrorInfo& failure) const noexcept;

  /// Whether a write was refused, as read_only, by its transaction, which was begun for reading:
  /// the node may take writes all the same. By default never; then a node that takes them has to
  /// say so by kind_hint().
  [[nodiscard]] virtual bool blames_transaction(const ErrorInfo& refusal) const noexcept;
};

/// Makes `driver` the one for its adapter; it must live as long as the process. The driver
/// components call it when they are linked. Thread-safe.
void register_driver(const Driver& driver);

/// The driver for `adapter`. Errors: configuration, naming the component to link. Thread-safe.
[[nodiscard]] const Driver& find_driver(Adapter adapter);

}  // namespace grant
