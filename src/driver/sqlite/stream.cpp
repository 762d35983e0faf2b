#include <fmt/format.h>

#include <memory>
#include <utility>

#include "connection.hpp"
#include "errors.hpp"

namespace grant::sqlite {
namespace {

constexpr std::string_view kStreaming = "cannot stream the rows";

}  // namespace

/// Steps through a statement as far as the caller has asked for.
class SqliteStream final : public RowStream {
 public:
  /// Goes to the first row.
  SqliteStream(io::Call call, SqliteConnection& connection, const Statement& statement,
               std::size_t chunk_rows)
      : connection_(connection), sql_(statement.sql), chunk_rows_(chunk_rows) {
    for (const auto value : statement.params) params_.add(Value(value));
    const SqliteConnection::OperationScope scope(connection_, call);
    auto& prepared = connection_.prepared(sql_, kStreaming);
    if (statement.guarded) connection_.refuse_guarded(prepared, kStreaming);
    if (sqlite3_stmt_readonly(prepared.handle.get()) == 0) {
      throw_at(Errc::invalid_argument, connection_.node_,
               fmt::format("{}: the statement is not a query", kStreaming));
    }
    if (prepared.changes_session) connection_.session_changed_ = true;
    handle_ = prepared.handle.get();
    connection_.stream_ = this;
    try {
      bind_params(handle_, prepared.placeholders, params_.views(), connection_.node_);
      step();
      chunk_.set_columns(prepared.columns());
      if (!on_row_) end();
    } catch (...) {
      end();
      throw;
    }
  }
  SqliteStream(const SqliteStream&) = delete;
  SqliteStream& operator=(const SqliteStream&) = delete;
  ~SqliteStream() override { end(); }

  Task<const Result*> next(io::Call call) override {
    co_return read_chunk(call) ? &chunk_ : nullptr;
  }

  Task<void> close(io::Call /*call*/) override {
    end();
    co_return;
  }

 private:
  bool read_chunk(io::Call call) {
    chunk_.clear();
    if (handle_ == nullptr) return false;
    connection_.refuse_in_child();
    const SqliteConnection::OperationScope scope(connection_, call);
    try {
      if (call.deadline() <= call.now() || connection_.is_cancelled()) fail(SQLITE_INTERRUPT);
      while (handle_ != nullptr && chunk_.row_count() < chunk_rows_) {
        if (!on_row_) step();
        if (on_row_) {
          chunk_.add_row(handle_);
        } else {
          end();
        }
        on_row_ = false;
      }
    } catch (...) {
      end();
      throw;
    }
    return chunk_.row_count() > 0;
  }

  void step() {
    const int code = sqlite3_step(handle_);
    on_row_ = code == SQLITE_ROW;
    if (!on_row_ && code != SQLITE_DONE) fail(code);
  }

  [[noreturn]] void fail(int code) {
    Statement statement;
    statement.sql = sql_;
    statement.params = params_.views();
    statement.effect = Effect::read;
    connection_.fail(code, kStreaming, statement);
  }

  void end() noexcept {
    if (handle_ == nullptr) return;
    const ResetScope reset(std::exchange(handle_, nullptr));
    connection_.stream_ = nullptr;
    *connection_.activity_ = Activity::idle;
  }

  SqliteConnection& connection_;
  const std::string sql_;
  Params params_;  // bound, and not copied once more
  const std::size_t chunk_rows_;
  sqlite3_stmt* handle_ = nullptr;  // of the connection's cache; null once the stream has ended
  bool on_row_ = false;             // handle_ is, and the row is in no chunk yet
  SqliteResult chunk_;
};

Task<std::unique_ptr<RowStream>> SqliteConnection::stream(io::Call call, Statement statement,
                                                          StreamOptions options) {
  refuse_failed_transaction(kStreaming);
  refuse_unless_ready(call, kStreaming);
  if (options.chunk_rows == 0) {
    throw_at(Errc::invalid_argument, node_,
             fmt::format("{}: StreamOptions::chunk_rows is 0: it must be at least 1", kStreaming));
  }
  co_return std::make_unique<SqliteStream>(call, *this, statement, options.chunk_rows);
}

}  // namespace grant::sqlite
