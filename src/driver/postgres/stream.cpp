#include <fmt/format.h>

#include <exception>
#include <utility>

#include "cancel.hpp"
#include "connection.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "kept_rows.hpp"
#include "result.hpp"

namespace grant::postgres {
namespace {

constexpr std::string_view kReadOnly = "25006";

}  // namespace

/// Rows one by one, as they arrive.
class SingleRowStream final : public RowStream {
 public:
  /// The connection is in a transaction of the stream's own, in which `query` was parsed.
  SingleRowStream(PostgresConnection& connection, const Prepared& query, std::size_t chunk_rows)
      : connection_(connection),
        chunk_rows_(chunk_rows),
        rows_(query.columns),
        columns_known_(query.columns->known) {
    connection_.streaming_ = true;
  }

  ~SingleRowStream() override {
    if (is_open()) connection_.close();
    connection_.streaming_ = false;
  }

  /// Sends the statement with the values that are bound; awaits nothing.
  void open(io::Call call, const Prepared& query) {
    PGconn* const handle = connection_.handle_.get();
    connection_.send_execute(query, reading(call));
    connection_.send(PQsetSingleRowMode(handle), reading(call));
  }

  Task<const Result*> next(io::Call call) override {
    rows_->clear();
    if (!is_open()) co_return nullptr;
    connection_.refuse_in_child();
    connection_.refuse_late_chunk(call);
    overtime_ = {};
    const auto operation = reading(call);
    PGconn* const handle = connection_.handle_.get();
    co_await connection_.flush_all(call, operation);
    while (rows_->row_count() < chunk_rows_) {
      while (PQisBusy(handle) != 0) co_await await_bytes(call, operation);
      ResultHandle answer(PQgetResult(handle));
      const auto status = PQresultStatus(answer.get());
      if (status == PGRES_SINGLE_TUPLE) {
        if (!std::exchange(columns_known_, true)) take_columns(answer.get());
        rows_->add(answer.get());
        continue;
      }
      connection_.refuse_copy(status);
      if (status == PGRES_FATAL_ERROR) co_await fail(call, std::move(answer));
      co_await finish(call, call, operation);
      if (status == PGRES_EMPTY_QUERY) throw_error(Errc::invalid_argument, kEmptyStatement);
      break;
    }
    co_return rows_->row_count() > 0 ? &*rows_ : nullptr;
  }

  Task<void> close(io::Call call) override {
    rows_->clear();
    if (!is_open()) co_return;
    connection_.refuse_in_child();
    // Otherwise the server would send all that is left.
    auto impatient = call;
    const auto operation = PostgresConnection::unwanted(impatient);
    co_await connection_.flush_all(call, operation);
    co_await finish(call, impatient, operation);
  }

 private:
  using Operation = PostgresConnection::Operation;

  [[nodiscard]] static Operation reading(io::Call call) {
    Operation operation{Effect::read, driver::Stopwatch(call)};
    operation.has_values = true;
    return operation;
  }

  [[nodiscard]] bool is_open() const noexcept { return open_ && connection_.is_open(); }

  /// Of a statement whose columns the server was not asked for.
  void take_columns(const PGresult* row) {
    auto columns = std::make_shared<Columns>(Columns::of(row, {}));
    columns->format = Format::text;
    rows_.emplace(std::move(columns));
  }

  Task<void> await_bytes(io::Call& call, Operation operation) {
    PGconn* const handle = connection_.handle_.get();
    auto outcome = io::Outcome::timed_out;
    // Rows that nobody wants may come faster than they can be read, and never be waited for.
    const bool in_time = !operation.unwanted_until || call.now() < call.deadline();
    if (in_time) outcome = co_await call.ready(PQsocket(handle), io::Interest::read);
    const bool ready = outcome == io::Outcome::ready;
    if (ready && PostgresConnection::is_over(overtime_, call, PQsocket(handle))) {
      outcome = io::Outcome::timed_out;
    }
    if (outcome != io::Outcome::ready) {
      overtime_ = {};
      if (co_await connection_.cancel_late(call, outcome, operation)) co_return;
      connection_.give_up(outcome, operation);
    }
    if (PQconsumeInput(handle) == 0) connection_.fail_lost(operation);
  }

  /// Throws what `failed` says, once the connection can be used again.
  Task<void> fail(io::Call call, ResultHandle failed) {
    // In case that they are the last words on the connection.
    connection_.answers_.clear();
    connection_.answers_.push_back(std::move(failed));
    auto info = connection_.failure_info(connection_.failure(), reading(call), {});
    if (info.sqlstate == kReadOnly) info.code = Errc::invalid_argument;
    rows_->clear();
    co_await finish(call, call, reading(call));
    throw_error(std::move(info));
  }

  /// Takes what is still to come as `draining` says, and ends the transaction.
  Task<void> finish(io::Call call, io::Call draining, Operation operation) {
    PGconn* const handle = connection_.handle_.get();
    while (true) {
      while (PQisBusy(handle) != 0) co_await await_bytes(draining, operation);
      const ResultHandle answer(PQgetResult(handle));
      if (!answer) break;
    }
    co_await connection_.end_stream(call);
    open_ = false;
  }

