// Transactions: how they begin and end, and what statements make of them.
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "effects.hpp"
#include "grant/core/error.hpp"
#include "lexer.hpp"

namespace grant::mariadb {
namespace {

const char* isolation_command(Isolation isolation) {
  switch (isolation) {
    case Isolation::engine_default: break;
    case Isolation::read_committed: return "SET TRANSACTION ISOLATION LEVEL READ COMMITTED";
    case Isolation::repeatable_read: return "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    case Isolation::serializable: return "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE";
  }
  return nullptr;
}

}  // namespace

bool MariadbConnection::wrote_for_good() const noexcept {
  return transaction_flags_.find('w') != std::string::npos;
}

void MariadbConnection::follow_transaction(std::string_view sql, Commits commits) {
  const bool another = std::exchange(committed_within_, false);
  if (!begun_ || ended_ != TransactionEnd::none || !handle_ || rolled_back_) return;
  const bool begins = commits == Commits::control && first_word(sql) != "ROLLBACK";
  if (!in_transaction() || another || begins) ended_ = end_by(sql);
}

Task<void> MariadbConnection::begin(io::Call call, TransactionOptions options) {
  if (transaction_state() != TransactionState::none) {
    throw_error(failures::transaction_is_open(node_));
  }
  // For the next transaction only. One round trip more, because a text holds one statement.
  if (const char* isolation = isolation_command(options.isolation)) {
    co_await run_simple(call, isolation, Effect::read);
  }
  // READ WRITE is refused where writes are, and so sooner than the first write would be.
  const bool reads = options.effect == Effect::read;
  co_await run_simple(call, reads ? "START TRANSACTION READ ONLY" : "START TRANSACTION READ WRITE",
                      Effect::read);
  transaction_effect_ = options.effect;
  begun_ = true;
  ended_ = TransactionEnd::none;
  committed_within_ = false;
  rolled_back_by_.reset();
}

Task<void> MariadbConnection::commit(io::Call call) {
  begun_ = false;
  ended_ = TransactionEnd::none;
  if (handle_ && transaction_state() == TransactionState::none) {
    throw_error(failures::no_transaction(node_));
  }
  if (handle_ && rolled_back_) {
    rolled_back_ = false;
    throw_error(failures::rolled_back(node_, rolled_back_by_));
  }
  const bool kept = wrote_for_good();
  std::optional<ErrorInfo> refused;
  try {
    // One that is cancelled may have happened all the same.
    co_await run_simple(call, "COMMIT", std::exchange(transaction_effect_, Effect::write),
                        AtDeadline::close);
  } catch (const Error& error) {
    refused = error.info();
  }
  if (!refused) co_return;
  throw_error(kept ? failures::partly_done(std::move(*refused)) : std::move(*refused));
}

Task<void> MariadbConnection::rollback(io::Call call) {
  if (handle_) refuse_while_streaming();
  rolled_back_ = false;
  begun_ = false;
  ended_ = TransactionEnd::none;
  transaction_effect_ = Effect::write;
  // The server rolls back by itself when a connection ends.
  if (!in_transaction()) co_return;
  co_await run_simple(call, "ROLLBACK", Effect::read);
}

}  // namespace grant::mariadb
