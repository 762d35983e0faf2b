#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace grant {

/// What went wrong, sorted by what the caller can do next.
enum class Errc {
  invalid_argument,  ///< Fix the call: bad SQL, an unknown name, a value that does not fit.
  configuration,     ///< Fix the configuration: a URL, a key, a password, a missing driver.
  pool_timeout,      ///< Every connection was leased: shed load or wait longer.
  unavailable,       ///< Nothing was executed: safe to retry, here or elsewhere.
  outcome_unknown,   ///< Lost after sending: it may have happened. Retry only what is idempotent.
  conflict,          ///< Serialization failure or deadlock: run the whole transaction again.
  constraint,        ///< The data breaks a rule of the schema: retrying will not help.
  not_found,         ///< No record matched.
  invalid_record,    ///< The record cannot be saved as it stands.
  read_only,         ///< A write where writes are refused.
  timeout,           ///< The deadline passed; nothing that changes data was left in doubt.
  cancelled,         ///< Somebody cancelled the statement.
  closed,            ///< The registry or pool was shut down, nothing was executed: stop calling.
};

/// The code's name as written above, for logs and metrics.
[[nodiscard]] std::string_view to_string(Errc code) noexcept;

/// Everything known about a failure. Plain data; copy it freely.
///
/// `message` says what was tried, the limit, and what was seen. It never carries a password or a
/// bound value.
struct ErrorInfo {
  Errc code{};
  std::string message{};
  /// Five characters as PostgreSQL and MySQL define them; empty when the server sent none.
  std::string sqlstate{};
  /// The server's or the client library's own number (MariaDB errno, SQLite result code); 0: none.
  int native{};
  /// The node that answered or failed, such as "primary/reader-1"; empty before one was chosen.
  std::string node{};
  /// Set for Errc::constraint when the server names it.
  std::string constraint{};
  /// The placeholder whose value was refused, from 1 on; 0: none, or the server did not say.
  std::size_t parameter{};
  /// What the server said, word for word; empty where it said nothing. It may quote bound values,
  /// and what the authors of functions and triggers put into it: for those who may see the data,
  /// and not for logs. It is in no event and no status.
  std::string server_message{};
};

/// The one exception class of Grant. Catch it by code(), or catch one of the types below.
class Error : public std::runtime_error {
 public:
  explicit Error(ErrorInfo info);

  [[nodiscard]] Errc code() const noexcept { return info_.code; }
  [[nodiscard]] const std::string& sqlstate() const noexcept { return info_.sqlstate; }
  [[nodiscard]] int native() const noexcept { return info_.native; }
  [[nodiscard]] const std::string& node() const noexcept { return info_.node; }
  [[nodiscard]] const std::string& constraint() const noexcept { return info_.constraint; }
  /// See ErrorInfo::server_message.
  [[nodiscard]] const std::string& server_message() const noexcept { return info_.server_message; }
  [[nodiscard]] const ErrorInfo& info() const noexcept { return info_; }

 private:
  ErrorInfo info_;
};

/// A write inside while_preventing_writes(), or on a server that refuses it.
class ReadOnlyError : public Error {
 public:
  using Error::Error;
};

/// find() and first-or-throw calls without a match.
class RecordNotFound : public Error {
 public:
  using Error::Error;
};

/// Every connection stayed leased until the deadline.
class PoolTimeout : public Error {
 public:
  using Error::Error;
};

/// No node could take the statement; nothing was executed.
class Unavailable : public Error {
 public:
  using Error::Error;
};

/// The connection was lost after a write was sent.
class OutcomeUnknown : public Error {
 public:
  using Error::Error;
};

/// Serialization failure or deadlock.
class Conflict : public Error {
 public:
  using Error::Error;
};

/// Unique, foreign key, check or not-null rule broken.
class ConstraintViolation : public Error {
 public:
  using Error::Error;
};

/// A configuration that cannot be used as written.
class ConfigurationError : public Error {
 public:
  using Error::Error;
};

/// Throws the type that belongs to `info.code`; plain Error for codes without a type of their own.
[[noreturn]] void throw_error(ErrorInfo info);

/// Shorthand for throw_error() with a code and a message only.
[[noreturn]] void throw_error(Errc code, std::string message);

}  // namespace grant
