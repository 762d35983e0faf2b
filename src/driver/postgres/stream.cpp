#include <fmt/format.h>

#include <exception>
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "kept_rows.hpp"
#include "result.hpp"

namespace grant::postgres {
namespace {

constexpr std::string_view kReadOnly = "25006";

/// Queues `sql`, which takes the values of `query`.
int send_bound(PGconn* handle, const char* sql, const Prepared& query, const Binder& values) {
  return PQsendQueryParams(handle, sql, values.count(), query.parameter_types.data(),
                           values.values(), values.lengths(), values.formats(),
                           query.result_format());
}

/// Rows one by one, as they arrive.
class SingleRowStream final : public RowStream {
 public:
  /// The channel is in a transaction of the stream's own, in which `query` was parsed.
  SingleRowStream(Channel& channel, Meaning& meaning, const Prepared& query, std::size_t chunk_rows)
      : channel_(channel),
        meaning_(meaning),
        claim_(channel),
        chunk_rows_(chunk_rows),
        rows_(query.columns),
        columns_known_(query.columns->known) {}

  /// Sends `query` with `values`; awaits nothing.
  void open(io::Call call, const Prepared& query, const Binder& values) {
    PGconn* const handle = channel_.handle();
    channel_.send(send_bound(handle, query.sql.c_str(), query, values), reading(call));
    channel_.send(PQsetSingleRowMode(handle), reading(call));
  }

  Task<const Result*> next(io::Call call) override {
    rows_->clear();
    if (!claim_.holds()) co_return nullptr;
    channel_.start_chunk(call);
    overtime_ = {};
    const auto operation = reading(call);
    PGconn* const handle = channel_.handle();
    co_await channel_.flush_all(call, operation);
    while (rows_->row_count() < chunk_rows_) {
      while (PQisBusy(handle) != 0) co_await channel_.receive_more(call, overtime_, operation);
      ResultHandle answer(PQgetResult(handle));
      const auto status = PQresultStatus(answer.get());
      if (status == PGRES_SINGLE_TUPLE) {
        if (!std::exchange(columns_known_, true)) take_columns(answer.get());
        rows_->add(answer.get());
        continue;
      }
      channel_.refuse_copy(status);
      if (status == PGRES_FATAL_ERROR) co_await fail(call, std::move(answer));
      co_await finish(call, call, operation);
      if (status == PGRES_EMPTY_QUERY) throw_error(Errc::invalid_argument, kEmptyStatement);
      break;
    }
    co_return rows_->row_count() > 0 ? &*rows_ : nullptr;
  }

  Task<void> close(io::Call call) override {
    rows_->clear();
    if (!claim_.holds()) co_return;
    channel_.refuse_in_child();
    // Otherwise the server would send all that is left.
    auto unwanted = Operation{Effect::read, driver::Stopwatch(call)};
    unwanted.unwanted_until = call.deadline();
    // Ask at once, unless the answer is there.
    const auto impatient = call.until(unwanted.watch.started());
    co_await channel_.flush_all(call, unwanted);
    co_await finish(call, impatient, unwanted);
  }

 private:
  [[nodiscard]] static Operation reading(io::Call call) {
    Operation operation{Effect::read, driver::Stopwatch(call)};
    operation.has_values = true;
    return operation;
  }

  /// Of a statement whose columns the server was not asked for.
  void take_columns(const PGresult* row) {
    auto columns = std::make_shared<Columns>(Columns::of(row, {}));
    columns->format = Format::text;
    rows_.emplace(std::move(columns));
  }

  /// Throws what `failed` says, once the connection can be used again.
  Task<void> fail(io::Call call, ResultHandle failed) {
    // In case that they are the last words on the connection.
    channel_.set_answer(std::move(failed));
    auto info = meaning_.failure_info(channel_.failure(), reading(call), {});
    if (info.sqlstate == kReadOnly) info.code = Errc::invalid_argument;
    rows_->clear();
    co_await finish(call, call, reading(call));
    throw_error(std::move(info));
  }

  /// Takes what is still to come as `draining` says, and ends the transaction.
  Task<void> finish(io::Call call, io::Call draining, Operation operation) {
    PGconn* const handle = channel_.handle();
    while (true) {
      while (PQisBusy(handle) != 0) co_await channel_.receive_more(draining, overtime_, operation);
      const ResultHandle answer(PQgetResult(handle));
      if (!answer) break;
    }
    co_await end_transaction(call);
    claim_.release();
  }

  Task<void> end_transaction(io::Call call) {
    Operation operation{Effect::read, driver::Stopwatch(call)};
    operation.most = 0;
    // A request to cancel that was late ends the first; there is none left for the second.
    do {
      channel_.send_query("ROLLBACK", operation);
      co_await channel_.receive(call, operation);
    } while (channel_.in_transaction());
  }

  Channel& channel_;
  Meaning& meaning_;
  Channel::Claim claim_;
  const std::size_t chunk_rows_;
  std::optional<KeptRows> rows_;  // always there, and made anew by take_columns()
  bool columns_known_;
  driver::Overtime overtime_;
};

/// A cursor. While the caller looks at one chunk, the server makes the next.
class CursorStream final : public RowStream {
 public:
  /// The channel is in a transaction of the caller's.
  CursorStream(Channel& channel, Meaning& meaning, const Prepared& query, std::size_t chunk_rows)
      : channel_(channel),
        meaning_(meaning),
        claim_(channel),
        fetch_(fmt::format("FETCH FORWARD {} FROM grant_stream", chunk_rows)),
        chunk_rows_(static_cast<int>(chunk_rows)),
        format_(query.columns->format) {}

