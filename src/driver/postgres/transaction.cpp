// Transactions: how they begin and end, and what statements make of them.
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "effects.hpp"
#include "grant/core/error.hpp"

namespace grant::postgres {
namespace {

const char* begin_command(TransactionOptions options) {
  const bool reads = options.effect == Effect::read;
  switch (options.isolation) {
    case Isolation::engine_default: return reads ? "BEGIN READ ONLY" : "BEGIN";
    case Isolation::read_committed:
      return reads ? "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
                   : "BEGIN ISOLATION LEVEL READ COMMITTED";
    case Isolation::repeatable_read:
      return reads ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                   : "BEGIN ISOLATION LEVEL REPEATABLE READ";
    case Isolation::serializable:
      return reads ? "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"
                   : "BEGIN ISOLATION LEVEL SERIALIZABLE";
  }
  return "BEGIN";
}

}  // namespace

void PostgresConnection::follow_transaction(const PGresult* answer, std::string_view sql) noexcept {
  if (!begun_ || ended_ != TransactionEnd::none || channel_.handle() == nullptr) return;
  const bool gone = !channel_.in_transaction();
  const std::string_view tag = answer != nullptr ? PQcmdStatus(const_cast<PGresult*>(answer)) : "";
  if (tag == "COMMIT") {
    ended_ = TransactionEnd::committed;  // also AND CHAIN
  } else if (tag == "PREPARE TRANSACTION") {
    ended_ = TransactionEnd::unknown;
  } else if (gone || (tag == "ROLLBACK" && is_chained(sql))) {
    ended_ = TransactionEnd::rolled_back;
  }
}

Task<void> PostgresConnection::begin_again(io::Call call) {
  const auto options = transaction_;
  co_await run_simple(call, "ROLLBACK", Effect::read);
  co_await run_simple(call, begin_command(options), Effect::read);
  ended_ = TransactionEnd::none;
  first_failure_.reset();
}

Task<void> PostgresConnection::undo(io::Call call) {
  if (!channel_.is_open()) co_return;
  try {
    co_await rollback(call);
  } catch (const Error&) {
    channel_.close();
  }
}

Task<void> PostgresConnection::begin(io::Call call, TransactionOptions options) {
  if (transaction_state() != TransactionState::none) {
    throw_error(failures::transaction_is_open(node_));
  }
  co_await run_simple(call, begin_command(options), Effect::read);
  begun_ = true;
  ended_ = TransactionEnd::none;
  first_failure_.reset();
  transaction_ = options;
  untouched_ = true;
}

Task<void> PostgresConnection::commit(io::Call call) {
  begun_ = false;
  ended_ = TransactionEnd::none;
  if (channel_.handle() != nullptr && transaction_state() == TransactionState::none) {
    throw_error(failures::no_transaction(node_));
  }
  const auto first = std::exchange(first_failure_, std::nullopt);
  const auto options = std::exchange(transaction_, {});
  if (options.wants_position) {
    co_await commit_placed(call, options.effect);
  } else {
    co_await run_simple(call, "COMMIT", options.effect);
  }
  first_failure_.reset();
  if (PQcmdStatus(channel_.answers().front().get()) != std::string_view("ROLLBACK")) co_return;
  position_.reset();
  throw_error(failures::rolled_back(node_, first));
}

Task<void> PostgresConnection::rollback(io::Call call) {
  begun_ = false;
  ended_ = TransactionEnd::none;
  first_failure_.reset();
  transaction_ = {};
  // The server rolls back by itself when a connection ends.
  if (transaction_state() == TransactionState::none) co_return;
  co_await run_simple(call, "ROLLBACK", Effect::read);
}

}  // namespace grant::postgres
