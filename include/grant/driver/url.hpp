#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grant/driver/adapter.hpp"

namespace grant {

/// Where a node is, taken apart:
///
///     postgres://user:password@host:5432/database?sslmode=require
///     sqlite:relative/file.db    sqlite:/absolute/file.db    sqlite::memory:
///
/// Percent-encoded parts are decoded. A host may be an IPv6 address in brackets, or,
/// percent-encoded, the directory of a unix socket. A password may hold "@" and ":" as they are,
/// but "%", "/" and "?" only as %25, %2F and %3F. The scheme may be in upper case. White space
/// around the URL and control characters in it are refused, not cut off: a newline at its end comes
/// from a file or a shell, and would become a part of the database's name.
struct Url {
  Adapter adapter{};
  std::string user{};
  std::string password{};
  std::string host{};
  std::uint16_t port{};                                       ///< 0: the engine's default.
  std::string database{};                                     ///< SQLite: the file.
  std::vector<std::pair<std::string, std::string>> params{};  ///< In the order written.

  /// Errors: configuration, saying which part is wrong. The message never holds a password.
  [[nodiscard]] static Url parse(std::string_view text);

  /// Takes the parameter `name` out of params; empty when it is not there.
  std::optional<std::string> take_param(std::string_view name);

  /// Host, port and database, as text to compare: two URLs that differ in this are taken to lead
  /// to different places. No user, no password, and no parameter but those that say where the
  /// server is. Pure.
  [[nodiscard]] std::string endpoint() const;

  /// Whether there is a password in it, or a parameter whose name says that it is secret.
  [[nodiscard]] bool holds_secret() const;

  /// The URL again, for logs: the password, if any, is `***`, and so is each parameter whose name
  /// says that it is secret. parse() reads it as the same URL but for those.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace grant
