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

/// One transaction of the calling thread: begins in the constructor; the destructor rolls back what
/// was not committed. Inside a transaction on the same shard it is a savepoint of that one.
class TransactionScope {
 public:
  /// `runs`, if any, is told how it goes, and must outlive the scope.
  explicit TransactionScope(const TransactionSpec& spec, CallSite place = CallSite::current(),
                            TransactionRuns* runs = nullptr);
  TransactionScope(const TransactionScope&) = delete;
  TransactionScope& operator=(const TransactionScope&) = delete;
  ~TransactionScope();

  void commit();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace detail

/// Runs `function` in a transaction and returns its result; blocks. Every query of the calling
/// thread on that database and shard joins it, reads too. Commits when the function returns; rolls
/// back and passes on what it throws. Inside another transaction on the same shard it is a
/// savepoint of that one.
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
                 CallSite place = CallSite::current()) -> std::invoke_result_t<Function&> {
  detail::TransactionRuns runs(spec);
  while (true) {
    try {
      detail::TransactionScope scope(spec, place, &runs);
      if constexpr (std::is_void_v<std::invoke_result_t<Function&>>) {
        function();
        scope.commit();
        return;
      } else {
        decltype(auto) result = function();
        scope.commit();
        return static_cast<std::invoke_result_t<Function&>&&>(result);
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
    -> std::invoke_result_t<Function&> {
  TransactionSpec spec;
  spec.database = std::forward<Database>(database);
  return transaction(spec, std::forward<Function>(function), place);
}

}  // namespace grant
