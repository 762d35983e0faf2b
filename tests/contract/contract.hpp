#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/core/value.hpp"
#include "grant/driver/driver.hpp"

namespace grant::contract {

/// Where engines may differ. Everything else is the same for all.
struct Traits {
  bool keeps_infinity = true;
  bool keeps_negative_zero = true;
  /// A statement that fails inside a transaction leaves only a rollback to be done.
  bool error_fails_transaction = true;
  /// UPDATE can return rows, not only INSERT and DELETE.
  bool update_returns_rows = true;
  /// Rules may be checked as late as COMMIT.
  bool defers_constraints = true;
};

/// One engine that the suite runs against. Made anew for each case.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] virtual const Driver& driver() const = 0;

  /// A primary; always the same database while this lives.
  [[nodiscard]] virtual Url url() const = 0;

  /// How to reach the same data where writes are refused: a replica, or the file read-only.
  [[nodiscard]] virtual ConnectOptions reader() const = 0;

  /// A URL that is well formed and leads nowhere.
  [[nodiscard]] virtual Url unreachable() const = 0;

  /// The column type that keeps values of `kind`.
  [[nodiscard]] virtual std::string type(ValueKind kind) const = 0;

  /// A query of one row and one column, which takes at least 20 seconds.
  [[nodiscard]] virtual std::string slow_query() const = 0;

  [[nodiscard]] virtual Traits traits() const = 0;
};

/// An engine, and a way to reach it.
struct Transport {
  std::string_view name;  ///< Letters only: a part of each case's name.
  std::function<std::unique_ptr<Backend>()> make;
};

/// What gtest prints for one, and calls the cases that run over it.
std::ostream& operator<<(std::ostream& out, const Transport& transport);
[[nodiscard]] std::string name_of(const ::testing::TestParamInfo<Transport>& info);

class Contract : public ::testing::TestWithParam<Transport> {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// Long enough for any case that is not about deadlines.
  static io::Call call();

  Backend& backend() { return *backend_; }
  Connection& connection() { return *connection_; }
  std::unique_ptr<Connection> connect();
  std::unique_ptr<Connection> connect(ConnectOptions options);

  /// Creates a table whose name no other case has; dropped at the end. `columns` may say `{text}`
  /// and so on for the backend's type of that ValueKind.
  std::string table(std::string_view columns);

  /// `sql` with `{text}` and so on replaced in the same way.
  std::string with_types(std::string_view sql);

  using Views = std::initializer_list<ValueView>;
  std::unique_ptr<Result> run(std::string_view sql, Views params = {});
  static std::unique_ptr<Result> run_on(Connection& connection, std::string_view sql,
                                        Views params = {}, Effect effect = Effect::write);

  /// The one cell of a query that gives one row and one column.
  std::int64_t number(std::string_view sql, Views params = {});
  static std::int64_t number_on(Connection& connection, std::string_view sql, Views params = {});

  void begin(TransactionOptions options = {});
  void commit();
  void rollback();

  /// What `action` throws; fails the case when it throws nothing.
  static ErrorInfo error_of(const std::function<void()>& action);

  /// Stores `value` in a column of its own kind and reads it back.
  Value round_trip(ValueView value);

  /// The connection still answers.
  void expect_usable();

 private:
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Connection> connection_;
  std::vector<std::string> tables_;
};

}  // namespace grant::contract
