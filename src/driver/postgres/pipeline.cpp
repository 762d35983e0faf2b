#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "effects.hpp"
#include "errors.hpp"
#include "result.hpp"

namespace grant::postgres {

// Statements between two syncs are one transaction, in which a failure keeps those after it from
// being run. So each write has a sync of its own. Reads in a row share one, which saves the server
// a system call each; those behind one that failed are sent again.
Task<std::vector<Answer>> PostgresConnection::pipeline(io::Call call,
                                                       std::span<const Statement> statements) {
  // There is one unnamed statement only. And what one statement does to the transaction has to be
  // known before the next one is sent.
  const bool one_by_one = std::ranges::any_of(statements, [](const Statement& statement) {
    return statement.guarded || may_end_transaction(statement.sql);
  });
  if (cache_.capacity() == 0 || one_by_one) {
    co_return co_await Connection::pipeline(call, statements);
  }

  std::vector<Answer> answers(statements.size());
  std::vector<Queued> queue;
  queue.reserve(statements.size());
  for (std::size_t i = 0; i < statements.size(); ++i)
    queue.push_back({&statements[i], &answers[i]});

  std::optional<ErrorInfo> lost;
  try {
    start(call, Effect::read);
    if (std::ranges::find(statements, Effect::write, &Statement::effect) != statements.end()) {
      position_.reset();
    }
    while (!queue.empty()) {
      co_await prepare_queued(call, queue);
      co_await run_queued(call, queue);
    }
  } catch (const Error& error) {
    lost = error.info();
  } catch (...) {
    channel_.close();  // there may be answers that nobody has read
    throw;
  }
  for (const auto& queued : queue) {
    auto info = *lost;
    const bool in_doubt = queued.sent && !queued.in_transaction;
    if (in_doubt && queued.statement->effect == Effect::write) info.code = Errc::outcome_unknown;
    queued.answer->error = std::move(info);
  }
  co_return answers;
}

Task<void> PostgresConnection::prepare_queued(io::Call call, std::vector<Queued>& queue) {
  const Operation operation = harmless(driver::Stopwatch(call));
  bool all_known = true;
  for (auto& queued : queue) {
    queued.prepared = find_prepared(queued.statement->sql, operation.watch.started());
    if (queued.prepared == nullptr) queued.prepared_anew = true;
    all_known = all_known && queued.prepared != nullptr;
  }
  if (all_known) co_return;

  std::unordered_map<std::string_view, Prepared*> known;
  std::vector<Prepared> wanted;
  wanted.reserve(queue.size());  // its elements stay where they are
  std::unordered_map<std::string_view, ErrorInfo> refused;
  for (const auto& queued : queue) {
    const auto sql = queued.statement->sql;
    if (queued.prepared != nullptr || known.contains(sql) || refused.contains(sql)) continue;
    try {
      wanted.push_back(unprepared(sql, operation.watch.started()));
      if (named_) wanted.back().name = next_name();
      known.emplace(sql, nullptr);
    } catch (const Error& error) {
      refused.emplace(sql, error.info());
    }
  }
  if (!wanted.empty()) {
    channel_.enter_pipeline(operation);
    for (const auto& prepared : wanted) {
      send_prepare(prepared, operation);
      channel_.send_sync(operation);
    }
    for (auto& prepared : wanted) {
      co_await channel_.receive(call, operation);
      if (const PGresult* failed = channel_.failure()) {
        refused.emplace(prepared.sql, failure_info(failed, operation, {}));
        continue;
      }
      describe(prepared, channel_.answers()[1].get());
    }
    channel_.leave_pipeline(operation);
  }
  for (auto& prepared : wanted) {
    if (refused.contains(prepared.sql)) continue;
    auto* const kept = cache_.insert(std::move(prepared));
    known[kept->sql] = kept;
  }
  // A statement that leaves the cache meanwhile stays where it is until the next prepare().
  std::erase_if(queue, [&](Queued& queued) {
    const auto found = refused.find(queued.statement->sql);
    if (found != refused.end()) {
      queued.answer->error = found->second;
      return true;
    }
    if (queued.prepared == nullptr) queued.prepared = known[queued.statement->sql];
    return false;
  });
}

Task<void> PostgresConnection::run_queued(io::Call call, std::vector<Queued>& queue) {
  Operation operation = harmless(driver::Stopwatch(call));
  operation.most = max_result_size_;
  const bool in_transaction = operation.in_transaction;

  std::vector<Queued> again;
  std::vector<std::size_t> ends;  // of what is between two syncs
  std::size_t sent = 0;
  const auto sync = [&] {
    if (sent == (ends.empty() ? 0 : ends.back())) return;
    channel_.send_sync(operation);
    ends.push_back(sent);
  };
  channel_.enter_pipeline(operation);
  for (std::size_t i = 0; i < queue.size(); ++i) {
    auto queued = queue[i];
    try {
      refuse_too_many(queued.statement->params);
      binder_.bind(queued.statement->params, queued.prepared->parameter_types);
    } catch (const Error& error) {
      if (!queued.prepared_anew) {  // the types may have changed
        cache_.erase(queued.statement->sql);
        again.push_back(queued);
      } else {
        queued.answer->error = error.info();
      }
      continue;
    }
    const bool alone = queued.statement->effect == Effect::write && !in_transaction;
    if (alone) sync();
    send_execute(*queued.prepared, operation);
    queued.sent = true;
    queued.in_transaction = in_transaction;
    if (queued.prepared->mentions_session) session_changed_ = true;
    queue[sent++] = queued;
    if (alone) sync();
  }
  sync();
  queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(sent), queue.end());