  /// Sends what opens the cursor on `query` with `values`, and fetches its first rows; awaits
  /// nothing.
  void open(io::Call call, const Prepared& query, const Binder& values) {
    const auto operation = reading(call);
    channel_.enter_pipeline(operation);
    const auto declare = fmt::format("DECLARE grant_stream NO SCROLL CURSOR FOR {}", query.sql);
    channel_.send(send_bound(channel_.handle(), declare.c_str(), query, values), operation);
    fetch(call);
    fetch(call);
  }

  Task<const Result*> next(io::Call call) override {
    chunk_.reset();
    if (!claim_.holds()) co_return nullptr;
    channel_.start_chunk(call);
    if (exhausted_) {
      co_await finish(call);
      co_return nullptr;
    }
    co_await receive(call);
    if (const PGresult* failed = channel_.failure()) {
      auto info = meaning_.failure_info(failed, reading(call), {});
      co_await finish(call);
      throw_error(std::move(info));
    }
    static_cast<void>(channel_.final_answer(reading(call)));
    auto rows = std::move(channel_.answers().back());
    exhausted_ = PQntuples(rows.get()) < chunk_rows_;
    if (PQntuples(rows.get()) == 0) {
      co_await finish(call);
      co_return nullptr;
    }
    if (!exhausted_) {
      fetch(call);
      static_cast<void>(channel_.flush(reading(call)));
    }
    chunk_ = std::make_unique<PostgresResult>(std::move(rows));
    co_return chunk_.get();
  }

  Task<void> close(io::Call call) override {
    chunk_.reset();
    if (!claim_.holds()) co_return;
    channel_.refuse_in_child();
    co_await finish(call);
  }

 private:
  [[nodiscard]] static Operation reading(io::Call call) {
    Operation operation{Effect::read, driver::Stopwatch(call)};
    operation.in_transaction = true;
    operation.has_values = true;
    operation.most = 0;
    return operation;
  }

  void fetch(io::Call call) {
    channel_.send_command(fetch_.c_str(), reading(call), format_);
    channel_.send_sync(reading(call));
    ++under_way_;
  }

  Task<void> receive(io::Call call) {
    co_await channel_.receive(call, reading(call));
    --under_way_;
  }

  /// Takes the answers that are still to come, and ends the cursor.
  Task<void> finish(io::Call call) {
    while (under_way_ > 0) co_await receive(call);
    // A failed transaction has no cursor any more.
    if (PQtransactionStatus(channel_.handle()) == PQTRANS_INTRANS) {
      channel_.send_command("CLOSE grant_stream", reading(call), format_);
      channel_.send_sync(reading(call));
      co_await channel_.receive(call, reading(call));
    }
    channel_.leave_pipeline(reading(call));
    claim_.release();
  }

  Channel& channel_;
  Meaning& meaning_;
  Channel::Claim claim_;
  const std::string fetch_;
  const int chunk_rows_;
  const Format format_;
  std::unique_ptr<PostgresResult> chunk_;
  int under_way_ = 0;
  bool exhausted_ = false;
};

}  // namespace

Task<std::unique_ptr<RowStream>> PostgresConnection::stream(io::Call call, Statement statement,
                                                            StreamOptions options) {
  constexpr std::size_t most = 1'000'000;
  if (options.chunk_rows == 0 || options.chunk_rows > most) {
    throw_error(
        failures::at(node_, Errc::invalid_argument,
                     fmt::format("a chunk has 1 to {} rows, not {}", most, options.chunk_rows)));
  }
  start(call, Effect::read);
  refuse_too_many(statement.params);
  const bool owns = !channel_.in_transaction();
  if (statement.guarded) refuse_unguardable(statement.sql);
  if (statement.guarded && !owns) {
    // What a cursor calls while rows are fetched would not be guarded any more.
    throw_error(failures::at(node_, Errc::invalid_argument,
                             "rows of SQL of one's own cannot be streamed in a transaction"));
  }
  const auto query =
      co_await parse_locked(call, std::string(statement.sql), owns ? "BEGIN READ ONLY" : nullptr);
  if (query.mentions_session) session_changed_ = true;
  std::exception_ptr misfit;
  try {
    binder_.bind(statement.params, query.parameter_types);
  } catch (...) {
    misfit = std::current_exception();
  }
  if (misfit) {
    if (owns) co_await undo(call);
    std::rethrow_exception(misfit);
  }
  Meaning& meaning = *this;
  if (owns) {
    auto rows = std::make_unique<SingleRowStream>(channel_, meaning, query, options.chunk_rows);
    rows->open(call, query, binder_);
    co_return rows;
  }
  auto rows = std::make_unique<CursorStream>(channel_, meaning, query, options.chunk_rows);
  rows->open(call, query, binder_);
  co_return rows;
}

}  // namespace grant::postgres
