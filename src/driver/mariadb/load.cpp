#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "batch.hpp"
#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/load_target.hpp"

namespace grant::mariadb {
namespace {

constexpr std::string_view kBegin = "START TRANSACTION READ WRITE";
constexpr std::string_view kRollback = "ROLLBACK";
constexpr std::string_view kSavepoint = "SAVEPOINT grant_load";
constexpr std::string_view kBackToSavepoint = "ROLLBACK TO SAVEPOINT grant_load";
constexpr std::string_view kForgetSavepoint = "RELEASE SAVEPOINT grant_load";

// The least that rolling back is given, whatever the deadline was.
constexpr std::chrono::milliseconds kUndoTime{250};

bool takes_batches(MYSQL* handle) noexcept {
  unsigned long capabilities = 0;
  mariadb_get_infov(handle, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &capabilities);
  return (capabilities & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32U)) != 0;
}

/// Takes the next row of `source` into `row`.
bool take(RowSource& source, std::span<ValueView> row) {
  std::ranges::fill(row, ValueView());
  return source.next(row);
}

}  // namespace

Task<std::uint64_t> MariadbConnection::load(io::Call call, LoadTarget target, RowSource& source) {
  const bool alone = transaction_state() == TransactionState::none;
  // Nothing is in doubt while the transaction has not been committed.
  const Effect effect = alone ? Effect::read : Effect::write;
  static_cast<void>(start(call, effect));
  if (rolled_back_) fail_rolled_back();
  if (target.columns.empty()) {
    throw_error(failures::at(node_, Errc::invalid_argument, "there are no columns to load"));
  }
  if (!takes_batches(handle_.get())) {
    throw_error(failures::at(node_, Errc::invalid_argument,
                             "the server takes no batches of rows: MariaDB does since 10.2"));
  }
  const auto opening = alone ? kBegin : kSavepoint;
  co_await run_simple(call, opening, Effect::read);
  std::uint64_t rows = 0;
  std::exception_ptr failed;
  StatementHandle statement;
  try {
    statement = (co_await prepare(call, insert_one(target))).handle;
    rows = co_await load_batches(call, effect, statement.get(), target.columns, source);
  } catch (...) {
    failed = std::current_exception();
  }
  if (statement && handle_) {
    // Not closed at once: that would be a message of its own.
    Prepared gone;
    gone.handle = std::move(statement);
    cache_.discarded().push_back(std::move(gone));
  }
  if (failed) {
    co_await undo_load(call, alone);
    std::rethrow_exception(failed);
  }
  if (alone) {
    co_await run_simple(call, "COMMIT", Effect::write, AtDeadline::close);
  } else {
    co_await run_simple(call, kForgetSavepoint, Effect::read);
  }
  co_return rows;
}

Task<std::uint64_t> MariadbConnection::load_batches(io::Call call, Effect effect,
                                                    MYSQL_STMT* statement,
                                                    std::span<const std::string_view> columns,
                                                    RowSource& source) {
  Batch batch(columns, co_await ask_message_limit(call));
  std::vector<ValueView> row(columns.size());
  std::uint64_t rows = 0;
  for (; take(source, row); ++rows) {
    if (!batch.takes(row, rows)) {
      co_await send_batch(call, effect, statement, batch);
      batch.clear();
      static_cast<void>(batch.takes(row, rows));  // now it does
    }
    batch.add(row);
  }
  if (rows > 0) co_await send_batch(call, effect, statement, batch);
  co_return rows;
}

Task<void> MariadbConnection::send_batch(io::Call call, Effect effect, MYSQL_STMT* statement,
                                         Batch& batch) {
  if (batch.size() >= kTakenByAll) co_await check_size(call, batch.size());
  const Operation operation = start(call, effect);
  auto count = static_cast<unsigned int>(batch.rows());
  // libmariadb takes a function as a pointer to an object.
  mysql_stmt_attr_set(statement, STMT_ATTR_CB_USER_DATA, &batch);
  mysql_stmt_attr_set(statement, STMT_ATTR_CB_PARAM, reinterpret_cast<const void*>(&Batch::give));
  mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &count);
  if (mysql_stmt_bind_param(statement, batch.types()) != 0) throw std::bad_alloc();
  co_await send_prepared(call, operation, statement);
  if (failure_.number != 0) co_await fail(call, operation, std::span<const ValueView>());
  if (cancelling_) co_await settle(call);
}

/// Leaves nothing of what was loaded, if need be by closing the connection.
Task<void> MariadbConnection::undo_load(io::Call call, bool alone) {
  if (!handle_) co_return;
  const auto end = std::max(call.deadline(), after(call.now(), kUndoTime));
  const io::Call limited(call.waiter(), end);
  // After a deadlock, say, the transaction is gone: the caller is told by its state.
  if (rolled_back_ && !alone) co_return;
  rolled_back_ = false;
  if (alone && !in_transaction()) co_return;
  const auto undoing = alone ? kRollback : kBackToSavepoint;
  bool undone = false;
  try {
    co_await run_simple(limited, undoing, Effect::read, AtDeadline::close);
    undone = true;
  } catch (const Error&) {
    // What came first matters more.
  }
  if (!undone) close();
}

}  // namespace grant::mariadb
