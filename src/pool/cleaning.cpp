#include "cleaning.hpp"

#include <chrono>
#include <exception>

#include "grant/core/error.hpp"

namespace grant::detail {
namespace {

constexpr std::chrono::seconds kRollbackLimit{1};

/// Longest wait for the answer of a connection that is checked.
constexpr std::chrono::seconds kCheckLimit{5};

}  // namespace

void roll_back(Connection& connection) noexcept {
  if (!connection.is_open() || connection.transaction_state() == TransactionState::none) return;
  try {
    const io::Call call(io::blocking_waiter());
    run(connection.rollback(call.until(after(call.now(), kRollbackLimit))));
  } catch (...) {
  }
}

Task<void> clean(Connection& connection, io::Call call) {
  const auto limited = call.until(after(call.now(), kCheckLimit));
  try {
    if (is_clean(connection)) co_await is_alive(connection, limited);
    if (connection.transaction_state() != TransactionState::none) {
      co_await connection.rollback(limited);
    }
    if (connection.session_changed()) co_await connection.reset(limited);
  } catch (const std::exception&) {
  }
}

Task<bool> is_alive(Connection& connection, io::Call call) {
  Statement statement;
  statement.sql = "SELECT 1";
  statement.effect = Effect::read;
  try {
    co_await connection.execute(call.until(after(call.now(), kCheckLimit)), statement);
  } catch (const Error&) {
    // An error that left the connection open came from a server that answers.
  }
  co_return connection.is_open();
}

}  // namespace grant::detail