  PostgresConnection& connection_;
  const std::size_t chunk_rows_;
  std::optional<KeptRows> rows_;  // always there, and made anew by take_columns()
  bool columns_known_;
  bool open_ = true;
  driver::Overtime overtime_;
};

/// A cursor. While the caller looks at one chunk, the server makes the next.
class CursorStream final : public RowStream {
 public:
  /// The connection is in a transaction of the caller's.
  CursorStream(PostgresConnection& connection, const Prepared& query, std::size_t chunk_rows)
      : connection_(connection),
        fetch_(fmt::format("FETCH FORWARD {} FROM grant_stream", chunk_rows)),
        chunk_rows_(static_cast<int>(chunk_rows)),
        format_(query.result_format()) {
    connection_.streaming_ = true;
  }

  ~CursorStream() override {
    if (is_open()) connection_.close();
    connection_.streaming_ = false;
  }

  /// Sends what opens the cursor and fetches its first rows; awaits nothing.
  void open(io::Call call, std::string_view sql, const Prepared& query) {
    const auto operation = reading(call);
    PGconn* const handle = connection_.handle_.get();
    connection_.send(PQenterPipelineMode(handle), operation);
    const auto declare = fmt::format("DECLARE grant_stream NO SCROLL CURSOR FOR {}", sql);
    const auto& binder = connection_.binder_;
    connection_.send(
        PQsendQueryParams(handle, declare.c_str(), binder.count(), query.parameter_types.data(),
                          binder.values(), binder.lengths(), binder.formats(), format_),
        operation);
    fetch(call);
    fetch(call);
  }

  Task<const Result*> next(io::Call call) override {
    chunk_.reset();
    if (!is_open()) co_return nullptr;
    connection_.refuse_in_child();
    connection_.refuse_late_chunk(call);
    if (exhausted_) {
      co_await finish(call);
      co_return nullptr;
    }
    co_await receive(call);
    const PGresult* failed = connection_.failure();
    if (failed != nullptr) {
      auto info = connection_.failure_info(failed, reading(call), {});
      co_await finish(call);
      throw_error(std::move(info));
    }
    static_cast<void>(connection_.final_answer(reading(call)));
    auto rows = std::move(connection_.answers_.back());
    exhausted_ = PQntuples(rows.get()) < chunk_rows_;
    if (PQntuples(rows.get()) == 0) {
      co_await finish(call);
      co_return nullptr;
    }
    if (!exhausted_) {
      fetch(call);
      static_cast<void>(connection_.flush(reading(call)));
    }
    chunk_ = std::make_unique<PostgresResult>(std::move(rows));
    co_return chunk_.get();
  }

  Task<void> close(io::Call call) override {
    chunk_.reset();
    if (!is_open()) co_return;
    connection_.refuse_in_child();
    co_await finish(call);
  }

 private:
  [[nodiscard]] static PostgresConnection::Operation reading(io::Call call) {
    PostgresConnection::Operation operation{Effect::read, driver::Stopwatch(call)};
    operation.in_transaction = true;
    operation.has_values = true;
    operation.most = 0;
    return operation;
  }

  [[nodiscard]] bool is_open() const noexcept { return open_ && connection_.is_open(); }

  void send(io::Call call, const char* command) {
    connection_.send(PQsendQueryParams(connection_.handle_.get(), command, 0, nullptr, nullptr,
                                       nullptr, nullptr, format_),
                     reading(call));
  }

  void fetch(io::Call call) {
    send(call, fetch_.c_str());
    connection_.send(PQpipelineSync(connection_.handle_.get()), reading(call));
    ++under_way_;
  }

  Task<void> receive(io::Call call) {
    co_await connection_.receive(call, reading(call));
    --under_way_;
  }

  /// Takes the answers that are still to come, and ends the cursor.
  Task<void> finish(io::Call call) {
    while (under_way_ > 0) co_await receive(call);
    PGconn* const handle = connection_.handle_.get();
    // A failed transaction has no cursor any more.
    if (PQtransactionStatus(handle) == PQTRANS_INTRANS) {
      send(call, "CLOSE grant_stream");
      connection_.send(PQpipelineSync(handle), reading(call));
      co_await connection_.receive(call, reading(call));
    }
    connection_.send(PQexitPipelineMode(handle), reading(call));
    open_ = false;
    connection_.streaming_ = false;
  }

  PostgresConnection& connection_;
  const std::string fetch_;
  const int chunk_rows_;
  const int format_;
  std::unique_ptr<PostgresResult> chunk_;
  int under_way_ = 0;
  bool exhausted_ = false;
  bool open_ = true;
};

// Rows that are there already would never be waited for.
void PostgresConnection::refuse_late_chunk(io::Call call) const {
  if (call.deadline() <= call.now()) throw_error(failures::deadline_had_passed(node_));
}

Task<void> PostgresConnection::end_stream(io::Call call) {
  Operation operation{Effect::read, driver::Stopwatch(call)};
  operation.most = 0;
  // A request to cancel that was late ends the first; there is none left for the second.
  do {
    send(PQsendQuery(handle_.get(), "ROLLBACK"), operation);
    co_await receive(call, operation);
  } while (PQtransactionStatus(handle_.get()) != PQTRANS_IDLE);
  streaming_ = false;
}

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
  const bool owns = PQtransactionStatus(handle_.get()) == PQTRANS_IDLE;
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
  if (owns) {
    auto rows = std::make_unique<SingleRowStream>(*this, query, options.chunk_rows);
    rows->open(call, query);
    co_return rows;
  }
  auto rows = std::make_unique<CursorStream>(*this, query, options.chunk_rows);
  rows->open(call, statement.sql, query);
  co_return rows;
}

}  // namespace grant::postgres
