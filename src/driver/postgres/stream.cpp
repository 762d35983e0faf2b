#include <fmt/format.h>

#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "result.hpp"

namespace grant::postgres {

/// A cursor. While the caller looks at one chunk, the server makes the next.
class PostgresStream final : public RowStream {
 public:
  PostgresStream(PostgresConnection& connection, std::size_t chunk_rows, int format, bool owns)
      : connection_(connection),
        fetch_(fmt::format("FETCH FORWARD {} FROM grant_stream", chunk_rows)),
        chunk_rows_(static_cast<int>(chunk_rows)),
        format_(format),
        owns_transaction_(owns) {
    connection_.streaming_ = true;
  }

  ~PostgresStream() override {
    if (is_open()) connection_.close();
    connection_.streaming_ = false;
  }

  /// Sends what opens the cursor and fetches its first rows; awaits nothing.
  void open(const Statement& statement, const Prepared& prepared) {
    const auto operation = now();
    PGconn* const handle = connection_.handle_.get();
    connection_.send(PQenterPipelineMode(handle), operation);
    if (owns_transaction_) {
      send("BEGIN READ ONLY");
      // All rows are wanted, not the first tenth soon.
      send("SET LOCAL cursor_tuple_fraction = 1");
    }
    const auto declare = "DECLARE grant_stream NO SCROLL CURSOR FOR " + std::string(statement.sql);
    const auto& binder = connection_.binder_;
    connection_.send(
        PQsendQueryParams(handle, declare.c_str(), binder.count(), prepared.parameter_types.data(),
                          binder.values(), binder.lengths(), binder.formats(), format_),
        operation);
    fetch();
    fetch();
  }

  Task<const Result*> next(io::Call call) override {
    chunk_.reset();
    if (!is_open()) co_return nullptr;
    if (exhausted_) {
      co_await finish(call);
      co_return nullptr;
    }
    co_await receive(call);
    const PGresult* failed = connection_.failure();
    if (failed != nullptr) {
      auto info = connection_.failure_info(failed, now(), {});
      co_await finish(call);
      throw_error(std::move(info));
    }
    auto rows = std::move(connection_.answers_.back());
    exhausted_ = PQntuples(rows.get()) < chunk_rows_;
    if (PQntuples(rows.get()) == 0) {
      co_await finish(call);
      co_return nullptr;
    }
    if (!exhausted_) {
      fetch();
      static_cast<void>(connection_.flush(now()));
    }
    chunk_ = std::make_unique<PostgresResult>(std::move(rows));
    co_return chunk_.get();
  }

  Task<void> close(io::Call call) override {
    chunk_.reset();
    if (is_open()) co_await finish(call);
  }

 private:
  [[nodiscard]] static PostgresConnection::Operation now() {
    return {Effect::read, Clock::system().now()};
  }

  [[nodiscard]] bool is_open() const noexcept { return open_ && connection_.is_open(); }

  void send(const char* command) {
    connection_.send(PQsendQueryParams(connection_.handle_.get(), command, 0, nullptr, nullptr,
                                       nullptr, nullptr, format_),
                     now());
  }

  void fetch() {
    send(fetch_.c_str());
    connection_.send(PQpipelineSync(connection_.handle_.get()), now());
    ++under_way_;
  }

  Task<void> receive(io::Call call) {
    co_await connection_.receive(call, now());
    --under_way_;
  }

  /// Takes the answers that are still to come and ends the transaction, or just the cursor.
  Task<void> finish(io::Call call) {
    while (under_way_ > 0) co_await receive(call);
    PGconn* const handle = connection_.handle_.get();
    // A failed transaction has no cursor any more.
    if (owns_transaction_ || PQtransactionStatus(handle) == PQTRANS_INTRANS) {
      send(owns_transaction_ ? "ROLLBACK" : "CLOSE grant_stream");
      connection_.send(PQpipelineSync(handle), now());
      co_await connection_.receive(call, now());
    }
    connection_.send(PQexitPipelineMode(handle), now());
    open_ = false;
    connection_.streaming_ = false;
  }

  PostgresConnection& connection_;
  const std::string fetch_;
  const int chunk_rows_;
  const int format_;
  const bool owns_transaction_;
  std::unique_ptr<PostgresResult> chunk_;
  int under_way_ = 0;
  bool exhausted_ = false;
  bool open_ = true;
};

Task<std::unique_ptr<RowStream>> PostgresConnection::stream(io::Call call, Statement statement,
                                                            StreamOptions options) {
  constexpr std::size_t most = 1'000'000;
  if (options.chunk_rows == 0 || options.chunk_rows > most) {
    throw_error(
        failures::at(node_, Errc::invalid_argument,
                     fmt::format("a chunk has 1 to {} rows, not {}", most, options.chunk_rows)));
  }
  start(call, Effect::read);
  const Prepared* prepared = cache_.find(statement.sql);
  if (prepared == nullptr) prepared = co_await prepare(call, statement.sql);
  binder_.bind(statement.params, prepared->parameter_types);
  const bool owns = PQtransactionStatus(handle_.get()) == PQTRANS_IDLE;
  auto rows =
      std::make_unique<PostgresStream>(*this, options.chunk_rows, prepared->result_format, owns);
  rows->open(statement, *prepared);
  co_return rows;
}

}  // namespace grant::postgres