  std::size_t next = 0;
  const auto done = [&] {
    queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(next));
  };
  try {
    for (const auto end : ends) {
      // At once: libpq's results are large, and many of them do not fit into a processor's cache.
      const Channel::TakeAnswer take = [&](ResultHandle& answer) {
        if (next == end) return;
        if (!take_answer(call, queue[next], answer, in_transaction)) again.push_back(queue[next]);
        ++next;
      };
      co_await channel_.receive(call, operation, take);
    }
    channel_.leave_pipeline(operation);
  } catch (...) {
    done();
    queue.insert(queue.end(), again.begin(), again.end());
    throw;
  }
  queue = std::move(again);
}

bool PostgresConnection::take_answer(io::Call call, Queued& queued, ResultHandle& answer,
                                     bool in_transaction) {
  const auto& statement = *queued.statement;
  switch (PQresultStatus(answer.get())) {
    case PGRES_PIPELINE_ABORTED:
      queued.sent = false;
      if (!in_transaction) return false;
      queued.answer->error =
          failures::at(node_, Errc::conflict,
                       "nothing was executed: a statement before it in the transaction failed");
      return true;
    case PGRES_FATAL_ERROR: break;
    case PGRES_EMPTY_QUERY:
      queued.answer->error = failures::at({}, Errc::invalid_argument, kEmptyStatement);
      return true;
    default: {
      note_command(call, answer.get(), statement.sql);
      const auto& prepared = *queued.prepared;
      if (prepared.moves_names) note_schema(call, driver::SchemaEffect::session);
      if (prepared.name.empty() && !prepared.columns->fit(answer.get())) {
        cache_.erase(statement.sql);
        queued.answer->result = std::make_unique<PostgresResult>(std::move(answer));
      } else {
        queued.answer->result = result_of(std::move(answer), prepared.columns);
      }
      return true;
    }
  }
  const bool is_kept_there = !queued.prepared->name.empty();
  const auto staleness = staleness_of(answer.get(), prefix_);
  forget_outdated(call, staleness, statement.sql);
  const bool outdated = !queued.prepared_anew ? staleness > Staleness::types
                                              : staleness == Staleness::lost && is_kept_there;
  if (outdated && !in_transaction) {
    queued.sent = false;
    return false;
  }
  Operation operation{statement.effect, driver::Stopwatch(call)};
  operation.in_transaction = in_transaction;
  complete(operation, statement, queued.prepared->may_commit);
  queued.answer->error = failure_info(answer.get(), operation, statement.params);
  if (outdated) queued.answer->error->code = Errc::conflict;
  return true;
}

}  // namespace grant::postgres
