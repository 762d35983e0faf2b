#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "grant/core/call_site.hpp"
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
  /// How often the whole function is run again after Errc::conflict. Zero: never.
  std::size_t conflict_retries = 0;
};

namespace detail {

/// One transaction of the calling thread: begins in the constructor; the destructor rolls back what
/// was not committed. Inside a transaction on the same shard it is a savepoint of that one.
class TransactionScope {
 public:
  explicit TransactionScope(const TransactionSpec& spec, CallSite place = CallSite::current());
  TransactionScope(const TransactionScope&) = delete;
  TransactionScope& operator=(const TransactionScope&) = delete;
  ~TransactionScope();

  void commit();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// How often transaction() runs its function again: a conflict ends the outermost transaction, so
/// those inside it have nothing to repeat.
[[nodiscard]] std::size_t conflict_retries(const TransactionSpec& spec);

}  // namespace detail

/// Runs `function` in a transaction and returns its result; blocks. Every query of the calling
/// thread on that database and shard joins it, reads too. Commits when the function returns; rolls
/// back and passes on what it throws. Inside another transaction on the same shard it is a
/// savepoint of that one.
///
/// `place` is for the report of a leak, where PoolOptions::leak_threshold asks for it.
///
/// Errors, besides the function's own: conflict, when conflict_retries are used up;
/// outcome_unknown, when the connection was lost during the commit; those of a query.
template <class Function>
auto transaction(const TransactionSpec& spec, Function&& function,
                 CallSite place = CallSite::current()) -> std::invoke_result_t<Function&> {
  const auto retries = detail::conflict_retries(spec);
  for (std::size_t attempt = 0;; ++attempt) {
    try {
      detail::TransactionScope scope(spec, place);
      if constexpr (std::is_void_v<std::invoke_result_t<Function&>>) {
        function();
        scope.commit();
        return;
      } else {
        decltype(auto) result = function();
        scope.commit();
        return static_cast<std::invoke_result_t<Function&>&&>(result);
      }
    } catch (const Conflict&) {
      if (attempt >= retries) throw;
    }
  }
}

template <class Function>
auto transaction(std::string database, Function&& function, CallSite place = CallSite::current())
    -> std::invoke_result_t<Function&> {
  TransactionSpec spec;
  spec.database = std::move(database);
  return transaction(spec, std::forward<Function>(function), place);
}

}  // namespace grant
