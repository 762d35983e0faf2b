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

#include "grant/core/codec.hpp"
#include "grant/core/error.hpp"
#include "grant/core/value.hpp"
#include "grant/driver/driver.hpp"
#include "support/error_of.hpp"

namespace grant::contract {

using test::error_of;

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
  /// Columns have a width, and refuse what is wider.
  bool limits_widths = true;
  /// Integers beyond the signed ones have a column to go to.
  bool keeps_unsigned = true;
  /// Decimals come back with the decimals that they were stored with, not with those of the column.
  bool keeps_scale = true;
  bool has_arrays = true;
  /// Connections serve side by side: one with an open transaction keeps no other waiting for long.
  bool serves_side_by_side = true;
  /// A session can be made as new without connecting again.
  bool resets_sessions = true;
  /// The reader is seen to be a replica.
  bool has_replicas = true;
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

  /// How to connect to it, if a URL does not say it all.
  [[nodiscard]] virtual ConnectOptions writer() const {
    ConnectOptions options;
    options.url = url();
    return options;
  }

  /// How to reach the same data where writes are refused: a replica, or the file read-only.
  [[nodiscard]] virtual ConnectOptions reader() const = 0;

  /// A URL that is well formed and leads nowhere.
  [[nodiscard]] virtual Url unreachable() const = 0;

  /// The column type that keeps values of `kind`.
  [[nodiscard]] virtual std::string type(ValueKind kind) const = 0;

  /// A query of one row and one column, which takes at least 20 seconds.
  [[nodiscard]] virtual std::string slow_query() const = 0;

  /// An expression over the integer `i`, which fails where that is `at` and nowhere below.
  [[nodiscard]] virtual std::string failing_at(int at) const = 0;

  /// Statements that write to `table` with its column id, or elsewhere, though they may not look
  /// so.
  [[nodiscard]] virtual std::vector<std::string> disguised_writes(
      const std::string& table) const = 0;

  /// Statements that fail, with words about what is made of the text that they are given as $1.
  [[nodiscard]] virtual std::vector<std::string> loud_statements() const = 0;

  /// Statements that end the transaction that is open, and may begin another one.
  [[nodiscard]] virtual std::vector<std::string> transaction_changers() const { return {}; }

  /// A query that ends its own session; empty: there are no sessions.
  [[nodiscard]] virtual std::string suicide() const { return {}; }

  /// A statement that moves the session to a time zone far from UTC; empty: there are no zones.
  [[nodiscard]] virtual std::string leave_utc() const { return {}; }

  struct SessionChange {
    std::string change;    ///< A statement that leaves something on its session, ...
    std::string question;  ///< ... and a query that gives something else after it.
  };
  /// At least one.
  [[nodiscard]] virtual std::vector<SessionChange> session_changes() const = 0;

  /// A query that leaves something on its session; empty: there is none that the driver sees.
  [[nodiscard]] virtual std::string session_changing_query() const { return {}; }

  /// Statements that leave nothing on their session, though they may look so; each runs in a
  /// transaction.
  [[nodiscard]] virtual std::vector<std::string> session_keepers() const { return {}; }

  /// A query for the name of the transport that its own session uses; empty: there are none.
  [[nodiscard]] virtual std::string transport_query() const { return {}; }

  /// Makes what holds tables: a schema, a database, an attached file. Nobody has that `name` yet.
  virtual void make_schema(Connection& connection, std::string_view name) const = 0;

  /// Drops it, with all tables in it.
  virtual void drop_schema(Connection& connection, std::string_view name) const = 0;

  [[nodiscard]] virtual Traits traits() const = 0;

  /// `name` as an identifier of the engine.
  [[nodiscard]] std::string quoted(std::string_view name) const;

 protected:
  static void run(Connection& connection, std::string_view sql);
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

  /// The start of a query over n, whose column i goes from 1 to `most`.
  static std::string numbers(int most);

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

  /// Stores `value` in a column of its own kind and reads it back.
  Value round_trip(ValueView value);

  /// Stores members in a column of their own kind and reads them back.
  template <class T>
  std::vector<T> stored(const std::vector<T>& members) {
    return stored_as("{" + std::string(to_string(Codec<T>::kind)) + "}", members);
  }

  /// The same in a column of the type `type`.
  template <class T>
  std::vector<T> stored_as(std::string_view type, const std::vector<T>& members) {
    const auto name = table("id {integer}, v " + std::string(type));
    for (std::size_t i = 0; i < members.size(); ++i) {
      const Value member{Codec<T>::encode(members[i])};
      run("INSERT INTO " + name + " VALUES ($1, $2)",
          {ValueView::integer(static_cast<std::int64_t>(i)), member.view()});
    }
    const auto rows = run("SELECT v FROM " + name + " ORDER BY id");
    std::vector<T> back;
    for (std::size_t i = 0; i < rows->row_count(); ++i) {
      back.push_back(Codec<T>::decode(rows->cell(i, 0)));
    }
    return back;
  }

  /// The connection still answers.
  void expect_usable();

 private:
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Connection> connection_;
  std::vector<std::string> tables_;
};

}  // namespace grant::contract
