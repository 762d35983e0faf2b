#pragma once

#include <memory>
#include <string>

#include "grant/driver/adapter.hpp"
#include "grant/driver/connection.hpp"
#include "grant/driver/url.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant {

/// How to reach one node.
struct ConnectOptions {
  Url url{};
  /// The node's name in errors, such as "primary/reader-1".
  std::string node{};
  /// Open SQLite files read-only; servers decide for themselves.
  Effect access = Effect::write;
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

  /// Errors: unavailable (refused, unreachable, starting up, too many connections, deadline
  /// passed); configuration (password, user or database refused; TLS that does not verify).
  virtual Task<std::unique_ptr<Connection>> connect(io::Call call,
                                                    ConnectOptions options) const = 0;
};

/// Makes `driver` the one for its adapter; it must live as long as the process. The driver
/// components call it when they are linked. Thread-safe.
void register_driver(const Driver& driver);

/// The driver for `adapter`. Errors: configuration, naming the component to link. Thread-safe.
[[nodiscard]] const Driver& find_driver(Adapter adapter);

}  // namespace grant
