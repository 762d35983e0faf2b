// Statements that the server is told to refuse where they write.
#include <array>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "effects.hpp"
#include "errors.hpp"

namespace grant::postgres {
namespace {

// A replica refuses by itself, and says with each answer that it is one. On a connection that has
// heard nothing for longer it may have been promoted since.
constexpr auto kStandbyKnownFor = std::chrono::seconds(1);

constexpr const char* kSavepoint = "SAVEPOINT grant_guard";
constexpr const char* kRelease = "RELEASE SAVEPOINT grant_guard";

}  // namespace

void PostgresConnection::refuse_unguardable(std::string_view sql) const {
  // It would end the transaction that guards, or the caller's.
  if (is_about_transaction(sql)) throw_error(failures::about_transaction(node_));
}

bool PostgresConnection::needs_guard(const Statement& statement, Duration silent) const {
  if (!statement.guarded) return false;
  refuse_unguardable(statement.sql);
  return kind_hint() != NodeKind::replica || silent > kStandbyKnownFor;
}

void PostgresConnection::send_command(const char* command, const Operation& operation) {
  send(PQsendQueryParams(handle_.get(), command, 0, nullptr, nullptr, nullptr, nullptr, 1),
       operation);
}

// One round trip. A block of its own keeps a procedure from committing, which would end the
// protection; inside the caller's, that of a savepoint ends with the savepoint. The commit has a
// sync of its own, so that it is there for a statement that failed as well.
Task<void> PostgresConnection::run_guarded(io::Call call, Operation operation,
                                           const Prepared& prepared) {
  PGconn* const handle = handle_.get();
  const bool inside = operation.in_transaction;
  send(PQenterPipelineMode(handle), operation);
  if (inside) {
    send_command(kSavepoint, operation);
    send_command("SET TRANSACTION READ ONLY", operation);
  } else {
    send_command("BEGIN READ ONLY", operation);
  }
  send_execute(prepared, operation);
  if (inside) send_command(kRelease, operation);
  send(PQpipelineSync(handle), operation);
  if (!inside) {
    send_command("COMMIT", operation);
    send(PQpipelineSync(handle), operation);
  }
  co_await receive(call, operation);
  const std::size_t place = inside ? 2 : 1;
  ResultHandle answer;
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    const bool failed = PQresultStatus(answers_[i].get()) == PGRES_FATAL_ERROR;
    if (failed || i == place) answer = std::move(answers_[i]);
    if (failed) break;
  }
  const bool late = cancelled_late_;
  if (late) call = io::Call(call.waiter(), after(call.now(), cancel_timeout_));
  if (!inside) {
    operation.cancellable = false;
    co_await receive(call, operation);
  }
  send(PQexitPipelineMode(handle), operation);
  // A request to cancel that was late may have met the commit.
  if (!inside && PQtransactionStatus(handle) != PQTRANS_IDLE) co_await undo(call);
  cancelled_late_ = late;
  answers_.clear();
  answers_.push_back(std::move(answer));
}

}  // namespace grant::postgres
