#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "grant/core/call_site.hpp"
#include "grant/core/clock.hpp"
#include "grant/core/error.hpp"
#include "grant/driver/statement.hpp"
#include "grant/session/context.hpp"
#include "grant/session/model_connection.hpp"

namespace grant {

/// Which transaction to run.
struct TransactionSpec {
  std::string database = "primary";
  std::string shard{};  ///< Empty: by the context.
  Isolation isolation = Isolation::engine_default;
  /// `read`: routed like a read, and writes inside it are refused. Inside a transaction, the
  /// isolation must be the default.
  Effect effect = Effect::write;
  // In place of the database's, where given.
  std::optional<std::chrono::milliseconds> replica_lag_threshold{};
  std::optional<std::size_t> failover_retry_attempts{};
  /// How often the whole function is run again after Errc::conflict, and where the transaction was
  /// lost with its connection or its primary before the commit, so that nothing of it is stored.
  /// Zero: never. Pauses in between, some milliseconds at first, which are longer each time and at
  /// random.
  std::size_t conflict_retries = 0;

  /// On a model's database, with the model's settings.
  [[nodiscard]] static TransactionSpec of(const ModelConnection& model) {
    TransactionSpec spec;
    spec.database = model.database;
    spec.replica_lag_threshold = model.lag_threshold;
    spec.failover_retry_attempts = model.retry_attempts;
    return spec;
  }

  /// The same settings again. Its database is this one's string.
  [[nodiscard]] ModelConnection connection() const {
    auto connection = connects_to(database);
    connection.lag_threshold = replica_lag_threshold;
    connection.retry_attempts = failover_retry_attempts;
    return connection;
  }
};

namespace detail {

/// The runs of one transaction's function.
class TransactionRuns {
 public:
  explicit TransactionRuns(const TransactionSpec& spec);

  /// Whether the function is to run again after the error with which this run has ended. Pauses
  /// before it says yes, and does not where the pause would reach beyond the context's deadline.
  [[nodiscard]] bool again_after(const Error& error);

  /// What has become of this run's transaction, where that matters.
  enum class Fate : std::uint8_t {
    usual,
    lost,  ///< Nothing of it is stored: with its connection, or its primary.
    kept,  ///< Something of it is stored, or may be.
  };
  void note(Fate fate) noexcept { fate_ = std::max(fate_, fate); }

 private:
  std::size_t left_;
  std::size_t done_ = 0;
  TimePoint deadline_ = kNever;
  Fate fate_ = Fate::usual;
};

}  // namespace detail

/// An open transaction, to be handed to queries as a value: `User::in(transaction).find(1)`. Its
/// functions block. It takes one statement at a time: one that comes while another is under way,
/// from wherever, is refused with invalid_argument and not sent. The destructor rolls back what was
/// not committed; where a statement is still under way then, the pool does so after it.
///
///     auto transaction = grant::Transaction::begin({.database = "primary"});
///     auto user = User::in(transaction).find(1);
///     transaction.commit();
///
/// grant::transaction() does this with a function, on the calling thread, and can run it again.
class Transaction {
 public:
  /// Begins one, in this context: inside another one on the same shard as a savepoint of that.
  /// `place` is for the report of a leak. Errors: those of a query.
  [[nodiscard]] static Transaction begin(const TransactionSpec& spec,
                                         const Context& in = Context::current(),
                                         CallSite place = CallSite::current());
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  /// Final, whatever it ends with. Errors: as grant::transaction() has them; invalid_argument, when
  /// it has ended, or a statement is under way in it.
  void commit();

  /// Final. Errors: those of a query; invalid_argument, as commit().
  void rollback();

  /// What it was begun in, with it: the context to hand on. Once it has ended, queries in there are
  /// refused with invalid_argument.
  [[nodiscard]] Context context() const;
  operator Context() const { return context(); }  // NOLINT(google-explicit-constructor)

  /// For transaction(), which makes it the calling thread's.
  [[nodiscard]] detail::ContextFrame inside() const;

  Transaction(const TransactionSpec& spec, detail::Scope scope, CallSite place,
              detail::TransactionRuns* runs);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

namespace detail {

/// What `function` gives, which may take the transaction.
template <class Function>
decltype(auto) run_inside(Function& function, Transaction& transaction) {
  const ContextScope scope(transaction.inside());
  if constexpr (std::invocable<Function&, Transaction&>) {
    return function(transaction);
  } else {
    return function();
  }
}

template <class Function>
using TransactionResult =
    decltype(run_inside(std::declval<Function&>(), std::declval<Transaction&>()));

}  // namespace detail

/// Runs `function` in a transaction and returns its result; blocks. Every query of the calling
/// thread on that database and shard joins it, reads too. Commits when the function returns; rolls
/// back and passes on what it throws. Inside another transaction on the same shard it is a
/// savepoint of that one. The function may take the Transaction, to hand it to queries elsewhere;
/// it must not end it.
///
/// `place` is for the report of a leak, where PoolOptions::leak_threshold asks for it.
///
/// Errors, besides the function's own: conflict, when conflict_retries are used up; unavailable,
/// when the transaction was lost before its commit; outcome_unknown, when the connection was lost
/// during the commit; the error of a statement inside, where that has failed the transaction and
/// the function passed it over; invalid_argument, when a statement inside, such as a COMMIT, has
/// ended the transaction, and outcome_unknown when it is not known how; those of a query.
template <class Function>
auto transaction(const TransactionSpec& spec, Function&& function,
                 CallSite place = CallSite::current()) -> detail::TransactionResult<Function> {
  detail::TransactionRuns runs(spec);
  while (true) {
    try {
      Transaction transaction(spec, detail::Scope::here(), place, &runs);
      if constexpr (std::is_void_v<detail::TransactionResult<Function>>) {
        detail::run_inside(function, transaction);
        transaction.commit();
        return;
      } else {
        decltype(auto) result = detail::run_inside(function, transaction);
        transaction.commit();
        return static_cast<detail::TransactionResult<Function>&&>(result);
      }
    } catch (const Error& error) {
      if (!runs.again_after(error)) throw;
    }
  }
}

/// Of the database with this name. A template, because GCC 12 takes `{.database = "primary"}` for a
/// string, too.
template <std::convertible_to<std::string> Database, class Function>
auto transaction(Database&& database, Function&& function, CallSite place = CallSite::current())
    -> detail::TransactionResult<Function> {
  TransactionSpec spec;
  spec.database = std::forward<Database>(database);
  return transaction(spec, std::forward<Function>(function), place);
}

}  // namespace grant
