#pragma once

#include "grant/driver/connection.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

// What a connection needs between two borrowers.
namespace grant::detail {

/// Whether the next borrower can have it as it is. Costs nothing.
[[nodiscard]] inline bool is_clean(const Connection& connection) noexcept {
  return connection.is_open() && connection.transaction_state() == TransactionState::none &&
         !connection.session_changed();
}

/// Rolls back what a borrower left open; blocks for at most a second. What became of it is seen in
/// the connection's state.
void roll_back(Connection& connection) noexcept;

/// Undoes what a borrower has left; where there is nothing, looks whether the server still answers.
/// What became of it is seen in the connection's state.
[[nodiscard]] Task<void> clean(Connection& connection, io::Call call);

/// Whether the server still answers.
[[nodiscard]] Task<bool> is_alive(Connection& connection, io::Call call);

}  // namespace grant::detail
