#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/driver/canceller.hpp"
#include "grant/driver/observation.hpp"
#include "grant/driver/position.hpp"
#include "grant/driver/result.hpp"
#include "grant/driver/row_source.hpp"
#include "grant/driver/row_stream.hpp"
#include "grant/driver/statement.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant {

enum class TransactionState : std::uint8_t {
  none,
  open,
  failed,  ///< Only a rollback is accepted.
};

/// What became of a transaction that was ended by something else than commit() and rollback(): by a
/// COMMIT of the caller's own, or by a statement with a commit in it.
enum class TransactionEnd : std::uint8_t {
  none,  ///< It was not.
  committed,
  rolled_back,
  unknown,
};

/// What one statement of a pipeline ended with: rows, or an error.
struct Answer {
  std::unique_ptr<Result> result{};
  std::optional<ErrorInfo> error{};
};

/// One connection to one node. For one caller at a time; different callers may use it one after the
/// other on different threads.
///
/// Every operation obeys the deadline of its Call; one that has passed already ends it with timeout
/// and changes nothing. When an operation ends before the server has answered, the connection is
/// closed: is_open() is false from then on, and the error says whether the statement may have run:
///   - unavailable: the connection was lost, and nothing that changes data was executed;
///   - outcome_unknown: it was sent and could change something;
///   - timeout: the deadline passed, and nothing that changes data was executed.
///
/// Inside a transaction nothing is in doubt before its commit: a statement that is lost there is
/// unavailable or timeout. Not so one that ends the transaction, or that may keep a part of its
/// work whatever becomes of it: a procedure that commits, a table without transactions. Such a one
/// is outcome_unknown too when the server ends it and the connection stays.
///
/// Once a statement has failed a transaction, those after it and the commit fail with its error.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  /// Runs one statement and gives all its rows. The statement's views must live until the task
  /// ends. Errors: what the server said, sorted by Errc; unavailable, outcome_unknown or timeout.
  virtual Task<std::unique_ptr<Result>> execute(io::Call call, Statement statement) = 0;

  /// Runs a query and gives its rows a chunk at a time. `statement` must change nothing, and is
  /// copied as far as needed. Outside a transaction, one of its own lasts until the stream ends.
  /// Errors: those of execute(), as far as they come before the first row.
  ///
  /// A driver that does not override this reads all rows into memory first.
  virtual Task<std::unique_ptr<RowStream>> stream(io::Call call, Statement statement,
                                                  StreamOptions options);

  /// Runs many statements and gives an answer for each, in their order. Each is on its own: one
  /// that fails does not keep the others from being run or undo them, unless a transaction is open,
  /// where the rest fails as the engine has it. PostgreSQL takes them all in one round trip, or two
  /// where one has to be prepared; the others, here, one after another. Their results are in memory
  /// together. The statements' views must live until the task ends.
  ///
  /// Errors are in the answers, also those of a connection that was lost: unavailable where the
  /// statement was not executed, outcome_unknown where it may have been.
  virtual Task<std::vector<Answer>> pipeline(io::Call call, std::span<const Statement> statements);

  /// Inserts all rows of `source`, the fastest way there is, and gives their number: all of them or
  /// none, in a transaction of its own unless one is open. `source` and what `target` looks at must
  /// live until the task ends. Errors: those of execute(); what `source` throws, with nothing
  /// inserted; invalid_argument, from a driver that does not override this.
  virtual Task<std::uint64_t> load(io::Call call, LoadTarget target, RowSource& source);

  /// For the statements that the connection runs now and later. Null once the connection is closed,
  /// and from a driver that does not override this.
  [[nodiscard]] virtual std::shared_ptr<Canceller> canceller();

  /// Starts a transaction.
  virtual Task<void> begin(io::Call call, TransactionOptions options) = 0;

  /// Errors besides those of execute(): where an earlier statement had failed the transaction, and
  /// so rolled it back, the error of that statement.
  virtual Task<void> commit(io::Call call) = 0;

  virtual Task<void> rollback(io::Call call) = 0;

  /// What the node is, in one round trip, as a plain user.
  virtual Task<Observation> probe(io::Call call) = 0;

  /// Makes the session what it was after connecting; statements that are kept prepared may have to
  /// be prepared again. Errors: those of execute(); invalid_argument while a transaction is open,
  /// and from a driver that does not override this: close the connection instead.
  virtual Task<void> reset(io::Call call);

  /// Whether statements have left something on the session since it was new, other than an open
  /// transaction: settings, temporary tables, locks. As far as a driver can know without asking,
  /// which the guide on pools lists; costs nothing.
  [[nodiscard]] virtual bool session_changed() const noexcept { return false; }

  /// As of the last reply; costs nothing.
  [[nodiscard]] virtual TransactionState transaction_state() const noexcept = 0;

  /// Whether the transaction that begin() started was ended by something else than commit() and
  /// rollback(), also where another one has taken its place. As far as the server tells; costs
  /// nothing; none again after the next begin(), commit() or rollback().
  [[nodiscard]] virtual TransactionEnd ended_underneath() const noexcept {
    return TransactionEnd::none;
  }

  /// False once the connection is known to be broken; true says only that nobody noticed yet.
  [[nodiscard]] virtual bool is_open() const noexcept = 0;

  /// Where the log of the primary stood once it had the last write of this connection: a commit, or
  /// a statement outside a transaction. A replica of the same epoch that has replayed it has the
  /// write; on MariaDB, unless a promotion has lost the write, which its numbers do not show. Known
  /// where Statement or TransactionOptions asked for it; to ask here sends nothing. Empty before
  /// the first write, where the last one's is not known, and on an engine without positions.
  [[nodiscard]] virtual std::optional<Position> last_position() const { return std::nullopt; }

  /// What the node was last seen to be, from what it sends unasked; unknown where it sends nothing.
  [[nodiscard]] virtual NodeKind kind_hint() const noexcept = 0;
};

}  // namespace grant
