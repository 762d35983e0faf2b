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

// One round trip. A block of its own keeps a procedure from committing, which would end the
// protection; inside the caller's, that of a savepoint ends with the savepoint. The commit has a
// sync of its own, so that it is there for a statement that failed as well.
Task<void> PostgresConnection::run_guarded(io::Call call, Operation operation,
                                           const Prepared& prepared) {
  const bool inside = operation.in_transaction;
  channel_.enter_pipeline(operation);
  if (inside) {
    channel_.send_command(kSavepoint, operation);
    channel_.send_command("SET TRANSACTION READ ONLY", operation);
  } else {
    channel_.send_command("BEGIN READ ONLY", operation);
  }
  send_execute(prepared, operation);
  if (inside) channel_.send_command(kRelease, operation);
  channel_.send_sync(operation);
  if (!inside) {
    channel_.send_command("COMMIT", operation);
    channel_.send_sync(operation);
  }
  co_await channel_.receive(call, operation);
  const std::size_t place = inside ? 2 : 1;
  ResultHandle answer;
  auto& answers = channel_.answers();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const bool failed = PQresultStatus(answers[i].get()) == PGRES_FATAL_ERROR;
    if (failed || i == place) answer = std::move(answers[i]);
    if (failed) break;
  }
  const bool late = channel_.cancelled_late();
  if (late) call = channel_.until_cancelled(call);
  if (!inside) {
    operation.cancellable = false;
    co_await channel_.receive(call, operation);
  }
  channel_.leave_pipeline(operation);
  // A request to cancel that was late may have met the commit.
  if (!inside && channel_.in_transaction()) co_await undo(call);
  channel_.set_cancelled_late(late);
  channel_.set_answer(std::move(answer));
}

}  // namespace grant::postgres
