#include <fmt/format.h>

#include <string>
#include <vector>

#include "connection.hpp"
#include "driver/load_target.hpp"
#include "errors.hpp"

namespace grant::sqlite {
namespace {

constexpr std::string_view kSavepoint = "SAVEPOINT grant_load";
constexpr std::string_view kRelease = "RELEASE SAVEPOINT grant_load";
constexpr std::string_view kRollBackTo = "ROLLBACK TO SAVEPOINT grant_load";

}  // namespace

/// One prepared insert for all rows: SQLite gains nothing from longer ones.
class SqliteConnection::Load {
 public:
  Load(io::Call call, SqliteConnection& connection, const LoadTarget& target, RowSource& source)
      : call_(call),
        connection_(connection),
        target_(target),
        source_(source),
        tried_(fmt::format("cannot load rows into {}", quoted_table(target))) {}

  std::uint64_t run() {
    connection_.refuse_failed_transaction(tried_);
    connection_.refuse_unless_ready(call_, tried_);
    if (target_.columns.empty()) refuse("no column is named");
    const OperationScope scope(connection_, call_);
    return connection_.in_transaction_ ? run_in_savepoint() : run_in_transaction();
  }

 private:
  std::uint64_t run_in_transaction() {
    connection_.begin_now(call_, {});
    std::uint64_t rows = 0;
    try {
      rows = insert_all();
    } catch (...) {
      if (connection_.is_open()) connection_.rollback_now(call_);
      throw;
    }
    connection_.commit_now(call_);
    return rows;
  }

  std::uint64_t run_in_savepoint() {
    connection_.run_plain(call_, kSavepoint, tried_);
    try {
      const auto rows = insert_all();
      connection_.run_plain(call_, kRelease, tried_);
      return rows;
    } catch (...) {
      connection_.take_cancellation();
      // A failed transaction has no savepoint any more.
      if (connection_.is_open() && connection_.transaction_state() == TransactionState::open) {
        const io::Call unlimited(call_.waiter());
        connection_.run_plain(unlimited, kRollBackTo, tried_);
        connection_.run_plain(unlimited, kRelease, tried_);
      }
      throw;
    }
  }

  std::uint64_t insert_all() {
    auto& prepared = connection_.prepared(insert_one(target_), tried_);
    sqlite3_stmt* const handle = prepared.handle.get();
    const ResetScope reset(handle);
    row_.assign(target_.columns.size(), ValueView());
    for (; source_.next(row_); ++rows_) {
      bind_row(handle);
      const int code = sqlite3_step(handle);
      if (code != SQLITE_DONE) fail(code);
      sqlite3_reset(handle);
    }
    return rows_;
  }

  void bind_row(sqlite3_stmt* handle) {
    for (std::size_t i = 0; i < row_.size(); ++i) {
      if (const auto refusal = refusal_of(row_[i]); !refusal.empty()) {
        refuse(fmt::format("row {}: column \"{}\" {}", rows_ + 1, target_.columns[i], refusal));
      }
      const int code = bind_value(handle, static_cast<int>(i + 1), row_[i]);
      if (code != SQLITE_OK) fail(code);
    }
  }

  [[noreturn]] void refuse(std::string_view why) const {
    throw_at(Errc::invalid_argument, connection_.node_, fmt::format("{}: {}", tried_, why));
  }

  [[noreturn]] void fail(int code) {
    const auto sql = insert_one(target_);
    Statement statement;
    statement.sql = sql;
    statement.params = row_;
    connection_.fail(code, fmt::format("{}: row {}", tried_, rows_ + 1), statement);
  }

  const io::Call call_;
  SqliteConnection& connection_;
  const LoadTarget target_;
  RowSource& source_;
  const std::string tried_;
  std::vector<ValueView> row_;
  std::uint64_t rows_ = 0;
};

Task<std::uint64_t> SqliteConnection::load(io::Call call, LoadTarget target, RowSource& source) {
  co_return Load(call, *this, target, source).run();
}

}  // namespace grant::sqlite
