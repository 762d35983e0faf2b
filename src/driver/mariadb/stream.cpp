#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "guard.hpp"
#include "result.hpp"

namespace grant::mariadb {

/// Rows of a prepared statement, read as they arrive.
class MariadbStream final : public RowStream {
 public:
  /// `statement` has been executed and gives rows; the cache of `connection` keeps it.
  MariadbStream(MariadbConnection& connection, Prepared& statement,
                MariadbConnection::Operation operation, std::size_t chunk_rows)
      : connection_(&connection),
        statement_(statement.handle.get()),
        operation_(operation),
        chunk_rows_(chunk_rows),
        reader_(statement.bound_reader()),
        rows_(reader_.columns()) {
    connection.streaming_ = true;
  }

  ~MariadbStream() override {
    // Nobody waits here for the rows that are still to come.
    if (is_open()) connection_->close();
  }

  Task<const Result*> next(io::Call call) override {
    rows_.clear_rows();
    if (!is_open()) co_return nullptr;
    connection_->refuse_in_child();
    operation_.watch = driver::Stopwatch(call);
    // Rows that are there already would never be waited for.
    if (call.deadline() <= operation_.watch.started()) {
      throw_error(failures::deadline_had_passed(connection_->node_));
    }
    connection_->reading_.begin(call, 0);
    while (rows_.row_count() < chunk_rows_) {
      bool has_row = false;
      try {
        has_row = co_await connection_->fetch(call, operation_, statement_);
      } catch (const Error&) {
        over_ = true;
        throw;
      }
      if (!has_row) {
        over_ = true;
        break;
      }
      reader_.add_to(rows_);
    }
    co_return rows_.row_count() > 0 ? &rows_ : nullptr;
  }

  Task<void> close(io::Call call) override {
    if (!is_open()) co_return;
    connection_->refuse_in_child();
    over_ = true;
    operation_.watch = driver::Stopwatch(call);
    connection_->reading_.begin(call, 0);
    co_await connection_->end_stream(call, operation_, statement_);
  }

 private:
  /// False too when the connection was closed, and the statement with it.
  [[nodiscard]] bool is_open() const noexcept { return !over_ && connection_->streaming_; }

  MariadbConnection* connection_;
  MYSQL_STMT* statement_;
  MariadbConnection::Operation operation_;
  std::size_t chunk_rows_;
  RowReader& reader_;
  MariadbResult rows_;
  bool over_ = false;
};

namespace {

/// What a statement gives that gives no rows.
class NoRows final : public RowStream {
 public:
  Task<const Result*> next(io::Call /*call*/) override { co_return nullptr; }
  Task<void> close(io::Call /*call*/) override { co_return; }
};

}  // namespace

Task<std::unique_ptr<RowStream>> MariadbConnection::stream(io::Call call, Statement statement,
                                                           StreamOptions options) {
  if (options.chunk_rows == 0) {
    throw_error(failures::at(node_, Errc::invalid_argument, "a chunk has at least 1 row"));
  }
  auto operation = start(call, statement.effect);
  if (rolled_back_) fail_rolled_back();
  const auto watch = operation.watch;
  const bool opened = statement.guarded && !in_transaction();
  std::string guarded_text;
  if (opened) {
    guarded_text = with_guard(statement.sql);
    statement.sql = guarded_text;
  }
  while (true) {
    Prepared* prepared = find_prepared(statement.sql);
    const bool cached = prepared != nullptr;
    if (!cached) {
      prepared = keep(co_await prepare(call, statement.sql, opened ? kGuard : ""));
    }
    operation = operation_of(statement, prepared->commits, watch);
    if (statement.guarded && !opened) refuse_unguardable(*prepared);
    // What cannot be prepared gives few rows.
    if (!prepared->handle) co_return co_await Connection::stream(call, statement, options);
    if (prepared->mentions_session) session_changed_ = true;
    MYSQL_STMT* const handle = prepared->handle.get();
    binder_.bind(statement.params, prepared->order, prepared->parameters);
    if (!prepared->order.empty() && mysql_stmt_bind_param(handle, binder_.data()) != 0) {
      throw std::bad_alloc();
    }
    const auto size = binder_.message_size();
    if (size >= kTakenByAll) co_await check_size(call, size);
    failure_ = {};
    co_await send_prepared(call, operation, handle);
    if (failure_.number == 0 && mysql_stmt_field_count(handle) == 0) {
      take_changes(call, statement.sql);
      follow_transaction(statement.sql, operation.commits);
      co_return std::make_unique<NoRows>();
    }
    if (failure_.number == 0) {
      if (statement.guarded) guard_was_set_ = true;
      try {
        co_return std::make_unique<MariadbStream>(*this, *prepared, operation, options.chunk_rows);
      } catch (...) {
        close();  // the rows are on their way all the same
        throw;
      }
    }
    const bool again =
        cached && (is_outdated_statement(failure_.number) || has_other_columns(failure_.number));
    cache_.erase(statement.sql);
    if (!again) co_await fail(call, operation, statement.params);
  }
}

/// False: there are no more rows.
Task<bool> MariadbConnection::fetch(io::Call call, Operation operation, MYSQL_STMT* statement) {
  int fetched = 0;
  int events = quietly([&] { return mysql_stmt_fetch_start(&fetched, statement); });
  if (events != 0) {
    forget_tls_errors();
    co_await finish(call, operation, events,
                    [&](int seen) { return mysql_stmt_fetch_cont(&fetched, statement, seen); });
  }
  if (fetched == 0 || fetched == MYSQL_DATA_TRUNCATED) co_return true;
  // An error of the server's is not the statement's then, but the connection's; the other way round
  // with what libmariadb finds wrong in a row.
  if (fetched == 1) failure_ = failure_of(handle_.get());
  if (fetched == 1 && failure_.number == 0) failure_ = failure_of(statement);
  check(operation);
  const bool failed = fetched == 1;
  mysql_stmt_free_result(statement);
  streaming_ = false;
  last_used_ = call.now();
  if (failed) co_await fail(call, operation, std::span<const ValueView>());
  const bool more = mysql_stmt_more_results(statement) != 0;
  const bool skipped = !more || co_await skip_results(call, operation, statement);
  if (!skipped) co_await fail(call, operation, std::span<const ValueView>());
  co_return false;
}

Task<void> MariadbConnection::end_stream(io::Call call, Operation operation,
                                         MYSQL_STMT* statement) {
  // Without this the server would send all that is left.
  std::exception_ptr undelivered;
  try {
    co_await canceller()->cancel(call);
  } catch (const Error&) {
    undelivered = std::current_exception();
  }
  if (undelivered) {
    close();
    std::rethrow_exception(undelivered);
  }
  operation.at_deadline = AtDeadline::close;
  my_bool failed = 0;
  const int events = quietly([&] { return mysql_stmt_free_result_start(&failed, statement); });
  if (events != 0) {
    co_await finish(call, operation, events, [&](int seen) {
      return mysql_stmt_free_result_cont(&failed, statement, seen);
    });
  }
  check(operation);
  streaming_ = false;
  co_await settle(call);
}

}  // namespace grant::mariadb
