#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant::io {

/// Whether `host` is an IPv4 or IPv6 address in numbers: no name, nothing to look up.
[[nodiscard]] bool is_address(std::string_view host);

/// The end of a look-up.
struct Resolved {
  Outcome outcome{};                   ///< ready: there was an answer, good or bad.
  std::vector<std::string> addresses;  ///< In numbers; in the order in which to try them.
  std::string failure;                 ///< Why there are none.
};

/// Finds the addresses of host names without blocking the caller's thread. Cheap to copy.
/// Thread-safe.
class Resolver {
 public:
  /// Gives the addresses of a host, in numbers, each at most once; may block. Throws
  /// std::exception, saying why, when it finds none. Called on any thread, several at once, and
  /// maybe for a while after the look-up was given up.
  using Lookup = std::function<std::vector<std::string>(const std::string& host)>;

  /// Asks the system: getaddrinfo().
  Resolver();
  explicit Resolver(Lookup lookup);

  /// Addresses pass through at once. Anything else is looked up on one of up to 256 threads kept
  /// for that, once for all who ask for the same host at a time; the wait ends with the call, the
  /// look-up when it likes. Errors: unavailable, when there is no thread.
  [[nodiscard]] Task<Resolved> resolve(Call call, std::string host) const;

 private:
  class Lookups;

  std::shared_ptr<Lookups> lookups_;  // shared by copies
};

}  // namespace grant::io
